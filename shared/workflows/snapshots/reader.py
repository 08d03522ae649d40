"""Snapshot reader: iterates over the users of a snapshot, and verifies its pages against the manifest."""

from collections.abc import AsyncIterator

from shared.domain.directory import DirectoryUser
from shared.domain.ids import TenantId
from shared.domain.snapshots.snapshot import SnapshotManifest
from shared.domain.snapshots.verification import Verification
from shared.ports.snapshots import SnapshotStore
from shared.runtime.fair_scheduler import cpu_slice


async def stored_users(
    snapshots: SnapshotStore, tenant: TenantId, manifest: SnapshotManifest
) -> AsyncIterator[DirectoryUser]:
    """Iterate over the users of a snapshot, with one page in memory at a time.

    Raises SnapshotIncomplete after the last page if the pages are not exactly those of the manifest.
    """
    verification = Verification()
    async for page in snapshots.list_pages(tenant, manifest):
        async with cpu_slice():
            users = verification.add(page)
        for user in users:
            yield user
    verification.require(manifest)
