"""Rewriting: a snapshot made of another one, of which those pages stay where they are on which nobody is different."""

from collections import deque
from collections.abc import AsyncIterator, Collection, Sequence
from dataclasses import dataclass
from itertools import compress
from typing import Final, Self

import msgspec

from shared.domain.directory import DirectoryUser
from shared.domain.ids import ObjectId, TenantId
from shared.domain.snapshots.page import PageIndexEntry, hashes_of
from shared.domain.snapshots.snapshot import SnapshotDigest, SnapshotManifest
from shared.domain.snapshots.verification import require_page_index
from shared.ports.snapshots import SnapshotStore
from shared.runtime.fair_scheduler import cpu_slice
from shared.workflows.snapshots.writer import Staging

#: Marks that are looked through at once, which takes 15 us each; and people who are looked for, at 0.25 us.
_MARKS: Final = 250
_PEOPLE: Final = 10_000
_SETS: Final = 256


async def load_page_index(snapshots: SnapshotStore, tenant: TenantId, ref: SnapshotManifest) -> list[PageIndexEntry]:
    """Return the marks of all pages of a snapshot. Raises: SnapshotIncomplete if they are not all there."""
    marks = [mark async for mark in snapshots.list_page_index(tenant, ref)]
    require_page_index(ref, marks)
    return marks


async def looked_for(people: Collection[ObjectId]) -> frozenset[int]:
    """Return people as marks know them."""
    listed, found = list(people), set[int]()
    for start in range(0, len(listed), _PEOPLE):
        async with cpu_slice():
            found |= hashes_of(listed[start : start + _PEOPLE])
    return frozenset(found)


@dataclass(slots=True)
class Rewriting:
    """The snapshot that is made, under the attempt of a staging of its own."""

    ref: SnapshotManifest
    staging: Staging
    digest: SnapshotDigest
    marks: Sequence[PageIndexEntry]
    #: The digests of the pages of the other one that stay, by place.
    stay: dict[str, bytes]

    @classmethod
    def of(cls, ref: SnapshotManifest, marks: Sequence[PageIndexEntry], staging: Staging) -> Self:
        """Begin with all pages of another snapshot, of which these are the marks."""
        return cls(ref, staging, ref.digest, marks, {mark.page_key: mark.digest for mark in marks})

    async def showing(self, people: frozenset[int]) -> list[PageIndexEntry]:
        """Return the marks of pages that may show any of these people, given as by `hashes_of`."""
        found: list[PageIndexEntry] = []
        for start in range(0, len(self.marks), _MARKS):
            async with cpu_slice():
                found += [mark for mark in self.marks[start : start + _MARKS] if mark.may_contain(people)]
        return found

    async def read(self, marks: Sequence[PageIndexEntry]) -> AsyncIterator[tuple[PageIndexEntry, list[DirectoryUser]]]:
        """Iterate over pages of the other snapshot in its order, one in memory at a time.

        Raises: SnapshotIncomplete if one of them is not what its mark says.
        """
        left = deque(marks)
        page_keys = {mark.page_key for mark in marks}
        async for page in self.staging.snapshots.list_pages(self.staging.job.tenant, self.ref, page_keys):
            mark = left.popleft()
            async with cpu_slice():
                users = mark.users(page)
            yield mark, users
        for mark in left:
            mark.users(b"")  # it did not come

    async def replace(
        self,
        mark: PageIndexEntry,
        users: Sequence[DirectoryUser],
        gone: Sequence[DirectoryUser],
        come: Sequence[DirectoryUser],
    ) -> None:
        """Take users in the place of a page: those of it but for who is gone, and who has come."""
        del self.stay[mark.page_key]
        await self._take(users, gone, come)

    async def add(self, users: Sequence[DirectoryUser]) -> None:
        """Take a further page."""
        await self._take(users, (), users)

    async def _take(
        self, users: Sequence[DirectoryUser], gone: Sequence[DirectoryUser], come: Sequence[DirectoryUser]
    ) -> None:
        async with cpu_slice():
            self.digest = self.digest.moved_on(gone, come)
        await self.staging.add(users)

    async def done(self) -> SnapshotManifest:
        """Return the snapshot, with every page of it stored."""
        await self.staging.flush()
        digests = self.stay | {mark.page_key: mark.digest for mark in self.staging.marks}
        page_keys = sorted(digests)
        async with cpu_slice():
            digest = self.digest.on_pages(digests[key] for key in page_keys)
        attempt = self.staging.attempt
        return msgspec.structs.replace(
            self.ref, attempt=attempt, digest=digest, page_keys=tuple(page_keys) if self.stay else ()
        )


async def once_each(listed: Staging, gone: Collection[ObjectId], attempt: str) -> SnapshotManifest | None:
    """Return a listing's pages with the last of what they say about everybody, and nobody who is `gone`.

    None if that is what the pages are, as nearly always; then some of them may not be stored yet.
    Raises: SnapshotIncomplete if some of them are not what they were.
    """
    job, ref = listed.job, listed.ref
    marks: Sequence[PageIndexEntry] = listed.marks
    if len(marks) < ref.digest.pages:  # an earlier message has taken the first ones
        await listed.flush()
        marks = await load_page_index(listed.snapshots, job.tenant, ref)
    rewriting = Rewriting.of(ref, marks, Staging(job, listed.snapshots, attempt))
    suspects = await looked_for(gone) | await _shown_twice(marks)
    touched = await rewriting.showing(suspects)
    if not touched:
        return None
    await listed.flush()
    last: dict[ObjectId, str] = {}
    lose: set[str] = set()
    async for mark, users in rewriting.read(touched):
        for person, user in zip(mark.people, users, strict=True):
            if person in suspects:
                if user.id in last:
                    lose.add(last[user.id])
                if user.id in gone:
                    lose.add(mark.page_key)
                last[user.id] = mark.page_key
    async for mark, users in rewriting.read([mark for mark in touched if mark.page_key in lose]):
        stay = [user.id not in gone and last.get(user.id, mark.page_key) == mark.page_key for user in users]
        dropped = [user for user, stays in zip(users, stay, strict=True) if not stays]
        await rewriting.replace(mark, list(compress(users, stay)), dropped, ())
    return await rewriting.done() if lose else None


async def _shown_twice(marks: Sequence[PageIndexEntry]) -> frozenset[int]:
    """Return who may be on several pages, as `hashes_of` gives people."""
    seen: list[set[int]] = [set() for _ in range(_SETS)]  # one that grows to a million takes 20 ms to do so
    twice: set[int] = set()
    for mark in marks:
        async with cpu_slice():
            for person in mark.people:
                known = seen[person % _SETS]
                (twice if person in known else known).add(person)
    return frozenset(twice)
