"""A Table service that loses answers: a write is applied, and then sent again, as the SDK does."""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any, TypeVar

from tests.support.fakes.table_service import MemoryTables

T = TypeVar("T")


async def _nothing() -> None:
    """Let no other writer come in between."""


class LossyTables(MemoryTables):
    """`MemoryTables` that loses the answer of one write."""

    def __init__(self) -> None:
        super().__init__()
        #: Number of writes since `lose` was called.
        self.writes = 0
        self._lost = -1
        self._between = _nothing

    def lose(self, write: int, between: Callable[[], Awaitable[None]] = _nothing) -> None:
        """Lose the answer of the n-th write from now on, from 0; others do `between` before it is sent again."""
        self.writes, self._lost, self._between = 0, write, between  # type: ignore[assignment]

    @property
    def lost(self) -> bool:
        """Return whether the answer was lost."""
        return self._lost < self.writes

    async def _sent(self, write: Callable[[], Awaitable[T]]) -> T:
        self.writes += 1
        if self.writes - 1 == self._lost:
            await write()
            await self._between()
        return await write()

    async def insert(self, table: str, entity: Mapping[str, Any]) -> str:
        """Store a new entity."""
        insert = super().insert
        return await self._sent(lambda: insert(table, entity))

    async def put(self, table: str, entity: Mapping[str, Any]) -> str:
        """Store an entity."""
        put = super().put
        return await self._sent(lambda: put(table, entity))

    async def delete(self, table: str, partition: str, row: str, etag: str | None = None) -> None:
        """Delete an entity."""
        delete = super().delete
        await self._sent(lambda: delete(table, partition, row, etag))

    async def transact(self, table: str, operations: Iterable[Any]) -> str:
        """Do operations on one partition."""
        listed, transact = list(operations), super().transact
        return await self._sent(lambda: transact(table, listed))

    async def _replace(self, table: str, entity: Mapping[str, Any], etag: str) -> str:
        replace = super()._replace
        return await self._sent(lambda: replace(table, entity, etag))

    async def _merge(self, table: str, entity: Mapping[str, Any], etag: str) -> str:
        merge = super()._merge
        return await self._sent(lambda: merge(table, entity, etag))
