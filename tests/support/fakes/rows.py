"""A table in memory: rows under keys, each with an ETag that changes at every write."""

from collections.abc import Hashable, Iterator
from itertools import count
from typing import Generic, TypeVar

from shared.domain.versioned import Versioned
from shared.errors import ETagConflict

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Rows(Generic[K, V]):
    """Rows with compare-and-swap, as Table Storage has it."""

    def __init__(self) -> None:
        self._rows: dict[K, Versioned[V]] = {}
        self._etags = count(1)

    def find(self, key: K) -> Versioned[V] | None:
        """Return a row with its ETag, or None."""
        return self._rows.get(key)

    def value(self, key: K) -> V | None:
        """Return a row's value, or None."""
        found = self._rows.get(key)
        return None if found is None else found.value

    def put(self, key: K, value: V) -> str:
        """Store a row and return its new ETag."""
        etag = f"etag-{next(self._etags)}"
        self._rows[key] = Versioned(value, etag)
        return etag

    def replace(self, key: K, value: V, etag: str | None) -> str:
        """Replace the row that was read with `etag` (None: that was not there). Raises: ETagConflict."""
        self.require(key, etag)
        return self.put(key, value)

    def require(self, key: K, etag: str | None) -> None:
        """Verify that the row is as it was read. Raises: ETagConflict."""
        found = self._rows.get(key)
        if (None if found is None else found.etag) != etag:
            raise ETagConflict(f"{key} changed since it was read")

    def insert_once(self, key: K, value: V) -> V:
        """Store a row unless there is one, and return the one that is stored."""
        if key not in self._rows:
            self.put(key, value)
        return self._rows[key].value

    def delete(self, key: K) -> None:
        """Delete a row, if there is one."""
        self._rows.pop(key, None)

    def keys(self) -> list[K]:
        """Return a copy of all keys in their order."""
        return sorted(self._rows, key=str)

    def items(self) -> Iterator[tuple[K, V]]:
        """Iterate over a copy of all rows in the order of their keys."""
        for key in self.keys():
            yield key, self._rows[key].value
