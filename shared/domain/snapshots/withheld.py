"""Withheld properties: a directory that answers with null for what it showed before.

When a permission is narrowed, a directory can still answer, with null in place of what the app may no longer read. Null
is then not an empty value. Whether properties are withheld is judged over a whole source, against its stored snapshot.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from operator import attrgetter
from typing import Final

import msgspec

from shared.domain.directory import DirectoryUser, Fields, InactiveReason
from shared.domain.ids import ObjectId
from shared.domain.recipient import API_NAMES

#: Fields of a user that are None or empty if the directory shows no value: all but those that it always shows.
PROPERTIES: Final = tuple(
    name for name in DirectoryUser.__struct_fields__ if name not in {"id", "user_principal_name", "inactive", "guest"}
)
#: Compared only if the preferences ask for managers: otherwise none are read.
MANAGER: Final = "manager"
#: Minimum number of people who had a property before its absence counts as withheld...
MIN_PEOPLE: Final = 10
#: ...and their minimum share of the people in the stored snapshot, exclusive.
MIN_SHARE: Final = 0.5
#: A property is scarce in a listing if at most this share of the number of stored people has it.
_SCARCE_SHARE: Final = 0.1
_VALUES: Final = {name: attrgetter(name) for name in PROPERTIES}


class Visible(msgspec.Struct, frozen=True, kw_only=True):
    """What a listing has shown so far. It costs little to keep: a property that many users have is dropped."""

    #: Whether the account status of any user was shown.
    status: bool = False
    #: Number of users with a value, by property, for the properties that few users have.
    scarce: dict[str, int] = msgspec.field(default_factory=lambda: dict.fromkeys(PROPERTIES, 0))

    def after(self, users: Sequence[DirectoryUser], stored_users: int) -> "Visible":
        """Return what is shown after more users. `stored_users` is the size of the stored snapshot, 0 without one."""
        few = stored_users * _SCARCE_SHARE
        scarce = {name: count + sum(map(bool, map(_VALUES[name], users))) for name, count in self.scarce.items()}
        return Visible(
            status=self.status or any(user.inactive is not InactiveReason.UNKNOWN for user in users),
            scarce={name: count for name, count in scarce.items() if count <= few},
        )


class Cleared(msgspec.Struct, frozen=True, kw_only=True):
    """What the changes since a snapshot have taken from people so far: the number of people, by property."""

    status: int = 0
    properties: dict[str, int] = msgspec.field(default_factory=dict)

    def after(self, changes: Iterable[tuple[ObjectId, Fields | None]]) -> "Cleared":
        """Return the numbers after more changes."""
        status, properties = self.status, dict(self.properties)
        for _, fields in changes:
            if fields is not None:
                status += fields.get("inactive") is InactiveReason.UNKNOWN
                for name in PROPERTIES:
                    if name in fields and not fields[name]:
                        properties[name] = properties.get(name, 0) + 1
        return Cleared(status=status, properties=properties)

    def suspects(self, stored_users: int) -> frozenset[str]:
        """Return the properties that at least half of the stored people lost, which may be withheld."""
        many = max(MIN_PEOPLE, stored_users * MIN_SHARE)
        return frozenset(name for name, count in self.properties.items() if count >= many)


class WithheldJudgement:
    """Compares a listing with the stored snapshot, both read completely. The listing is added first."""

    def __init__(self, suspects: Collection[str]) -> None:
        self._listed: set[ObjectId] = set()
        self._stored = 0
        #: By property: the people who have it now, the number who had it, and the number of those who are still listed.
        self._have: dict[str, set[ObjectId]] = {name: set() for name in suspects}
        self._had = dict.fromkeys(suspects, 0)
        self._stayed = dict.fromkeys(suspects, 0)

    def add_listed(self, users: Sequence[DirectoryUser]) -> None:
        """Add users of the listing."""
        self._listed.update([user.id for user in users])
        for name, have in self._have.items():
            value = _VALUES[name]
            have.update([user.id for user in users if value(user)])

    def add_stored(self, users: Sequence[DirectoryUser]) -> None:
        """Add users of the stored snapshot. A property that one of them still has is not withheld."""
        self._stored += len(users)
        for name in tuple(self._have):
            value = _VALUES[name]
            had = [user.id for user in users if value(user)]
            if self._have[name].isdisjoint(had):
                self._had[name] += len(had)
                self._stayed[name] += len(self._listed.intersection(had))
            else:
                del self._have[name]

    def withheld(self) -> Mapping[str, int]:
        """Return the withheld properties by API name, with the number of people who had them.

        A property is withheld if at least `MIN_PEOPLE` people, and more than `MIN_SHARE` of all, had it, some of them
        are still listed, and none of them has it now.
        """
        return {
            API_NAMES.get(name, name): self._had[name]
            for name in self._have
            if self._had[name] >= MIN_PEOPLE and self._had[name] > self._stored * MIN_SHARE and self._stayed[name]
        }
