"""The Table service in memory, beneath the real stores: their rows, keys and batches without the round trips.

What holds of the stores on Azurite is held of them on this, too (tests/contracts/ports/stores). Not imitated: pages,
retries, errors of the network, and filters other than those that the stores send.
"""

import json
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from itertools import count
from typing import Any, TypeVar

import msgspec

from shared.adapters.tables.client import Entity, Tables
from shared.adapters.tables.edm import EncodedRow, Row
from shared.adapters.tables.limits import require_entity
from shared.adapters.tables.packing import decoding
from shared.adapters.tables.queries import Kind, Range
from shared.adapters.tables.transactions import compose
from shared.adapters.tables.versions import etag_of
from shared.errors import ETagConflict, NotFound

Stored = tuple[dict[str, Any], str]
#: The rows of a table, by partition and row key.
Table = dict[str, dict[str, Stored]]
S = TypeVar("S", bound=msgspec.Struct)


class MemoryTables(Tables):
    """`Tables` over dicts."""

    def __init__(self, address: str = "memory") -> None:
        self.address = address
        self._tables: defaultdict[str, Table] = defaultdict(dict)
        self._etags = count(1)

    def copied(self) -> dict[str, dict[tuple[str, str], Stored]]:
        """Return the rows of all tables by their keys."""
        return {
            table: {(partition, row): stored for partition, rows in stored_rows.items() for row, stored in rows.items()}
            for table, stored_rows in self._tables.items()
        }

    def restore(self, copied: Mapping[str, Mapping[tuple[str, str], Stored]]) -> None:
        """Store exactly these rows."""
        self._tables.clear()
        for table, rows in copied.items():
            for (partition, row), stored in rows.items():
                self._tables[table].setdefault(partition, {})[row] = stored

    async def close(self) -> None:
        """Keep everything."""

    async def get(self, table: str, partition: str, row: str) -> Entity:
        """Return one entity. Raises: NotFound."""
        found = self._find(table, partition, row)
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
        found = self._find(table, partition, row)
        if found is not None and etag is not None and found[1] != etag_of(etag):
            raise ETagConflict("The row changed since it was read.")
        if found is not None:
            self._remove(table, partition, row)

    async def transact(self, table: str, operations: Iterable[Any]) -> str:
        """Do operations on one partition, all or none. Raises: ETagConflict, Rejected."""
        operations = list(operations)
        compose("http://memory", table, operations)  # which refuses what the service would not take
        before: list[tuple[str, str, Stored | None]] = []
        answers = []
        try:
            for kind, row, *options in operations:
                entity = json.loads(row.content) if isinstance(row, EncodedRow) else row
                key = entity["PartitionKey"], entity["RowKey"]
                before.append((*key, self._find(table, *key)))
                answers.append(self._do(table, kind, entity, options[0] if options else {}))
        except ETagConflict:
            for partition, row_key, stored in reversed(before):
                if stored is not None:
                    self._tables[table].setdefault(partition, {})[row_key] = stored
                elif self._find(table, partition, row_key) is not None:
                    self._remove(table, partition, row_key)
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
                if self._find(table, entity["PartitionKey"], entity["RowKey"]) is None:
                    raise ETagConflict("There is no such row.")
                self._remove(table, entity["PartitionKey"], entity["RowKey"])
                return ""
        raise NotImplementedError(kind)

    async def query(self, table: str, **where: Any) -> AsyncIterator[Entity]:  # noqa: ANN401 - passed on
        """Iterate over entities in the order of their keys."""
        for row in self._found(table, **where):
            yield row

    def _found(
        self,
        table: str,
        *,
        partition: str | None = None,
        partitions: Range | None = None,
        rows: Range | None = None,
        row: str | None = None,
        where: str | None = None,
        select: list[str] | None = None,
    ) -> list[Entity]:
        holds, stored, answer = _filter(where), self._tables[table], list[Entity]()
        if partition is not None:
            among = [partition]
        else:
            among = sorted(key for key in stored if partitions is None or partitions[0] <= key < partitions[1])
        for key in among:
            inside = stored.get(key, {})
            if row is not None:
                wanted = [row] if row in inside else []
            elif rows is None:
                wanted = sorted(inside)
            else:
                wanted = sorted([name for name in inside if rows[0] <= name < rows[1]])
            for name in wanted:
                properties, etag = inside[name]
                if holds is None or holds(properties):
                    shown = (
                        properties
                        if select is None
                        else {column: properties[column] for column in select if column in properties}
                    )
                    answer.append(_entity((shown, etag)))
        return answer

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
        with decoding():
            page = [msgspec.convert(dict(row), kind.struct) for row in found if not name or repr(row[name]) != literal]
        yield page

    def _find(self, table: str, partition: str, row: str) -> Stored | None:
        return self._tables[table].get(partition, {}).get(row)

    def _remove(self, table: str, partition: str, row: str) -> None:
        rows = self._tables[table][partition]
        del rows[row]
        if not rows:
            del self._tables[table][partition]

    def _create(self, table: str, entity: Mapping[str, Any]) -> str:
        if self._find(table, entity["PartitionKey"], entity["RowKey"]) is not None:
            raise ETagConflict("There is such a row already.")
        return self._store(table, entity)

    def _store(self, table: str, entity: Mapping[str, Any]) -> str:
        etag = f"etag-{next(self._etags)}"
        kept = {name: value for name, value in entity.items() if value is not None}
        self._tables[table].setdefault(entity["PartitionKey"], {})[entity["RowKey"]] = (kept, etag)
        return etag

    def _require(self, table: str, entity: Mapping[str, Any], etag: str) -> dict[str, Any]:
        found = self._find(table, entity["PartitionKey"], entity["RowKey"])
        if found is None or found[1] != etag:
            raise ETagConflict("The row changed since it was read.")
        return found[0]


def _filter(where: str | None) -> Callable[[Mapping[str, Any]], bool] | None:
    """Return the filter for `{name} eq true`, `{name} eq '{text}'` or `{name} ge {number}`; None if all rows pass."""
    if where is None:
        return None
    name, relation, value = where.split()
    if relation == "ge":
        return lambda row: row.get(name, -1) >= int(value)
    if value != "true":
        return lambda row: row.get(name) == value.strip("'")
    return lambda row: row.get(name) is True


def _entity(row: Stored) -> Row:
    return Row(row[0], row[1])
