"""Rows of the table Ledger: the entries, sorted by time, and a row for each id that says when its entry was stored."""

from contextlib import suppress
from datetime import datetime
from typing import Any, Final

import msgspec

from shared.adapters.stores import keys
from shared.adapters.stores.table_names import LEDGER
from shared.adapters.tables.client import Entity, Tables
from shared.adapters.tables.packing import pack
from shared.domain.operations.operator_log import OperatorLogEntry
from shared.errors import ETagConflict

#: The partition of all entries.
PARTITION: Final = keys.LEDGER_ENTRIES
#: The partition of the rows that say when the entry of an id was stored.
IDS: Final = "ledger-ids"


def key_of(entry: OperatorLogEntry) -> str:
    """Return the row key of an entry. Newer entries sort first."""
    return keys.logged(entry.at, keys.logged_id(entry.id, entry.queue))


def row_of(entry: OperatorLogEntry) -> dict[str, Any]:
    """Return the row of an entry."""
    columns = {"queue": entry.queue, "code": entry.code, "tenant": entry.tenant or ""}
    return {"PartitionKey": PARTITION, "RowKey": key_of(entry), **columns, **pack(entry)}


def time_of(row: Entity) -> datetime:
    """Return the time in a row of `IDS`."""
    return datetime.fromisoformat(row["at"])


async def record(tables: Tables, entry: OperatorLogEntry) -> None:
    """Store an entry, unless one with its queue and id is stored. `tables` is the first account."""
    name = keys.logged_id(entry.id, entry.queue)
    try:
        await tables.insert(LEDGER, {"PartitionKey": IDS, "RowKey": name, "at": entry.at.isoformat()})
    except ETagConflict:
        # Recorded before. If the worker crashed in between, the entry gets the time that it would have had.
        stored = await tables.find(LEDGER, IDS, name)
        if stored is not None:
            entry = msgspec.structs.replace(entry, at=time_of(stored))
    with suppress(ETagConflict):
        await tables.insert(LEDGER, row_of(entry))
