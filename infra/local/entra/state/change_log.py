"""Change log of a directory, in order. Delta queries read it."""

from collections.abc import Iterator
from enum import StrEnum

import msgspec

from infra.local.entra.state.clock import SimulatedClock
from infra.local.entra.state.group import Kind, Member

MEMBERS = "members"


class Did(StrEnum):
    """The kind of a change."""

    APPEARED = "appeared"  # created or restored
    UPDATED = "updated"
    VANISHED = "vanished"  # deleted; the directory knows how


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """One change of one object."""

    at_s: float
    kind: Kind
    object_id: str
    did: Did
    fields: tuple[str, ...] = ()  #: changed properties by Graph's names; `members` for a membership
    member: Member | None = None


class ChangeLog:
    """Changes, numbered from 1."""

    def __init__(self, clock: SimulatedClock) -> None:
        self._clock = clock
        self._changes: list[Change] = []

    def now_s(self) -> float:
        """Return the time of a change that happens now."""
        return self._clock.epoch_s()

    def last(self, *, older_than_s: float = 0.0) -> int:
        """Return the number of the latest change that is at least `age_s` old, or 0."""
        number = len(self._changes)
        if older_than_s > 0:
            latest_s = self._clock.epoch_s() - older_than_s
            while number and self._changes[number - 1].at_s > latest_s:
                number -= 1
        return number

    def between(self, after: int, upto: int, kind: Kind) -> Iterator[Change]:
        """Return the changes of one kind of object, `after` exclusive, `upto` inclusive."""
        return (change for change in self._changes[after:upto] if change.kind is kind)

    def note(
        self, kind: Kind, object_id: str, did: Did, *, fields: tuple[str, ...] = (), member: Member | None = None
    ) -> None:
        """Append a change, with the current time."""
        self._changes.append(
            Change(at_s=self._clock.epoch_s(), kind=kind, object_id=object_id, did=did, fields=fields, member=member)
        )
