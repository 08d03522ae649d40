"""Draft: partitions of a new snapshot, until the people in doubt have been read by id.

People are in doubt if what the directory reports about them is partial, or contradicts itself or the previous snapshot.
"""

from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import Final

from shared.domain.directory import DirectoryUser
from shared.domain.ids import ObjectId
from shared.domain.snapshots.snapshot import (
    ChangedUsers,
    Partition,
    SnapshotManifest,
    decode_partition,
    encode_partition,
)
from shared.runtime.fair_scheduler import cpu_slice

#: Maximum number of changed people that are named. Locations with more are compared completely.
MAX_CHANGED: Final = 100
#: Maximum number of people of a source that a run reads by id. A request reads 20 of them, or lists 999.
MAX_READ_BY_ID: Final = 1_000

#: What is stored and what was reported about a person in doubt; None for a person who is not there.
Doubt = tuple[DirectoryUser | None, DirectoryUser | None]
#: Returns for each person in doubt what is to be stored; None for a person who is not there.
Settle = Callable[[Mapping[ObjectId, Doubt]], Awaitable[Mapping[ObjectId, DirectoryUser | None]]]


async def believe(doubts: Mapping[ObjectId, Doubt]) -> dict[ObjectId, DirectoryUser | None]:
    """Settle doubts without asking: what was reported is true."""
    return {person: reported for person, (_, reported) in doubts.items()}


class Difference:
    """Collects the people who differ, and those of them who are there afterwards, up to `MAX_CHANGED`."""

    def __init__(self) -> None:
        self._people: set[ObjectId] = set()
        self._after: dict[ObjectId, DirectoryUser] = {}

    def add(self, before: Mapping[ObjectId, DirectoryUser], after: Mapping[ObjectId, DirectoryUser]) -> None:
        """Add some people, as they were and as they are."""
        if len(self._people) <= MAX_CHANGED:
            people = {person for person in before.keys() | after.keys() if before.get(person) != after.get(person)}
            self._people |= people
            self._after.update((person, after[person]) for person in people & after.keys())

    def users(self, manifest: SnapshotManifest) -> ChangedUsers | None:
        """Return the users; None if they are too many."""
        few = len(self._people) <= MAX_CHANGED
        return ChangedUsers.of(manifest, self._people, self._after) if few else None


class Draft:
    """Partitions that are written under one attempt id, by number."""

    def __init__(self, attempt: str) -> None:
        self.attempt = attempt
        self._doubts: dict[int, dict[ObjectId, Doubt]] = {}
        self.partitions: dict[int, Partition] = {}
        self.contents: dict[int, bytes] = {}
        #: The people who differ, without those in doubt until these are settled.
        self.difference = Difference()

    @property
    def in_doubt(self) -> int:
        """Number of people in doubt."""
        return sum(map(len, self._doubts.values()))

    def put(self, number: int, users: Mapping[ObjectId, DirectoryUser]) -> None:
        """Add or replace a partition."""
        self.partitions[number], self.contents[number] = encode_partition(users, self.attempt)

    def users(self, number: int) -> dict[ObjectId, DirectoryUser]:
        """Return the users of a partition that was added."""
        return decode_partition(self.contents[number])

    def compare(
        self,
        number: int,
        before: Mapping[ObjectId, DirectoryUser],
        after: Mapping[ObjectId, DirectoryUser],
        doubtful: Collection[ObjectId],
    ) -> None:
        """Add the difference of a partition, and note its people in doubt."""
        if doubtful:
            self._doubts[number] = {person: (before.get(person), after.get(person)) for person in doubtful}
            before, after = (
                {person: user for person, user in users.items() if person not in doubtful} for users in (before, after)
            )
        self.difference.add(before, after)

    def forget(self) -> None:
        """Forget differences and doubts. The partitions stay."""
        self.difference, self._doubts = Difference(), {}

    async def settle(self, settle: Settle) -> list[DirectoryUser]:
        """Replace the people in doubt. Return those who are there."""
        if not self._doubts:
            return []
        settled = await settle({person: doubt for doubts in self._doubts.values() for person, doubt in doubts.items()})
        for number, doubts in self._doubts.items():
            async with cpu_slice():
                users = self.users(number)
                there = {person: user for person in doubts if (user := settled[person]) is not None}
                for person in doubts:
                    users.pop(person, None)
                self.put(number, users | there)
                self.difference.add({person: old for person, (old, _) in doubts.items() if old is not None}, there)
        self._doubts = {}
        return [user for user in settled.values() if user is not None]
