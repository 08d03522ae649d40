"""Reading snapshots."""

from collections.abc import AsyncIterator

from shared.domain.directory import DirectoryUser
from shared.domain.ids import TenantId
from shared.domain.snapshots.snapshot import SnapshotManifest
from shared.domain.snapshots.verification import Verification
from shared.ports.snapshots import SnapshotStore
from shared.runtime.fair_scheduler import turn


async def stored_users(
    snapshots: SnapshotStore, tenant: TenantId, ref: SnapshotManifest
) -> AsyncIterator[DirectoryUser]:
    """Iterate over everybody in a snapshot, one page in memory at a time.

    Raises: Conflict at the end if the pages are not exactly those of the reference.
    """
    verification = Verification()
    async for page in snapshots.list_pages(tenant, ref):
        async with turn():
            users = verification.add(page)
        for user in users:
            yield user
    verification.require(ref)
