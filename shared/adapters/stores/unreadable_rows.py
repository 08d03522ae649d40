"""Listings: a row that cannot be read is recorded in the operator log and skipped."""

from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from datetime import UTC, datetime
from typing import Final, TypeVar

from shared.adapters.stores.ledger_rows import record
from shared.adapters.stores.table_names import (
    AUDIT,
    IDEMPOTENCY_KEYS,
    IMPORTS,
    JOBS,
    RECIPIENTS,
    RUNS,
    SNAPSHOTS,
    TENANTS,
    USERS,
)
from shared.adapters.tables.client import Entity, Tables
from shared.adapters.tables.packing import decoding
from shared.domain.ids import TenantId
from shared.domain.operations.operator_log import ROW, OperatorLogEntry
from shared.errors import SyncError, Unreadable
from shared.telemetry import event

T = TypeVar("T")
#: Tables whose partition keys begin with the id of a tenant or with `!`.
_BY_TENANT: Final = frozenset({TENANTS, IMPORTS, IDEMPOTENCY_KEYS, AUDIT, RUNS, USERS, RECIPIENTS, SNAPSHOTS, JOBS})
_FIX: Final = (
    "It is left alone and skipped, which affects only what it belongs to. If a newer version of the app has written "
    "it, install that version again. Otherwise repair or delete the row, then discard this entry."
)


async def readable(
    tables: Tables, table: str, rows: AsyncIterator[Entity], read: Callable[[Entity], T], *, skip: bool = True
) -> AsyncIterator[T]:
    """Iterate over what `read` returns for each row. `tables` is the first account, which has the operator log.

    Raises Unreadable at the first row that cannot be read, unless such rows are skipped.
    """
    async for row in rows:
        try:
            with decoding():
                value = read(row)
        except Unreadable as error:
            await record_unreadable(tables, table, row, error)
            if not skip:
                raise
        else:
            yield value


async def record_unreadable(tables: Tables, table: str, row: Entity, error: Unreadable) -> None:
    """Record in the operator log that a row cannot be read, once: the entry has the id of the row."""
    partition, name = f"{table} {row['PartitionKey']}", row["PartitionKey"].partition(":")[0]
    tenant = TenantId(name) if table in _BY_TENANT and not name.startswith("!") else None
    entry = OperatorLogEntry(
        id=f"{partition} {row['RowKey']}",
        at=datetime.now(UTC),
        queue=ROW,
        code="unreadable_row",
        detail=f"A row of the table {table} cannot be read ({error.__cause__ or error}). {_FIX}",
        body=f"{partition} {row['RowKey']}",
        tenant=tenant,
    )
    event("row_unreadable", table=table, tenant=tenant)
    with suppress(SyncError):  # it is recorded already, or at the next listing
        await record(tables, entry)
