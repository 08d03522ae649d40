"""Erasures of people: where they are, and the rows that can name a person, one after the other."""

from collections import Counter
from collections.abc import AsyncIterator, Mapping
from typing import Final

from shared.adapters.stores import keys
from shared.adapters.stores.account_placement import TenantTables
from shared.adapters.stores.erasure_rows import ErasedRows, Found
from shared.adapters.stores.recipient_rows import stored_recipient
from shared.adapters.stores.table_names import (
    AUDIT,
    IDEMPOTENCY_KEYS,
    IMPORTS,
    JOBS,
    LEDGER,
    RECIPIENTS,
    RUNS,
    SNAPSHOTS,
    TENANTS,
    UPLOADS,
    USERS,
)
from shared.adapters.stores.tenant_rows import etag_of
from shared.adapters.stores.unreadable_rows import readable, record_unreadable
from shared.adapters.tables.client import Entity, Tables
from shared.adapters.tables.packing import decoding, join, pack, unpack
from shared.domain.access.sso_users import ProductUser
from shared.domain.directory import DirectoryUser
from shared.domain.erasure.erasure import Erasure, Position
from shared.domain.erasure.person import Person
from shared.domain.ids import LocationId, ObjectId, TenantId
from shared.domain.imports.import_record import ImportRef
from shared.domain.recipient import Recipient
from shared.domain.snapshots.snapshot import decode_partition
from shared.domain.versioned import Versioned
from shared.errors import NotFound, Unreadable
from shared.ports.erasures import Step

#: Maximum number of rows that one step looks at.
_ROWS: Final = 500
#: Tables that are looked at to find ids and addresses, and tables to erase a person from, in this order. Snapshots are
#: the first, because runs read people from them.
_FOUND_IN: Final = (RECIPIENTS, SNAPSHOTS, USERS)
_ERASED_FROM: Final = (
    SNAPSHOTS,
    RECIPIENTS,
    RUNS,
    JOBS,
    IMPORTS,
    UPLOADS,
    USERS,
    TENANTS,
    IDEMPOTENCY_KEYS,
    LEDGER,
    AUDIT,
)
#: Tables in the first account, and tables whose partition keys begin with the tenant's id and `:`.
_FIRST: Final = frozenset({IMPORTS, TENANTS, IDEMPOTENCY_KEYS, LEDGER, AUDIT})
_JOINED: Final = frozenset({RECIPIENTS, SNAPSHOTS, JOBS, UPLOADS})
#: Columns that are read of tables that are not read in full.
_COLUMNS: Final[Mapping[str, list[str]]] = {UPLOADS: ["PartitionKey", "RowKey"]}
#: A row key after all others.
_LAST: Final = "~"


