"""Deletion of many rows in steps of bounded size.

A row is deleted only in the version that was listed. A worker that was stopped between the two therefore cannot delete
a row that was stored under the same key since.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final

from shared.adapters.tables.client import Entity, Tables
from shared.adapters.tables.limits import MAX_BATCH
from shared.adapters.tables.queries import Range
from shared.errors import ETagConflict

#: Maximum number of batches that are sent concurrently. Every batch has the rows of one partition.
_AT_ONCE: Final = 8
_KEYS: Final = ["PartitionKey", "RowKey"]


async def delete_some(  # noqa: PLR0913 - what a query takes, and what becomes of its rows
    tables: Tables,
    table: str,
    limit: int,
    *,
    partition: str | None = None,
    partitions: Range | None = None,
    rows: Range | None = None,
    columns: Sequence[str] | None = None,
    keep: Callable[[Entity], bool] | None = None,
    allowed: Callable[[], Awaitable[bool]] | None = None,
) -> int:
    """Delete up to `limit` entities of a range, and return their number. Fewer than `limit` are all of the range.

    Entities that `keep` returns True for are not deleted and do not count; it sees their keys and `columns`. One that
    was changed or deleted since it was listed counts, and is not deleted. Nothing is deleted, and 0 is returned, unless
    it is still `allowed` after listing.
    """
    batches: dict[str, list[Any]] = {}
    listed = 0
    if limit <= 0:
        return 0
    select = _KEYS if columns is None else [*_KEYS, *columns]
    async for entity in tables.query(table, partition=partition, partitions=partitions, rows=rows, select=select):
        if keep is not None and keep(entity):
            continue
        operation = ("delete", {key: entity[key] for key in _KEYS}, {"etag": _etag(entity)})
        batches.setdefault(entity["PartitionKey"], []).append(operation)
        listed += 1
        if listed == limit:
            break
    if allowed is not None and listed and not await allowed():
        return 0
    slots = asyncio.Semaphore(_AT_ONCE)

    async def delete(operations: Sequence[Any]) -> None:
        async with slots:
            await _delete_batch(tables, table, operations)

    await asyncio.gather(
        *(
            delete(operations[start : start + MAX_BATCH])
            for operations in batches.values()
            for start in range(0, len(operations), MAX_BATCH)
        )
    )
    return listed


async def _delete_batch(tables: Tables, table: str, operations: Sequence[Any]) -> None:
    """Delete entities of one partition; one by one if another process has changed one of them."""
    try:
        await tables.transact(table, operations)
    except ETagConflict:
        for _, entity, options in operations:
            await _delete_one(tables, table, entity, options["etag"])


async def _delete_one(tables: Tables, table: str, entity: Entity, etag: str) -> None:
    try:
        await tables.delete(table, entity["PartitionKey"], entity["RowKey"], etag)
    except ETagConflict:
        return  # the next step lists what is stored now


def _etag(entity: Any) -> str:  # noqa: ANN401 - the SDK's entity, whose metadata is untyped
    return str(entity.metadata["etag"])
