"""The pages of snapshots, and which snapshot of a source is current."""

from collections.abc import AsyncIterator
from typing import Any

from shared.adapters.tables import keys
from shared.adapters.tables.accounts import TenantTables
from shared.adapters.tables.names import SNAPSHOTS
from shared.adapters.tables.packing import join, pack, split, unpack
from shared.domain.ids import SourceId, TenantId
from shared.domain.snapshot import CompleteSnapshot, SnapshotRef
from shared.errors import Conflict


class TableSnapshotStore:
    """`SnapshotStore` on the table Snapshots, one partition per source."""

    def __init__(self, accounts: TenantTables) -> None:
        self._accounts = accounts

    async def current(self, tenant: TenantId, source: SourceId) -> SnapshotRef | None:
        """Return the snapshot of the last complete read whose changes were applied."""
        tables = await self._accounts.of(tenant)
        row = await tables.find(SNAPSHOTS, keys.source(tenant, source), keys.CURRENT)
        return None if row is None else unpack(row, SnapshotRef)

    async def stage(self, tenant: TenantId, source: SourceId, attempt: str, index: int, page: bytes) -> None:
        """Store one page; the same page of the same attempt may be stored again."""
        tables = await self._accounts.of(tenant)
        row = {"PartitionKey": keys.source(tenant, source), "RowKey": keys.page(attempt, index), **split(page)}
        await tables.put(SNAPSHOTS, row)

    async def load(self, tenant: TenantId, ref: SnapshotRef) -> CompleteSnapshot:
        """Return a snapshot. Raises: Conflict if its pages are not all there, unchanged."""
        return CompleteSnapshot.verified(ref, [page async for page in self.pages(tenant, ref)])

    async def pages(self, tenant: TenantId, ref: SnapshotRef) -> AsyncIterator[bytes]:
        """Iterate over the pages of a snapshot in order, as they are there: whoever takes them verifies them."""
        tables = await self._accounts.of(tenant)
        partition = keys.source(tenant, ref.source)
        async for row in tables.query(SNAPSHOTS, partition=partition, rows=keys.page_range(ref.attempt)):
            yield join(row)

    async def commit(self, tenant: TenantId, ref: SnapshotRef, generation: int, *, sweep: bool = True) -> None:
        """Make a snapshot current and delete all other pages of its source; nothing if a newer generation did so.

        Without `sweep` nothing is deleted: for a snapshot whose pages were current before.
        """
        tables = await self._accounts.of(tenant)
        partition = keys.source(tenant, ref.source)
        row: Any = await tables.find(SNAPSHOTS, partition, keys.CURRENT)
        if row is not None and row["generation"] > generation:
            return
        if row is None or row["generation"] < generation or unpack(row, SnapshotRef) != ref:
            entity = {"PartitionKey": partition, "RowKey": keys.CURRENT, "generation": generation, **pack(ref)}
            try:
                await tables.swap(SNAPSHOTS, entity, None if row is None else str(row.metadata["etag"]))
            except Conflict:
                # somebody else has just committed: who is newer?
                await self.commit(tenant, ref, generation, sweep=sweep)
                return
        if sweep:  # also when nothing was written: whoever wrote it may have died before this
            await tables.erase(SNAPSHOTS, partition=partition, keep=keys.is_current_or_page_of(ref.attempt))

    async def erase(self, tenant: TenantId) -> None:
        """Delete every row of the tenant."""
        tables = await self._accounts.of(tenant)
        await tables.erase(SNAPSHOTS, partitions=keys.tenant_range(tenant))
