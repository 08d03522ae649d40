"""Snapshots of sources."""

from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence
from typing import Protocol

from shared.domain.ids import SourceId, TenantId
from shared.domain.snapshots.page import Page, PageIndexEntry
from shared.domain.snapshots.snapshot import SnapshotManifest


class SnapshotStore(Protocol):
    """Snapshots: their pages, and the manifest of every source's current snapshot."""

    async def find_current(self, tenant: TenantId, source: SourceId) -> SnapshotManifest | None:
        """Return the manifest of the current snapshot: the last complete read whose changes were applied."""

    async def stage(self, tenant: TenantId, source: SourceId, attempt: str, first: int, pages: Sequence[Page]) -> None:
        """Store pages of an attempt, numbered from `first`. Storing the same pages again is harmless."""

    def list_page_index(self, tenant: TenantId, ref: SnapshotManifest) -> AsyncIterator[PageIndexEntry]:
        """Iterate over the page index of a snapshot in order, unverified, without reading the pages."""

    def list_pages(
        self, tenant: TenantId, ref: SnapshotManifest, only: Collection[str] | None = None
    ) -> AsyncIterator[bytes]:
        """Iterate over the pages of a snapshot in order. The caller must verify them.

        `only` restricts them to these page keys.
        """

    async def commit(
        self,
        tenant: TenantId,
        ref: SnapshotManifest,
        fencing_token: int,
        *,
        sweep: bool = True,
        guard: Callable[[], Awaitable[object]] | None = None,
    ) -> None:
        """Make a snapshot current and delete all other pages of its source.

        Does nothing if a run with a newer fencing token has committed. Without `sweep`, nothing is deleted if the
        pages of the snapshot were current before. `guard` raises unless the run is still the tenant's active one. It
        is called after the pages to delete are listed, so that they cannot include pages of a later run.
        """

    async def delete_all(self, tenant: TenantId) -> None:
        """Delete all rows of the tenant, for all sources that were ever committed or staged."""
