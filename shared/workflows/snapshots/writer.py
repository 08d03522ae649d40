"""Staging: pages of users on their way into a snapshot, held back as long as they may turn out not to be needed.

And out of it again, page by page.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from shared.domain.directory import DirectoryUser
from shared.domain.snapshots.page import Page, PageIndexEntry, encode_pages
from shared.domain.snapshots.snapshot import SnapshotDigest, SnapshotManifest, page_key
from shared.domain.sync.jobs import FetchJob
from shared.ports.snapshots import SnapshotStore
from shared.runtime.fair_scheduler import cpu_slice

#: Bytes of pages held in memory before they are stored together, some ten pages: a source of few people that has not
#: changed costs no write at all.
_HELD_BYTES: Final = 512 * 1024


@dataclass(slots=True)
class Staging:
    """The pages of one attempt at one source, some of them still in memory."""

    job: FetchJob
    snapshots: SnapshotStore
    attempt: str
    digest: SnapshotDigest = field(default_factory=SnapshotDigest)
    held: list[Page] = field(default_factory=list)
    #: The marks of the pages that were taken here.
    marks: list[PageIndexEntry] = field(default_factory=list)

    async def add(self, users: Sequence[DirectoryUser]) -> None:
        """Take one page of the directory."""
        if not users:
            return
        async with cpu_slice():
            pages = list(encode_pages(users))
        for content, on_it in pages:
            async with cpu_slice():
                page = Page.of(content, on_it)
                self.marks.append(
                    PageIndexEntry(page_key(self.attempt, self.digest.pages), page.digest, page.id_hashes)
                )
                self.digest = self.digest.add_page(page.digest, on_it)
            self.held.append(page)
        if sum(len(page.content) for page in self.held) > _HELD_BYTES:
            await self.flush()

    async def flush(self) -> None:
        """Leave every page stored."""
        if self.held:
            first = self.digest.pages - len(self.held)
            await self.snapshots.stage(self.job.tenant, self.job.source, self.attempt, first, self.held)
            self.held.clear()

    @property
    def ref(self) -> SnapshotManifest:
        """Return where the pages are, once they are stored, and what they must be."""
        return SnapshotManifest(source=self.job.source, attempt=self.attempt, digest=self.digest)

    @property
    def untouched(self) -> bool:
        """Whether nothing has been stored yet."""
        return len(self.held) == self.digest.pages
