"""Staging: pages of users on their way into a snapshot, held back as long as they may turn out not to be needed.

And out of it again, page by page.
"""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from shared.domain.directory import DirectoryUser
from shared.domain.ids import TenantId
from shared.domain.job import FetchJob
from shared.domain.snapshot import SnapshotRef, Tally, Verification, encode_pages
from shared.ports import SnapshotStore
from shared.turns import turn

#: Pages held in memory before they are stored: a small source that has not changed costs no write at all.
_HELD_PAGES: Final = 4


@dataclass(slots=True)
class Staging:
    """The pages of one attempt at one source, some of them still in memory."""

    job: FetchJob
    snapshots: SnapshotStore
    attempt: str
    tally: Tally = field(default_factory=Tally)
    held: list[bytes] = field(default_factory=list)

    async def add(self, users: Sequence[DirectoryUser]) -> None:
        """Take one page of the directory."""
        if not users:
            return
        async with turn():
            pages = list(encode_pages(users))
        for page, on_it in pages:
            async with turn():
                self.tally = self.tally.add(page, on_it)
            self.held.append(page)
        if len(self.held) > _HELD_PAGES:
            await self.flush()

    async def keep(self, page: bytes, users: Sequence[DirectoryUser]) -> None:
        """Take a page that is encoded already, with who is on it."""
        async with turn():
            self.tally = self.tally.add(page, users)
        self.held.append(page)
        if len(self.held) > _HELD_PAGES:
            await self.flush()

    async def flush(self) -> None:
        """Leave every page stored."""
        first = self.tally.pages - len(self.held)
        for offset, page in enumerate(self.held):
            await self.snapshots.stage(self.job.tenant, self.job.source, self.attempt, first + offset, page)
        self.held.clear()

    @property
    def untouched(self) -> bool:
        """Whether nothing has been stored yet."""
        return len(self.held) == self.tally.pages


async def stored_users(snapshots: SnapshotStore, tenant: TenantId, ref: SnapshotRef) -> AsyncIterator[DirectoryUser]:
    """Iterate over everybody in a snapshot, one page in memory at a time.

    Raises: Conflict at the end if the pages are not exactly those of the reference.
    """
    verification = Verification()
    async for page in snapshots.pages(tenant, ref):
        async with turn():
            users = verification.add(page)
        for user in users:
            yield user
    verification.require(ref)
