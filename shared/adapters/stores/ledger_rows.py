"""Rows of the table Ledger."""

from typing import Any, Final

from shared.adapters.stores import keys
from shared.adapters.tables.packing import pack
from shared.domain.operations.operator_log import OperatorLogEntry

#: The partition of all entries.
PARTITION: Final = keys.LEDGER_ENTRIES


def key_of(entry: OperatorLogEntry) -> str:
    """Return the row key of an entry."""
    return keys.ledger(f"{entry.queue} {entry.id}")


def row_of(entry: OperatorLogEntry) -> dict[str, Any]:
    """Return the row of an entry."""
    columns = {"queue": entry.queue, "code": entry.code, "tenant": entry.tenant or ""}
    return {"PartitionKey": PARTITION, "RowKey": key_of(entry), **columns, **pack(entry)}
