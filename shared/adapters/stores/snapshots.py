"""Snapshots: their pages, and the manifest of every source's current snapshot."""

from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterator, Sequence
from typing import Any, Final

import msgspec

from shared.adapters.stores import keys
from shared.adapters.stores.account_placement import TenantTables
from shared.adapters.stores.table_names import SNAPSHOTS
from shared.adapters.tables.limits import MAX_BATCH
from shared.adapters.tables.packing import MAX_ROW_BYTES, join, pack, split, unpack
from shared.adapters.tables.queries import Kind
from shared.domain.ids import SourceId, TenantId
from shared.domain.snapshots.page import Page, PageIndexEntry
from shared.domain.snapshots.snapshot import SnapshotManifest, is_page_of, page_key
from shared.runtime.optimistic_update import optimistic_update

Row = dict[str, Any]

#: Number of consecutive pages whose reading takes as long as one request for a single page.
_SCANNED_FOR_ONE: Final = 32


class _IndexRow(msgspec.Struct):
    """Page index columns: the hash of a page, and hashes of the ids on it. Pages of an earlier version have neither."""

    RowKey: str
    digest: bytes | None = None
    id_hashes: bytes | None = msgspec.field(name="idHashes", default=None)


_INDEX: Final = Kind(_IndexRow)


class TableSnapshotStore:
    """`SnapshotStore` on the table Snapshots, one partition per source."""

    def __init__(self, accounts: TenantTables) -> None:
        self._accounts = accounts

    async def find_current(self, tenant: TenantId, source: SourceId) -> SnapshotManifest | None:
        """Return the manifest of the current snapshot: the last complete read whose changes were applied."""
        tables = await self._accounts.of(tenant)
        row = await tables.find(SNAPSHOTS, keys.source(tenant, source), keys.CURRENT)
        ref = None if row is None else unpack(row, SnapshotManifest)
        return None if ref is None or ref.digest.outdated else ref  # without a manifest, the source is read in full

    async def stage(self, tenant: TenantId, source: SourceId, attempt: str, first: int, pages: Sequence[Page]) -> None:
        """Store pages of an attempt, numbered from `first`. Storing the same pages again is harmless."""
        tables = await self._accounts.of(tenant)
        partition = keys.source(tenant, source)
        rows = [
            {
                "PartitionKey": partition,
                "RowKey": page_key(attempt, number),
                "digest": page.digest,
                "idHashes": page.id_hashes,
                **split(page.content),
            }
            for number, page in enumerate(pages, first)
        ]
        for batch in _requests(rows, [len(page.content) for page in pages]):
            if len(batch) == 1:
                await tables.put(SNAPSHOTS, batch[0])
            else:
                await tables.transact(SNAPSHOTS, [("upsert", row, {"mode": "replace"}) for row in batch])

    async def list_page_index(self, tenant: TenantId, ref: SnapshotManifest) -> AsyncIterator[PageIndexEntry]:
        """Iterate over the page index of a snapshot in order, unverified, without reading the pages."""
        tables = await self._accounts.of(tenant)
        is_page, partition = is_page_of(ref), keys.source(tenant, ref.source)
        async for rows in tables.read(SNAPSHOTS, _INDEX, partition=partition, rows=keys.page_range(ref)):
            for row in rows:
                if is_page(row.RowKey):
                    yield PageIndexEntry(row.RowKey, row.digest or b"", row.id_hashes or b"")

    async def list_pages(
        self, tenant: TenantId, ref: SnapshotManifest, only: Collection[str] | None = None
    ) -> AsyncIterator[bytes]:
        """Iterate over the pages of a snapshot in order. The caller must verify them.

        `only` restricts them to these page keys.
        """
        tables = await self._accounts.of(tenant)
        partition = keys.source(tenant, ref.source)
        if only is not None and len(only) <= 1 + ref.digest.pages // _SCANNED_FOR_ONE:
            for page_key in sorted(only):
                page_row = await tables.find(SNAPSHOTS, partition, page_key)
                if page_row is not None:
                    yield join(page_row)
            return
        is_selected = is_page_of(ref) if only is None else frozenset(only).__contains__
        async for row in tables.query(SNAPSHOTS, partition=partition, rows=keys.page_range(ref)):
            if is_selected(row["RowKey"]):
                yield join(row)

    @optimistic_update  # another worker may commit in between: compare the fencing tokens again
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
        tables = await self._accounts.of(tenant)
        partition = keys.source(tenant, ref.source)
        row: Any = await tables.find(SNAPSHOTS, partition, keys.CURRENT)
        if row is not None and row["fencingToken"] > fencing_token:
            return
        before = None if row is None else unpack(row, SnapshotManifest)
        if row is None or row["fencingToken"] < fencing_token or before != ref:
            entity = {"PartitionKey": partition, "RowKey": keys.CURRENT, "fencingToken": fencing_token, **pack(ref)}
            await tables.replace(SNAPSHOTS, entity, None if row is None else str(row.metadata["etag"]))
        moved = before is not None and before.attempt != ref.attempt
        if sweep or moved:  # with `sweep` also if nothing was written: the writer may have crashed before this deletion
            is_page = is_page_of(ref)
            await tables.delete_rows(
                SNAPSHOTS, partition=partition, keep=lambda row: row == keys.CURRENT or is_page(row), guard=guard
            )

    async def delete_all(self, tenant: TenantId) -> None:
        """Delete all rows of the tenant."""
        tables = await self._accounts.of(tenant)
        await tables.delete_rows(SNAPSHOTS, partitions=keys.tenant_range(tenant))


def _requests(rows: Sequence[Row], sizes: Sequence[int]) -> Iterator[list[Row]]:
    """Yield the rows of one request each: at most MAX_ROW_BYTES of pages, which is 1 MiB as encoded in the request."""
    batch: list[Row] = []
    total = 0
    for row, size in zip(rows, sizes, strict=True):
        if len(batch) == MAX_BATCH or (batch and total + size > MAX_ROW_BYTES):
            yield batch
            batch, total = [], 0
        batch.append(row)
        total += size
    if batch:
        yield batch
