"""Snapshots of sources."""

from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence
from typing import Protocol

from shared.domain.ids import SourceId, TenantId
from shared.domain.snapshots.page import Page, PageIndexEntry
from shared.domain.snapshots.snapshot import SnapshotManifest


class SnapshotStore(Protocol):
    """The pages of snapshots, and which snapshot of a source is current."""

    async def find_current(self, tenant: TenantId, source: SourceId) -> SnapshotManifest | None:
        """Return the manifest of the last complete read whose changes were applied."""

    async def stage(self, tenant: TenantId, source: SourceId, attempt: str, first: int, pages: Sequence[Page]) -> None:
        """Store pages of an attempt, numbered from `first` on; the same ones may be stored again."""

    def list_page_index(self, tenant: TenantId, ref: SnapshotManifest) -> AsyncIterator[PageIndexEntry]:
        """Iterate over the marks of a snapshot's pages in order, as they are there, without reading the pages."""

    def list_pages(
        self, tenant: TenantId, ref: SnapshotManifest, only: Collection[str] | None = None
    ) -> AsyncIterator[bytes]:
        """Iterate over the stored pages of a snapshot in order. The caller verifies them.

        `only` names some of their page_keys.
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
        """Make a snapshot current and delete all other pages of its source; nothing if a newer fencing token did so.

        Without `sweep` nothing is deleted if its pages were current before. `guard` raises unless its run still has
        the tenant; it is called when all that will be deleted is known, so that no page of a later run is among it.
        """

    async def delete_all(self, tenant: TenantId) -> None:
        """Delete every row of the tenant. Sources are those ever committed or staged."""