class TableErasureStore:
    """`ErasureStore`. An erasure is a row of its tenant in the table Tenants."""

    def __init__(self, tables: Tables, accounts: TenantTables | None = None) -> None:
        self._tables = tables
        self._accounts = accounts or tables

    async def get(self, tenant: TenantId, erasure: str) -> Versioned[Erasure]:
        """Return an erasure. Raises NotFound if it does not exist."""
        row = await self._tables.find(TENANTS, tenant, keys.erasure(erasure))
        if row is None:
            raise NotFound(f"Tenant {tenant!r} does not have the erasure {erasure!r}.", code="erasure_not_found")
        return Versioned(unpack(row, Erasure), etag_of(row))

    async def replace(self, erasure: Erasure, etag: str | None) -> str:
        """Store an erasure and return its new ETag. Raises ETagConflict if it changed since it was read."""
        row = {"PartitionKey": erasure.tenant, "RowKey": keys.erasure(erasure.id), "open": not erasure.state.ended}
        return await self._tables.replace(TENANTS, {**row, **pack(erasure)}, etag)

    async def list_erasures(self, tenant: TenantId | None = None) -> AsyncIterator[Erasure]:
        """Iterate over the erasures of a tenant, or over those of all tenants that have not ended."""
        where = None if tenant is not None else "open eq true"
        rows = self._tables.query(TENANTS, partition=tenant, rows=keys.ERASURES, where=where)
        async for erasure in readable(self._tables, TENANTS, rows, lambda row: unpack(row, Erasure)):
            yield erasure

    async def list_recipients(self, tenant: TenantId, location: LocationId) -> AsyncIterator[Recipient]:
        """Iterate over the recipients of a location that can be read."""
        tables = await self._accounts.of(tenant)
        rows = tables.query(RECIPIENTS, partition=keys.location(tenant, location), rows=keys.RECIPIENTS)
        async for recipient in readable(self._tables, RECIPIENTS, rows, stored_recipient):
            yield recipient

    async def find(self, tenant: TenantId, person: Person, after: Position | None) -> tuple[Person, Position | None]:
        """Look at a bounded number of rows, and return the person with what these add, and where to continue."""
        tables, number = await self._accounts.of(tenant), 0
        for table in _FOUND_IN[_FOUND_IN.index(after.table) if after else 0 :]:
            async for row in _rows(tables, table, tenant, after):
                try:
                    person = _with(table, row, person)
                except Unreadable as error:
                    await record_unreadable(self._tables, table, row, error)
                number += 1
                if number == _ROWS:
                    return person, Position(table, row["PartitionKey"], row["RowKey"])
            after = None
        return person, None

    async def erase(self, tenant: TenantId, person: Person, after: Position | None) -> Step:
        """Erase a person from a bounded number of rows, except recipients. Raises ETagConflict."""
        erased, files, number, unread, ends_snapshots = Counter[str](), list[ImportRef](), 0, 0, False
        rows = ErasedRows(self._tables, await self._accounts.of(tenant), tenant, person)
        for table in _ERASED_FROM[_ERASED_FROM.index(after.table) if after else 0 :]:
            tables, deleted = self._tables if table in _FIRST else rows.tables, ""
            async for row in _rows(tables, table, tenant, after):
                partition = row["PartitionKey"]
                if partition == deleted:
                    continue
                found = Found()
                try:
                    found = await rows.erase(table, row)
                except Unreadable as error:
                    await record_unreadable(self._tables, table, row, error)
                    unread += 1
                erased[table] += found.rows
                files += found.files
                deleted = partition if found.is_whole else ""
                number += 1
                if number == _ROWS:
                    reached = _LAST if found.is_whole else row["RowKey"]
                    return Step(Position(table, partition, reached), erased, files, unread, ends_snapshots)
            after, ends_snapshots = None, ends_snapshots or table == SNAPSHOTS
        return Step(None, erased, files, unread, ends_snapshots)


async def _rows(tables: Tables, table: str, tenant: TenantId, after: Position | None) -> AsyncIterator[Entity]:
    """Iterate over the rows of a table that can be of a tenant, after a position in this table."""
    if table in _JOINED:
        begin, end = keys.tenant_range(tenant)
        if after is not None:
            begin, rows = f"{after.partition}!", (f"{after.row}!", f"{_LAST}{_LAST}")
            async for row in tables.query(table, partition=after.partition, rows=rows, select=_COLUMNS.get(table)):
                yield row
        async for row in tables.query(table, partitions=(begin, end), select=_COLUMNS.get(table)):
            yield row
        return
    for partition in {LEDGER: (keys.LEDGER_ENTRIES,), AUDIT: (keys.OPERATOR, tenant)}.get(table, (tenant,)):
        if after is not None and partition < after.partition:
            continue
        begin = f"{after.row}!" if after is not None and partition == after.partition else ""
        async for row in tables.query(table, partition=partition, rows=(begin, f"{_LAST}{_LAST}")):
            yield row


def _with(table: str, row: Entity, person: Person) -> Person:
    """Return the person with what a row adds."""
    name = row["RowKey"]
    if table == USERS:
        return person.with_product_user(unpack(row, ProductUser))
    if table == RECIPIENTS and name.startswith(keys.RECIPIENTS[0]):
        return person.with_recipient(stored_recipient(row))
    if table == SNAPSHOTS and name[:4].isdecimal() and name[4:5] == ":":
        with decoding():
            users: Mapping[ObjectId, DirectoryUser] = decode_partition(join(row))
        for user in users.values():
            person = person.with_directory_user(user)
    return person
