"""The Table service in memory, beneath the real stores: their rows, keys and batches without the round trips.

What holds of the stores on Azurite is held of them on this, too (tests/contracts/ports/stores). Not imitated: pages,
retries, errors of the network, and filters other than those that the stores send.
"""

import json
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from itertools import count
from typing import Any, TypeVar

import msgspec

from shared.adapters.tables.client import Entity, Tables
from shared.adapters.tables.edm import EncodedRow, Row
from shared.adapters.tables.limits import require_entity
from shared.adapters.tables.queries import Kind, Range
from shared.adapters.tables.transactions import compose
from shared.adapters.tables.versions import etag_of
from shared.errors import ETagConflict, NotFound

Stored = tuple[dict[str, Any], str]
S = TypeVar("S", bound=msgspec.Struct)


class MemoryTables(Tables):
    """`Tables` over dicts."""

    def __init__(self, address: str = "memory") -> None:
        self.address = address
        self._tables: dict[str, dict[tuple[str, str], Stored]] = {}
        self._etags = count(1)

    async def close(self) -> None:
        """Keep everything."""

    async def get(self, table: str, partition: str, row: str) -> Entity:
        """Return one entity. Raises: NotFound."""
        found = self._tables.get(table, {}).get((partition, row))
        if found is None:
            raise NotFound("There is no such row.", code="row_not_found")
        return _entity(found)

    async def insert(self, table: str, entity: Mapping[str, Any]) -> str:
        """Store a new entity and return its ETag. Raises: ETagConflict if there is one already."""
        require_entity(entity)
        return self._create(table, entity)

    async def put(self, table: str, entity: Mapping[str, Any]) -> str:
        """Store an entity, in the place of another if there is one."""
        require_entity(entity)
        return self._store(table, entity)

    async def _merge(self, table: str, entity: Mapping[str, Any], etag: str) -> str:
        require_entity(entity)
        before = self._require(table, entity, etag)
        return self._store(table, {**before, **entity})

    async def _replace(self, table: str, entity: Mapping[str, Any], etag: str) -> str:
        require_entity(entity)
        self._require(table, entity, etag)
        return self._store(table, entity)

    async def delete(self, table: str, partition: str, row: str, etag: str | None = None) -> None:
        """Delete an entity; a missing one is skipped. Raises: ETagConflict if it is not the one with `etag`."""
        found = self._tables.get(table, {}).get((partition, row))
        if found is not None and etag is not None and found[1] != etag_of(etag):
            raise ETagConflict("The row changed since it was read.")
        self._tables.get(table, {}).pop((partition, row), None)

    async def transact(self, table: str, operations: Iterable[Any]) -> str:
        """Do operations on one partition, all or none. Raises: ETagConflict, Rejected."""
        operations = list(operations)
        compose("http://memory", table, operations)  # which refuses what the service would not take
        before = dict(self._tables.setdefault(table, {}))
        answers = []
        try:
            for kind, row, *options in operations:
                entity = json.loads(row.content) if isinstance(row, EncodedRow) else row
                answers.append(self._do(table, kind, entity, options[0] if options else {}))
        except ETagConflict:
            self._tables[table] = before
            raise
        return answers[0]

    def _do(self, table: str, kind: str, entity: Mapping[str, Any], options: Mapping[str, Any]) -> str:
        match kind:
            case "create":
                return self._create(table, entity)
            case "upsert":
                return self._store(table, entity)
            case "update":
                self._require(table, entity, etag_of(options["etag"]))
                return self._store(table, entity)
            case "delete":
                if "etag" in options:
                    self._require(table, entity, etag_of(options["etag"]))
                if self._tables[table].pop((entity["PartitionKey"], entity["RowKey"]), None) is None:
                    raise ETagConflict("There is no such row.")
                return ""
        raise NotImplementedError(kind)

    async def query(
        self,
        table: str,
        *,
        partition: str | None = None,
        partitions: Range | None = None,
        rows: Range | None = None,
        row: str | None = None,
        where: str | None = None,
        select: list[str] | None = None,
    ) -> AsyncIterator[Entity]:
        """Iterate over entities in the order of their keys."""
        holds = _filter(where)
        stored = self._tables.get(table, {})
        among = [key for key in stored if key[0] == partition] if partition is not None else list(stored)
        for key in sorted(among):
            within = (partitions is None or partitions[0] <= key[0] < partitions[1]) and (
                rows is None or rows[0] <= key[1] < rows[1]
            )
            found = stored.get(key)
            if within and (row is None or key[1] == row) and found is not None and holds(found[0]):
                properties, etag = found
                shown = (
                    properties if select is None else {each: properties[each] for each in select if each in properties}
                )
                yield _entity((shown, etag))

    async def read(
        self,
        table: str,
        kind: Kind[S],
        *,
        partition: str,
        rows: Range,
        where: str | None = None,
        first: int | None = None,
    ) -> AsyncIterator[list[S]]:
        """Iterate over pages of a partition's rows as structs; `where` is one `ne`."""
        name, _, literal = (where or "").partition(" ne ")
        found = [row async for row in self.query(table, partition=partition, rows=rows)]
        yield [msgspec.convert(dict(row), kind.struct) for row in found if not name or repr(row[name]) != literal]

    def _create(self, table: str, entity: Mapping[str, Any]) -> str:
        if (entity["PartitionKey"], entity["RowKey"]) in self._tables.setdefault(table, {}):
            raise ETagConflict("There is such a row already.")
        return self._store(table, entity)

    def _store(self, table: str, entity: Mapping[str, Any]) -> str:
        etag = f"etag-{next(self._etags)}"
        kept = {name: value for name, value in entity.items() if value is not None}
        self._tables.setdefault(table, {})[entity["PartitionKey"], entity["RowKey"]] = (kept, etag)
        return etag

    def _require(self, table: str, entity: Mapping[str, Any], etag: str) -> dict[str, Any]:
        found = self._tables.get(table, {}).get((entity["PartitionKey"], entity["RowKey"]))
        if found is None or found[1] != etag:
            raise ETagConflict("The row changed since it was read.")
        return found[0]


def _filter(where: str | None) -> Callable[[Mapping[str, Any]], bool]:
    """Return the filter for `{name} eq true` or `{name} ge {number}`."""
    if where is None:
        return lambda _: True
    name, relation, value = where.split()
    if relation == "ge":
        return lambda row: row.get(name, -1) >= int(value)
    return lambda row: row.get(name) is True


def _entity(row: Stored) -> Row:
    return Row(row[0], row[1])
