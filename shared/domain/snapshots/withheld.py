"""Withheld properties: a directory that answers with null for what it showed before.

When a permission is narrowed, a directory can still answer, with null in place of what the app may no longer read. Null
is then not an empty value. Whether properties are withheld is judged over a whole source, against its stored snapshot.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from operator import attrgetter
from typing import Final

import msgspec

from shared.domain.directory import DirectoryUser, InactiveReason
from shared.domain.ids import ObjectId
from shared.domain.recipient import API_NAMES
from shared.domain.snapshots.delta import Item, person_of

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
#: Share of the stored people up to which people are few. A property is scarce if a listing shows it of few people, and
#: changes that take it from more people are suspicious.
_FEW_SHARE: Final = 0.1
_VALUES: Final = {name: attrgetter(name) for name in PROPERTIES}


def _shows_status(user: DirectoryUser) -> bool:
    return user.inactive is not InactiveReason.UNKNOWN


#: Whether a user has a value of what a change can take away, by field: the properties and the account status.
_CHANGING: Final[Mapping[str, Callable[[DirectoryUser], object]]] = {**_VALUES, "inactive": _shows_status}


class Visible(msgspec.Struct, frozen=True, kw_only=True):
    """What a listing has shown so far. It costs little to keep: a property that many users have is dropped."""

    #: Whether the account status of any user was shown.
    status: bool = False
    #: Number of users with a value, by property, for the properties that few users have.
    scarce: dict[str, int] = msgspec.field(default_factory=lambda: dict.fromkeys(PROPERTIES, 0))

    def after(self, users: Sequence[DirectoryUser], stored_users: int) -> "Visible":
        """Return what is shown after more users. `stored_users` is the size of the stored snapshot, 0 without one."""
        few = stored_users * _FEW_SHARE
        scarce = {name: count + sum(map(bool, map(_VALUES[name], users))) for name, count in self.scarce.items()}
        return Visible(
            status=self.status or any(map(_shows_status, users)),
            scarce={name: count for name, count in scarce.items() if count <= few},
        )


class Cleared:
    """Numbers of people who lost a property by changes, by property.

    The numbers grow over rounds of changes, from one listing to the next: a permission that is narrowed takes values
    only from people who change. A property that a change shows of a person who had it before is not withheld.
    """

    def __init__(self, earlier: Mapping[str, int]) -> None:
        self._numbers = dict(earlier)
        self._shown: set[str] = set()
        #: Properties that changes have given to people who did not have them.
        self.gained: set[str] = set()

    def add(
        self,
        before: Mapping[ObjectId, DirectoryUser],
        after: Mapping[ObjectId, DirectoryUser],
        items: Iterable[Item],
    ) -> None:
        """Add people with all their changes of a round. From people who were unknown or are gone, nothing was taken."""
        cleared: dict[str, set[ObjectId]] = {}
        for item in items:
            if not isinstance(item, dict):
                continue
            person = person_of(item)
            had, has = before.get(person), after.get(person)
            if has is None:
                continue
            for name, value in _CHANGING.items():
                if name in item and had is not None and value(had):
                    if value(has):
                        self._shown.add(name)
                    else:
                        cleared.setdefault(name, set()).add(person)
                elif name in item and value(has):
                    self.gained.add(name)
        for name, people in cleared.items():
            self._numbers[name] = self._numbers.get(name, 0) + len(people)

    @property
    def numbers(self) -> dict[str, int]:
        """The numbers, without the properties that were shown."""
        return {name: people for name, people in self._numbers.items() if name not in self._shown}

    def is_suspicious(self, stored_users: int) -> bool:
        """Return whether a property may be withheld, so that the source must be listed and judged as a whole."""
        many = max(MIN_PEOPLE, stored_users * _FEW_SHARE)
        return any(people >= many for people in self.numbers.values())


class WithheldJudgement:
    """Compares a listing with the stored snapshot, both read completely. The listing is added first.

    `cleared` is the number of people who had already lost a property by changes of the stored snapshot, by property.
    """

    def __init__(self, suspects: Collection[str], cleared: Mapping[str, int]) -> None:
        self._listed: set[ObjectId] = set()
        self._stored = 0
        #: By property: the people who have it now, the number who had it, and the number of those who are still listed.
        self._have: dict[str, set[ObjectId]] = {name: set() for name in suspects}
        self._had = {name: cleared.get(name, 0) for name in suspects}
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
