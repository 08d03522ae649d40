"""Rewriting: a snapshot made of another one, of which those pages stay where they are on which nobody is different."""

from collections import deque
from collections.abc import AsyncIterator, Collection, Sequence
from dataclasses import dataclass
from typing import Final, Self

import msgspec

from shared.domain.directory import DirectoryUser
from shared.domain.ids import ObjectId, TenantId
from shared.domain.snapshot import Mark, SnapshotRef, Tally, decode_page, require_marks, told
from shared.ports import SnapshotStore
from shared.staging import Staging
from shared.turns import turn

#: Marks that are looked through at once, which takes 15 us each; and people who are looked for, at 0.25 us.
_MARKS: Final = 250
_PEOPLE: Final = 10_000


async def marks_of(snapshots: SnapshotStore, tenant: TenantId, ref: SnapshotRef) -> list[Mark]:
    """Return the marks of all pages of a snapshot. Raises: Conflict (INCOMPLETE) if they are not all there."""
    marks = [mark async for mark in snapshots.marks(tenant, ref)]
    require_marks(ref, marks)
    return marks


@dataclass(slots=True)
class Rewriting:
    """The snapshot that is made, under the attempt of a staging of its own."""

    ref: SnapshotRef
    staging: Staging
    tally: Tally
    marks: Sequence[Mark]
    #: The digests of the pages of the other one that stay, by place.
    stay: dict[str, bytes]

    @classmethod
    async def of(cls, ref: SnapshotRef, staging: Staging) -> Self:
        """Begin with all pages of another snapshot. Raises: Conflict (INCOMPLETE) if they are not all there."""
        marks = await marks_of(staging.snapshots, staging.job.tenant, ref)
        return cls(ref, staging, ref.tally, marks, {mark.place: mark.digest for mark in marks})

    async def showing(self, people: Collection[ObjectId], besides: frozenset[int] = frozenset()) -> list[Mark]:
        """Return the marks of pages that may show any of these people, or who is `besides` as `told` gives it."""
        looked_for, found = set(besides), []
        listed = list(people)
        for start in range(0, len(listed), _PEOPLE):
            async with turn():
                looked_for |= told(listed[start : start + _PEOPLE])
        wanted = frozenset(looked_for)
        for start in range(0, len(self.marks), _MARKS):
            async with turn():
                found += [mark for mark in self.marks[start : start + _MARKS] if mark.may_show(wanted)]
        return found

    async def shown_twice(self) -> frozenset[int]:
        """Return who may be on several pages, as `told` gives it."""
        seen: set[int] = set()
        twice: set[int] = set()
        for mark in self.marks:
            async with turn():
                twice |= seen & mark.people
                seen |= mark.people
        return frozenset(twice)

    async def read(self, marks: Sequence[Mark]) -> AsyncIterator[tuple[Mark, list[DirectoryUser]]]:
        """Iterate over pages of the other snapshot in its order, one in memory at a time.

        Raises: Conflict (INCOMPLETE) if one of them is not what its mark says.
        """
        left = deque(marks)
        places = {mark.place for mark in marks}
        async for page in self.staging.snapshots.pages(self.staging.job.tenant, self.ref, places):
            mark = left.popleft()
            async with turn():
                mark.require(page)
                users = decode_page(page)
            yield mark, users
        for mark in left:
            mark.require(b"")  # it did not come

    async def replace(
        self, mark: Mark, users: Sequence[DirectoryUser], gone: Sequence[DirectoryUser], come: Sequence[DirectoryUser]
    ) -> None:
        """Take users in the place of a page: those of it but for who is gone, and who has come."""
        del self.stay[mark.place]
        await self._take(users, gone, come)

    async def add(self, users: Sequence[DirectoryUser]) -> None:
        """Take a further page."""
        await self._take(users, (), users)

    async def _take(
        self, users: Sequence[DirectoryUser], gone: Sequence[DirectoryUser], come: Sequence[DirectoryUser]
    ) -> None:
        async with turn():
            self.tally = self.tally.moved_on(gone, come)
        await self.staging.add(users)

    async def done(self) -> SnapshotRef:
        """Return the snapshot, with every page of it stored."""
        await self.staging.flush()
        digests = self.stay | self.staging.digests
        places = sorted(digests)
        async with turn():
            tally = self.tally.on_pages(digests[place] for place in places)
        attempt = self.staging.attempt
        return msgspec.structs.replace(
            self.ref, attempt=attempt, tally=tally, places=tuple(places) if self.stay else ()
        )
