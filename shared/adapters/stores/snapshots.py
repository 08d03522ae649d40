"""The pages of snapshots, and which snapshot of a source is current."""

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
from shared.errors import ETagConflict

Row = dict[str, Any]

#: Number of pages that are read in a row in the time of one single request.
_SCANNED_FOR_ONE: Final = 32


class _IndexRow(msgspec.Struct):
    """What is stored beside a page: its hash and its index entry. Pages of an earlier version have neither."""

    RowKey: str
    digest: bytes | None = None
    id_hashes: bytes | None = msgspec.field(name="idHashes", default=None)


_INDEX: Final = Kind(_IndexRow)


class TableSnapshotStore:
    """`SnapshotStore` on the table Snapshots, one partition per source."""

    def __init__(self, accounts: TenantTables) -> None:
        self._accounts = accounts

    async def find_current(self, tenant: TenantId, source: SourceId) -> SnapshotManifest | None:
        """Return the manifest of the last complete read whose changes were applied."""
        tables = await self._accounts.of(tenant)
        row = await tables.find(SNAPSHOTS, keys.source(tenant, source), keys.CURRENT)
        ref = None if row is None else unpack(row, SnapshotManifest)
        return None if ref is None or ref.digest.outdated else ref  # then the source is listed again

    async def stage(self, tenant: TenantId, source: SourceId, attempt: str, first: int, pages: Sequence[Page]) -> None:
        """Store pages of an attempt, numbered from `first` on; the same ones may be stored again."""
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
        for some in _requests(rows, [len(page.content) for page in pages]):
            if len(some) == 1:
                await tables.put(SNAPSHOTS, some[0])
            else:
                await tables.transact(SNAPSHOTS, [("upsert", row, {"mode": "replace"}) for row in some])

    async def list_page_index(self, tenant: TenantId, ref: SnapshotManifest) -> AsyncIterator[PageIndexEntry]:
        """Iterate over the marks of a snapshot's pages in order, as they are there, without reading the pages."""
        tables = await self._accounts.of(tenant)
        is_page, partition = is_page_of(ref), keys.source(tenant, ref.source)
        async for rows in tables.read(SNAPSHOTS, _INDEX, partition=partition, rows=keys.page_range(ref)):
            for row in rows:
                if is_page(row.RowKey):
                    yield PageIndexEntry(row.RowKey, row.digest or b"", row.id_hashes or b"")

    async def list_pages(
        self, tenant: TenantId, ref: SnapshotManifest, only: Collection[str] | None = None
    ) -> AsyncIterator[bytes]:
        """Iterate over the stored pages of a snapshot in order. The caller verifies them.

        `only` names some of their page_keys.
        """
        tables = await self._accounts.of(tenant)
        partition = keys.source(tenant, ref.source)
        if only is not None and len(only) <= 1 + ref.digest.pages // _SCANNED_FOR_ONE:
            for page_key in sorted(only):
                found = await tables.find(SNAPSHOTS, partition, page_key)
                if found is not None:
                    yield join(found)
            return
        is_wanted = is_page_of(ref) if only is None else frozenset(only).__contains__
        async for row in tables.query(SNAPSHOTS, partition=partition, rows=keys.page_range(ref)):
            if is_wanted(row["RowKey"]):
                yield join(row)

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
        tables = await self._accounts.of(tenant)
        partition = keys.source(tenant, ref.source)
        row: Any = await tables.find(SNAPSHOTS, partition, keys.CURRENT)
        if row is not None and row["fencingToken"] > fencing_token:
            return
        before = None if row is None else unpack(row, SnapshotManifest)
        if row is None or row["fencingToken"] < fencing_token or before != ref:
            entity = {"PartitionKey": partition, "RowKey": keys.CURRENT, "fencingToken": fencing_token, **pack(ref)}
            try:
                await tables.replace(SNAPSHOTS, entity, None if row is None else str(row.metadata["etag"]))
            except ETagConflict:
                # another job has just committed: compare again
                await self.commit(tenant, ref, fencing_token, sweep=sweep, guard=guard)
                return
        moved = before is not None and before.attempt != ref.attempt
        if (
            sweep or moved
        ):  # with `sweep` also when nothing was written: the job that wrote it may have died before this
            is_page = is_page_of(ref)
            await tables.delete_rows(
                SNAPSHOTS, partition=partition, keep=lambda row: row == keys.CURRENT or is_page(row), guard=guard
            )

    async def delete_all(self, tenant: TenantId) -> None:
        """Delete every row of the tenant."""
        tables = await self._accounts.of(tenant)
        await tables.delete_rows(SNAPSHOTS, partitions=keys.tenant_range(tenant))


def _requests(rows: Sequence[Row], sizes: Sequence[int]) -> Iterator[list[Row]]:
    """Yield rows that are stored together: no more of them than the largest one holds, which is 1 MiB on its way."""
    together: list[Row] = []
    total = 0
    for row, size in zip(rows, sizes, strict=True):
        if len(together) == MAX_BATCH or (together and total + size > MAX_ROW_BYTES):
            yield together
            together, total = [], 0
        together.append(row)
        total += size
    if together:
        yield together
