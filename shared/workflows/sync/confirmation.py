"""Confirmation: asks a directory by id about people of a source that its reports leave in doubt."""

from collections.abc import Mapping
from dataclasses import dataclass

import msgspec

from shared.domain.counted import counted
from shared.domain.directory import DirectoryUser, Existence, InactiveReason, Source
from shared.domain.ids import ObjectId
from shared.domain.problem import Problem
from shared.domain.retry_policy import UNCLEAR
from shared.errors import Transient
from shared.ports.directory import Directory
from shared.workflows.snapshots.draft import Doubt

Settled = dict[ObjectId, DirectoryUser | None]


class UnclearAnswer(Transient):
    """The directory gave no clear answer about people that its changes name. The round is repeated later."""


@dataclass(slots=True)
class Confirmation:
    """Confirmations of one source."""

    directory: Directory
    source: Source
    #: Number of people in a listing without a clear answer of the directory. They are left as they were.
    unclear: int = 0

    async def of_changes(self, doubts: Mapping[ObjectId, Doubt]) -> Settled:
        """Return the people that changes leave in doubt; None for a person who does not exist. Raises UnclearAnswer."""
        answers = await self.directory.users_by_id(list(doubts))
        if unclear := len(doubts.keys() - answers.keys()):
            people = counted(unclear, "person", "people")
            raise UnclearAnswer(
                f"The directory gave no clear answer about {people} that its changes name.",
                retry_after_s=UNCLEAR.first_wait_s,  # without a wait, a first response counts as an outage
            )
        return {person: _with_manager(answers[person], doubt) for person, doubt in doubts.items()}

    async def of_listing(self, doubts: Mapping[ObjectId, Doubt]) -> Settled:
        """Return the people that a listing leaves in doubt; None for a person who does not belong to the source."""
        if self.source.group is None:
            answers = await self.directory.users_by_id(list(doubts))
            self.unclear += len(doubts.keys() - answers.keys())
            return {
                person: _with_manager(answers[person], doubt) if person in answers else doubt[0]
                for person, doubt in doubts.items()
            }
        existence = await self.directory.check_existence(list(doubts), [self.source])
        return {person: self._member(existence.get(person), doubt) for person, doubt in doubts.items()}

    def _member(self, existence: Existence | None, doubt: Doubt) -> DirectoryUser | None:
        stored, listed = doubt
        match existence:
            case Existence.FOUND | Existence.GUEST:
                return listed or self._kept(stored)
            case Existence.DISABLED if listed is not None:
                return listed if listed.only_id else msgspec.structs.replace(listed, inactive=InactiveReason.DISABLED)
            case Existence.NOT_FOUND | Existence.NOT_IN_SOURCE | Existence.DISABLED:
                return None
            case _:
                self.unclear += 1
                return self._kept(stored)

    def _kept(self, stored: DirectoryUser | None) -> DirectoryUser | None:
        """Return a stored user as this source shows users: it may have been read by id before, and not now."""
        if stored is None or stored.only_id == self.source.by_id:
            return stored
        return DirectoryUser.only(stored.id) if self.source.by_id else None

    @property
    def warnings(self) -> tuple[Problem, ...]:
        """A warning about the unclear answers, if there were any."""
        if not self.unclear:
            return ()
        detail = (
            f"The directory lists {counted(self.unclear, 'person', 'people')} differently than before, and gives no "
            "clear answer when it is asked about them. They stay as they were until a later sync."
        )
        return (Problem(concerns=self.source.subject, code="unconfirmed", detail=detail),)


def _with_manager(user: DirectoryUser | None, doubt: Doubt) -> DirectoryUser | None:
    """Return a user read by id with the manager that was reported: reading by id does not show one."""
    stored, reported = doubt
    latest = reported or stored
    return msgspec.structs.replace(user, manager=latest.manager) if user is not None and latest is not None else user
