"""Snapshot reader: reads the partitions of a snapshot in order, and verifies them against its manifest."""

from collections.abc import AsyncIterator, Sequence

import msgspec

from shared.domain.ids import TenantId
from shared.domain.snapshots.snapshot import SnapshotBody, SnapshotManifest
from shared.domain.snapshots.verification import CompleteSnapshot
from shared.errors import SnapshotIncomplete
from shared.ports.snapshots import SnapshotStore
from shared.runtime.fair_scheduler import cpu_slice
from shared.workflows.snapshots.cache import RecentResults


class SnapshotReader(msgspec.Struct, frozen=True):
    """Reads the snapshots of tenants."""

    store: SnapshotStore
    recent: RecentResults

    async def open(self, tenant: TenantId, manifest: SnapshotManifest) -> SnapshotBody:
        """Return the body of a manifest. Raises SnapshotIncomplete if it is missing or damaged."""
        async for _, content in self.store.read(tenant, manifest.source, [manifest.body_key]):
            async with cpu_slice():
                return SnapshotBody.verified(manifest, content)
        raise SnapshotIncomplete(f"the list of partitions of {manifest.source} is missing")

    async def partitions(
        self, tenant: TenantId, body: SnapshotBody, numbers: Sequence[int], count: int
    ) -> AsyncIterator[CompleteSnapshot | None]:
        """Iterate over the partitions with these ascending numbers of `count`, not fewer than the snapshot has.

        A partition that is missing or damaged is None.
        """
        ratio = count // len(body.partitions)
        stored = self._stored(tenant, body, sorted({number // ratio for number in numbers}))
        current = -1
        parts: Sequence[CompleteSnapshot | None] = ()
        for number in numbers:
            if number // ratio != current:
                current, whole = await anext(stored)
                if whole is None or ratio == 1:
                    parts = [whole] * ratio
                else:
                    async with cpu_slice():
                        parts = whole.divided(range(current * ratio, (current + 1) * ratio), count)
            yield parts[number % ratio]

    async def required(
        self, tenant: TenantId, body: SnapshotBody, numbers: Sequence[int]
    ) -> AsyncIterator[CompleteSnapshot]:
        """Iterate over stored partitions. Raises SnapshotIncomplete if one is missing or damaged."""
        async for snapshot in self.partitions(tenant, body, numbers, len(body.partitions)):
            if snapshot is None:
                raise SnapshotIncomplete(f"a partition of {body.manifest.source} is missing or damaged")
            yield snapshot

    async def _stored(
        self, tenant: TenantId, body: SnapshotBody, numbers: Sequence[int]
    ) -> AsyncIterator[tuple[int, CompleteSnapshot | None]]:
        keys = [body.partitions[number].key(number) for number in numbers]
        rows = self.store.read(tenant, body.manifest.source, keys, len(body.partitions))
        row = await anext(rows, None)
        for number, key in zip(numbers, keys, strict=True):
            snapshot = None
            if row is not None and row[0] == key:
                async with cpu_slice():
                    snapshot = self._verified(tenant, body, number, row[1])
                row = await anext(rows, None)
            yield number, snapshot

    def _verified(self, tenant: TenantId, body: SnapshotBody, number: int, content: bytes) -> CompleteSnapshot | None:
        manifest = body.manifest
        key = tenant, manifest.source, manifest.conclusive, number, body.partitions[number]
        try:
            return self.recent.get_or_compute(key, lambda: CompleteSnapshot.verified(body, number, content))
        except SnapshotIncomplete:
            return None


async def stored_partitions(
    snapshots: SnapshotStore, tenant: TenantId, manifest: SnapshotManifest
) -> AsyncIterator[CompleteSnapshot]:
    """Iterate over the partitions of a snapshot, with one of them in memory at a time.

    Raises SnapshotIncomplete if one is missing or damaged.
    """
    reader = SnapshotReader(snapshots, RecentResults())
    body = await reader.open(tenant, manifest)
    async for snapshot in reader.required(tenant, body, range(len(body.partitions))):
        yield snapshot
