"""The product's adapters with counters: the requests of each function invocation."""

from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from typing import Any, TypeVar

import msgspec

from infra.capacity.work import Work
from shared.adapters.stores import Tables
from shared.adapters.tables.client import Entity
from shared.adapters.tables.queries import Kind, Range
from shared.domain.sync.jobs import Job
from shared.settings import Settings
from tests.support.fakes import FakeJobQueue, FakeSecretStore

S = TypeVar("S", bound=msgspec.Struct)


class CountingTables(Tables):
    """`Tables` that counts rows in `work`. The transport counts requests."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self.work = Work()

    async def get(self, table: str, partition: str, row: str) -> Entity:
        """Count, then read."""
        self.work.rows_read += 1
        return await super().get(table, partition, row)

    async def insert(self, table: str, entity: Mapping[str, Any]) -> str:
        """Count, then store."""
        self.work.rows_written += 1
        return await super().insert(table, entity)

    async def put(self, table: str, entity: Mapping[str, Any]) -> str:
        """Count, then store."""
        self.work.rows_written += 1
        return await super().put(table, entity)

    async def merge(self, table: str, entity: Mapping[str, Any], etag: str) -> str:
        """Count, then store."""
        self.work.rows_written += 1
        return await super().merge(table, entity, etag)

    async def replace(self, table: str, entity: Mapping[str, Any], etag: str | None) -> str:
        """Count, then store. Without an ETag it is an insert, which counts itself."""
        self.work.rows_written += etag is not None
        return await super().replace(table, entity, etag)

    async def delete(self, table: str, partition: str, row: str, etag: str | None = None) -> None:
        """Count, then delete."""
        self.work.rows_written += 1
        await super().delete(table, partition, row, etag)

    async def transact(self, table: str, operations: Iterable[Any]) -> str:
        """Count, then apply."""
        return await super().transact(table, self._counted(operations))

    def _counted(self, operations: Iterable[Any]) -> Iterator[Any]:
        for each in operations:
            self.work.rows_written += 1
            yield each

    async def query(self, table: str, **words: Any) -> AsyncIterator[Entity]:  # noqa: ANN401
        """Count the rows that are returned."""
        async for row in super().query(table, **words):
            self.work.rows_read += 1
            yield row

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
        """Count the rows that are returned."""
        async for page in super().read(table, kind, partition=partition, rows=rows, where=where, first=first):
            self.work.rows_read += len(page)
            yield page


class CountingQueue(FakeJobQueue):
    """In-memory queues that count sent messages."""

    def __init__(self) -> None:
        super().__init__()
        self.work = Work()

    def _put(self, message: Job, delay_s: float) -> None:
        self.work.messages_sent += 1
        super()._put(message, delay_s)


class CountingSecrets(FakeSecretStore):
    """In-memory Key Vault that counts reads."""

    def __init__(self) -> None:
        super().__init__()
        self.work = Work()

    async def get(self, name: str, version: str) -> str:
        """Count, then return."""
        self.work.vault_reads += 1
        return await super().get(name, version)
