"""Snapshots in memory."""

from collections.abc import AsyncIterator

from shared.domain.ids import SourceId, TenantId
from shared.domain.snapshot import CompleteSnapshot, SnapshotRef


class FakeSnapshotStore:
    """`SnapshotStore` in dicts."""

    def __init__(self) -> None:
        self._current: dict[tuple[TenantId, SourceId], tuple[int, SnapshotRef]] = {}
        self._pages: dict[tuple[TenantId, SourceId, str, int], bytes] = {}

    async def current(self, tenant: TenantId, source: SourceId) -> SnapshotRef | None:
        """Return the snapshot of the last complete read whose changes were applied."""
        found = self._current.get((tenant, source))
        return None if found is None else found[1]

    async def stage(self, tenant: TenantId, source: SourceId, attempt: str, index: int, page: bytes) -> None:
        """Store one page; the same page of the same attempt may be stored again."""
        self._pages[tenant, source, attempt, index] = page

    async def load(self, tenant: TenantId, ref: SnapshotRef) -> CompleteSnapshot:
        """Return a snapshot. Raises: Conflict if its pages are not all there, unchanged."""
        return CompleteSnapshot.verified(ref, [page async for page in self.pages(tenant, ref)])

    async def pages(self, tenant: TenantId, ref: SnapshotRef) -> AsyncIterator[bytes]:
        """Iterate over the pages of a snapshot in order, as they are there."""
        for key in [key for key in sorted(self._pages) if key[:3] == (tenant, ref.source, ref.attempt)]:
            yield self._pages[key]

    async def commit(self, tenant: TenantId, ref: SnapshotRef, generation: int, *, sweep: bool = True) -> None:
        """Make a snapshot current and delete all other pages of its source; nothing if a newer generation did so."""
        found = self._current.get((tenant, ref.source))
        if found is not None and found[0] > generation:
            return
        self._current[tenant, ref.source] = (generation, ref)
        for key in list(self._pages):
            if sweep and key[:2] == (tenant, ref.source) and key[2] != ref.attempt:
                del self._pages[key]

    async def erase(self, tenant: TenantId) -> None:
        """Delete every row of the tenant."""
        self._current = {key: each for key, each in self._current.items() if key[0] != tenant}
        self._pages = {key: page for key, page in self._pages.items() if key[0] != tenant}
