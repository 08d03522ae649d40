"""Uploaded imports in the table Imports, and the parts of their files in the table Uploads."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from datetime import datetime
from secrets import token_hex
from typing import Any, Final

from isal import isal_zlib

from shared.adapters.stores import keys
from shared.adapters.stores.account_placement import TenantTables
from shared.adapters.stores.table_names import IMPORTS, UPLOADS
from shared.adapters.stores.unreadable_rows import readable
from shared.adapters.tables.bounded_deletion import delete_some
from shared.adapters.tables.client import Tables
from shared.adapters.tables.packing import MAX_ROW_BYTES, join, pack, split, unpack
from shared.domain.ids import ImportId, LocationId, TenantId
from shared.domain.imports.import_record import Import, ImportMark, ImportRef, ImportState
from shared.domain.imports.row_decisions import ImportMode
from shared.domain.versioned import Versioned
from shared.errors import Conflict, NotFound
from shared.ports.tenant_data import ALL_ROWS, Allowed
from shared.runtime.optimistic_update import optimistic_update

#: Compression level of ISA-L, in zlib's format: it reduces a typical file to a third.
_LEVEL: Final = 1


class TableImportStore:
    """`ImportStore`. A part consists of one or more pieces, and of a row that names them, which is written last.

    Imports are in the first account, because the watchdog lists those of all tenants; files are in the tenant's.
    """

    def __init__(self, tables: Tables, accounts: TenantTables | None = None) -> None:
        self._tables = tables
        self._accounts = accounts or tables

    async def insert(self, new: Import) -> None:
        """Insert an import. Raises ETagConflict if one with its id exists."""
        await self._tables.replace(IMPORTS, _row_of(new), None)

    async def get(self, ref: ImportRef) -> Versioned[Import]:
        """Return an import. Raises NotFound if it does not exist."""
        row: Any = await self._tables.find(IMPORTS, ref.tenant, keys.imported(ref.location, ref.id))
        if row is None:
            raise NotFound(f"Location {ref.location!r} has no import {ref.id!r}.", code="import_not_found")
        return Versioned(unpack(row, Import), str(row.metadata["etag"]))

    async def replace(self, changed: Import, etag: str | None) -> str:
        """Replace an import and return its new ETag. Raises ETagConflict if it changed since it was read."""
        return await self._tables.replace(IMPORTS, _row_of(changed), etag)

    async def list_imports(
        self, tenant: TenantId | None = None, location: LocationId | None = None
    ) -> AsyncIterator[ImportMark]:
        """Iterate over the imports of a tenant, or of one of its locations, or of all tenants."""
        within = None if location is None else keys.imported_range(location)
        select = ["PartitionKey", "RowKey", "state", "at", "mode", "run", "number"]
        rows = self._tables.query(IMPORTS, partition=tenant, rows=within, select=select)
        async for mark in readable(self._tables, IMPORTS, rows, _mark):
            yield mark

    async def put_part(self, ref: ImportRef, number: int, content: bytes) -> None:
        """Store a part of the file, replacing an earlier one with this number. Readers get the old or the new part.

        If a part is sent twice at the same time, each sender deletes only the pieces that it has replaced.
        """
        files = await self._accounts.of(ref.tenant)
        partition, attempt = keys.upload(ref), token_hex(8)
        packed = await asyncio.to_thread(isal_zlib.compress, content, _LEVEL)
        starts = range(0, len(packed), MAX_ROW_BYTES)
        for index, start in enumerate(starts):
            row = {"PartitionKey": partition, "RowKey": keys.piece(number, attempt, index)}
            await files.put(UPLOADS, {**row, **split(packed[start : start + MAX_ROW_BYTES])})
        head = {"PartitionKey": partition, "RowKey": keys.part(number), "attempt": attempt}
        replaced = await self._replace_head(files, {**head, "pieces": len(starts), "bytes": len(content)})
        if replaced is not None:
            await files.delete_rows(UPLOADS, partition=partition, rows=keys.piece_range(number, replaced))

    @optimistic_update
    async def _replace_head(self, files: Tables, head: Mapping[str, Any]) -> str | None:
        """Store the row that names the pieces of a part. Return the attempt whose pieces it named before, if any."""
        stored: Any = await files.find(UPLOADS, head["PartitionKey"], head["RowKey"])
        if stored is not None and stored["attempt"] == head["attempt"]:
            return None  # it was stored, and the answer was lost
        await files.replace(UPLOADS, head, None if stored is None else str(stored.metadata["etag"]))
        return None if stored is None else str(stored["attempt"])

    async def list_part_sizes(self, ref: ImportRef) -> Mapping[int, int]:
        """Return the sizes of the stored parts, in bytes, by number."""
        files = await self._accounts.of(ref.tenant)
        rows = files.query(UPLOADS, partition=keys.upload(ref), rows=keys.PARTS)
        return {int(row["RowKey"].removeprefix(keys.PARTS[0])): row["bytes"] async for row in rows}

    async def get_part(self, ref: ImportRef, number: int) -> bytes:
        """Return a part of the file.

        Raises:
            NotFound: if it does not exist.
            Conflict: while it is being replaced.

        """
        files = await self._accounts.of(ref.tenant)
        partition = keys.upload(ref)
        head = await files.get(UPLOADS, partition, keys.part(number))
        rows = files.query(UPLOADS, partition=partition, rows=keys.piece_range(number, head["attempt"]))
        pieces = [join(row) async for row in rows]
        if len(pieces) != head["pieces"]:
            raise Conflict(f"part {number} is being replaced; read it again", code="part_replaced")
        return await asyncio.to_thread(isal_zlib.decompress, b"".join(pieces))

    async def delete_parts(self, ref: ImportRef) -> None:
        """Delete all parts of the file."""
        files = await self._accounts.of(ref.tenant)
        await files.delete_rows(UPLOADS, partition=keys.upload(ref))

    async def delete(self, ref: ImportRef) -> None:
        """Delete an import with all parts of its file."""
        await self.delete_parts(ref)
        await self._tables.delete(IMPORTS, ref.tenant, keys.imported(ref.location, ref.id))
        await self.delete_parts(ref)  # again: a part may have been uploaded since the first deletion

    async def delete_location(
        self, tenant: TenantId, location: LocationId, limit: int = ALL_ROWS, allowed: Allowed | None = None
    ) -> int:
        """Delete up to `limit` rows of the location, and return their number; fewer than `limit` are all of them.

        Nothing is deleted unless it is still `allowed` after the rows were listed.
        """
        files, rows = await self._accounts.of(tenant), keys.imported_range(location)
        deleted = await delete_some(self._tables, IMPORTS, limit, partition=tenant, rows=rows, allowed=allowed)
        parts = keys.upload_range(tenant, location)
        return deleted + await delete_some(files, UPLOADS, limit - deleted, partitions=parts, allowed=allowed)

    async def delete_all(self, tenant: TenantId, limit: int = ALL_ROWS) -> int:
        """Delete rows of the tenant. As `TenantData.delete_all`."""
        files = await self._accounts.of(tenant)
        deleted = await delete_some(self._tables, IMPORTS, limit, partition=tenant)
        return deleted + await delete_some(files, UPLOADS, limit - deleted, partitions=keys.tenant_range(tenant))


def _mark(row: Mapping[str, Any]) -> ImportMark:
    location, _, import_ = row["RowKey"].partition(":")
    ref = ImportRef(TenantId(row["PartitionKey"]), LocationId(location), ImportId(import_))
    return ImportMark(
        ref=ref,
        state=ImportState(row["state"]),
        at=datetime.fromisoformat(row["at"]),
        mode=ImportMode(row.get("mode", ImportMode.MERGE)),
        run=row.get("run"),
        number=row.get("number", 0),
    )


def _row_of(import_: Import) -> dict[str, Any]:
    """Return the row of an import. Lists read its columns without unpacking the import."""
    row = {
        "PartitionKey": import_.tenant,
        "RowKey": keys.imported(import_.location, import_.id),
        "state": import_.state.value,
        "at": import_.at.isoformat(),
        "mode": import_.mode.value,
        "number": import_.number,
        **pack(import_),
    }
    return row if import_.run is None else {**row, "run": import_.run}
