"""Tables: partitions of rows in the order of their keys, changed by one operation or one batch at a time."""

import time
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from typing import NamedTuple

from tests.support.table_service.faults import Refusal, bad_request, changed, exists, not_found
from tests.support.table_service.values import TICKS_S, Row, merged, tidy

_ANY = "*"


class Operation(NamedTuple):
    """One change of one row. `verb` is POST (insert), PUT (replace), PATCH (merge) or DELETE."""

    verb: str
    partition: str
    row: str
    #: The required ETag: None for an insert or "insert or ...", `*` for any.
    match: str | None
    body: bytes


class FailedOperation(Exception):
    """The operation of a batch that failed, so that the batch was not applied."""

    def __init__(self, index: int, refusal: Refusal) -> None:
        super().__init__(refusal.code)
        self.index = index
        self.refusal = refusal


class Partition:
    """The rows of one partition. Keys are sorted only when a query needs their order."""

    def __init__(self) -> None:
        self.rows: dict[str, Row] = {}
        #: All keys in order, and the sort keys of them; None if they changed.
        self._sorted: tuple[list[str], list[bytes]] | None = None

    def keys_within(self, low: tuple[bytes, bool], high: tuple[bytes, bool] | None) -> Sequence[str]:
        """Return the keys within two bounds, in order.

        A bound is a sort key, and whether it lies behind the row that has exactly this key.
        """
        if self._sorted is None:
            keys = sorted(self.rows, key=in_order)
            self._sorted = keys, [in_order(key) for key in keys]
        keys, order = self._sorted

        def place(key: bytes, behind: bool) -> int:  # noqa: FBT001 - the parts of a bound
            return (bisect_right if behind else bisect_left)(order, key)

        return keys[place(*low) : len(keys) if high is None else place(*high)]

    def check(self, operation: Operation) -> None:
        """Check that the operation can be applied. Raises Refusal otherwise."""
        stored = self.rows.get(operation.row)
        if operation.verb == "POST":
            if stored is not None:
                raise exists()
        elif operation.match is None:
            if operation.verb == "DELETE":
                raise bad_request("MissingRequiredHeader")
        elif stored is None:
            raise not_found()
        elif operation.match not in {_ANY, stored.etag}:
            raise changed()

    def do(self, operation: Operation, tick: int) -> Row | None:
        """Apply a checked operation. Return the row, or None if it was deleted."""
        if operation.verb == "DELETE":
            del self.rows[operation.row]
            self._sorted = None
            return None
        stored = self.rows.get(operation.row)
        body = tidy(operation.body)
        if operation.verb == "PATCH" and stored is not None:
            body = merged(stored.body, body)
        if stored is None:
            self._sorted = None
        self.rows[operation.row] = row = Row(body, tick)
        return row


class Account:
    """All tables of the account."""

    def __init__(self) -> None:
        self.tables: dict[str, dict[str, Partition]] = {}
        self._tick = int(time.time() * TICKS_S)

    def table(self, name: str) -> dict[str, Partition]:
        """Return the partitions of a table. Raises Refusal if the table does not exist."""
        if name not in self.tables:
            raise not_found("TableNotFound")
        return self.tables[name]

    def change(self, table: str, operations: Sequence[Operation]) -> list[Row | None]:
        """Apply all operations on one partition. Raises FailedOperation, in which case none is applied."""
        partitions = self.table(table)
        name = operations[0].partition
        partition = partitions.get(name) or Partition()
        seen: set[str] = set()
        for index, operation in enumerate(operations):
            if operation.partition != name:
                raise FailedOperation(index, bad_request("CommandsInBatchActOnDifferentPartitions"))
            if operation.row in seen:
                raise FailedOperation(index, bad_request("InvalidDuplicateRow"))
            seen.add(operation.row)
            try:
                partition.check(operation)
            except Refusal as refusal:
                raise FailedOperation(index, refusal) from refusal
        partitions[name] = partition
        done = []
        for operation in operations:
            self._tick += 1
            done.append(partition.do(operation, self._tick))
        return done


def in_order(key: str) -> bytes:
    """Return the sort key of a key: UTF-16 units, in which an emoji comes before U+E000."""
    return key.encode("utf-16-be", "surrogatepass")
