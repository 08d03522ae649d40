"""Snapshots: their rows, and the manifest of every source's current snapshot."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from typing import Any, Final

from shared.adapters.stores import keys
from shared.adapters.stores.account_placement import TenantTables
from shared.adapters.stores.table_names import SNAPSHOTS
from shared.adapters.tables.bounded_deletion import delete_some
from shared.adapters.tables.limits import MAX_BATCH
from shared.adapters.tables.packing import MAX_ROW_BYTES, join, pack, split, unpack
from shared.domain.ids import SourceId, TenantId
from shared.domain.snapshots.snapshot import SnapshotBody, SnapshotManifest
from shared.ports.tenant_data import ALL_ROWS
from shared.runtime.optimistic_update import optimistic_update

#: Number of consecutive rows whose reading takes as long as one request for a single row.
_SCANNED_FOR_ONE: Final = 64


class TableSnapshotStore:
    """`SnapshotStore` on the table Snapshots, one partition per source."""

    def __init__(self, accounts: TenantTables) -> None:
        self._accounts = accounts

    async def find_current(self, tenant: TenantId, source: SourceId) -> SnapshotManifest | None:
        """Return the manifest of the current snapshot: the last complete read whose changes were applied."""
        tables = await self._accounts.of(tenant)
        row = await tables.find(SNAPSHOTS, keys.source(tenant, source), keys.CURRENT)
        manifest = None if row is None else unpack(row, SnapshotManifest)
        # without a manifest, or with one of an earlier version, the source is read in full
        return manifest if manifest is not None and manifest.partitions else None

    async def put(self, tenant: TenantId, source: SourceId, rows: Mapping[str, bytes]) -> None:
        """Store rows. Storing the same rows again is harmless. Raises TooLarge if one is larger than MAX_ROW_BYTES."""
        tables = await self._accounts.of(tenant)
        partition = keys.source(tenant, source)
        for batch in _requests(rows):
            entities = [{"PartitionKey": partition, "RowKey": key, **split(content)} for key, content in batch]
            if len(entities) == 1:
                await tables.put(SNAPSHOTS, entities[0])
            else:
                await tables.transact(SNAPSHOTS, [("upsert", entity, {"mode": "replace"}) for entity in entities])

    async def read(
        self, tenant: TenantId, source: SourceId, keys_: Sequence[str], among: int = 1
    ) -> AsyncIterator[tuple[str, bytes]]:
        """Iterate over the rows with these sorted keys, without those that do not exist. The caller must verify them.

        `among` is the number of rows in their range: of many rows, few are read one by one.
        """
        tables = await self._accounts.of(tenant)
        partition = keys.source(tenant, source)
        if len(keys_) <= max(1, among // _SCANNED_FOR_ONE):
            for key in keys_:
                row = await tables.find(SNAPSHOTS, partition, key)
                if row is not None:
                    yield key, join(row)
            return
        selected = frozenset(keys_)
        async for row in tables.query(SNAPSHOTS, partition=partition, rows=(keys_[0], f"{keys_[-1]}!")):
            if row["RowKey"] in selected:
                yield row["RowKey"], join(row)

    @optimistic_update  # another worker may commit in between: compare the fencing tokens again
    async def commit(
        self,
        tenant: TenantId,
        manifest: SnapshotManifest,
        fencing_token: int,
        *,
        sweep: bool = True,
        guard: Callable[[], Awaitable[object]] | None = None,
    ) -> None:
        """Make a snapshot current and delete all other rows of its source.

        Does nothing if a run with a newer fencing token has committed. Without `sweep`, nothing is deleted if the
        rows of the snapshot were current before. `guard` raises unless the run is still the tenant's active one. It
        is called after the rows to delete are listed, so that they cannot include rows of a later run. If the body of
        the manifest is missing, nothing is deleted.
        """
        tables = await self._accounts.of(tenant)
        partition = keys.source(tenant, manifest.source)
        row: Any = await tables.find(SNAPSHOTS, partition, keys.CURRENT)
        if row is not None and row["fencingToken"] > fencing_token:
            return
        before = None if row is None else unpack(row, SnapshotManifest)
        if row is None or row["fencingToken"] < fencing_token or before != manifest:
            entity = {"PartitionKey": partition, "RowKey": keys.CURRENT, "fencingToken": fencing_token}
            await tables.replace(SNAPSHOTS, entity | pack(manifest), None if row is None else str(row.metadata["etag"]))
        moved = before is not None and before.attempt != manifest.attempt
        if sweep or moved:  # with `sweep` also if nothing was written: the writer may have crashed before this deletion
            body = await tables.find(SNAPSHOTS, partition, manifest.body_key)
            if body is not None:
                kept = {keys.CURRENT, *SnapshotBody.verified(manifest, join(body)).keys}
                await tables.delete_rows(SNAPSHOTS, partition=partition, keep=kept.__contains__, guard=guard)

    async def delete_all(self, tenant: TenantId, limit: int = ALL_ROWS) -> int:
        """Delete rows of the tenant. As `TenantData.delete_all`."""
        tables = await self._accounts.of(tenant)
        return await delete_some(tables, SNAPSHOTS, limit, partitions=keys.tenant_range(tenant))


def _requests(rows: Mapping[str, bytes]) -> Iterator[list[tuple[str, bytes]]]:
    """Yield the rows of one request each: at most MAX_ROW_BYTES of content, which is 1 MiB as encoded."""
    batch: list[tuple[str, bytes]] = []
    total = 0
    for key, content in rows.items():
        if len(batch) == MAX_BATCH or (batch and total + len(content) > MAX_ROW_BYTES):
            yield batch
            batch, total = [], 0
        batch.append((key, content))
        total += len(content)
    if batch:
        yield batch
