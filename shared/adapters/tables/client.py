"""The storage account's Table service: one client per process, counted requests, errors in the product's words."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

import msgspec
from azure.core import MatchConditions
from azure.data.tables.aio import TableClient, TableServiceClient

from shared.adapters.storage_account import StorageService
from shared.adapters.tables import entities, transactions
from shared.adapters.tables.edm import encode, row_of
from shared.adapters.tables.errors import translated
from shared.adapters.tables.limits import MAX_BATCH, require_entity
from shared.adapters.tables.pipeline import Wire
from shared.adapters.tables.queries import BARE, FULL, UNTYPED, Kind, Range, condition, pages
from shared.domain.ids import TenantId
from shared.domain.retry_policy import TABLE_REQUEST
from shared.errors import ETagConflict, NotFound, SyncError
from shared.runtime.fair_scheduler import turn
from shared.settings import Settings, TableAccount

S = TypeVar("S", bound=msgspec.Struct)

Entity = Mapping[str, Any]


class Tables:
    """Access to the tables of one storage account, each created when it is first used."""

    def __init__(self, settings: Settings, account: TableAccount | None = None) -> None:
        account = account or settings.first_account()
        #: Where the account is; no two accounts have the same.
        self.address = account.address
        self._service: StorageService[TableClient] = StorageService(
            connection_string=account.connection_string,
            url=account.url,
            identity=settings.managed_identity_client_id,
            client_class=lambda: TableServiceClient,
            options={"retry_total": TABLE_REQUEST.retries, "retry_backoff_factor": TABLE_REQUEST.first_wait_s},
            create=_create,
        )
        self._wire: Wire | None = None

    async def of(self, tenant: TenantId) -> "Tables":  # noqa: ARG002 - `Accounts` looks where the tenant is
        """Return these: where there is one account, every tenant's tables are in it."""
        return self

    async def place(self, tenant: TenantId) -> None:
        """Do nothing: where there is one account, a new tenant needs no place."""

    async def table(self, name: str) -> TableClient:
        """Return the client of a table that exists."""
        return await self._service.ready(name)

    async def close(self) -> None:
        """Close the connections; the next use opens new ones."""
        wire, self._wire = self._wire, None
        if wire is not None:
            await wire.close()
        await self._service.close()

    async def get(self, table: str, partition: str, row: str) -> Entity:
        """Return one entity. Raises: NotFound."""
        wire = await self._wire_to(table)
        with translated():
            return entities.read(await wire.send("GET", entities.address(table, partition, row), entities.READ))

    async def find(self, table: str, partition: str, row: str) -> Entity | None:
        """Return one entity, or None if there is none."""
        try:
            return await self.get(table, partition, row)
        except NotFound:
            return None

    async def insert(self, table: str, entity: Mapping[str, Any]) -> str:
        """Store a new entity and return its ETag. Raises: Conflict if there is one already."""
        require_entity(entity)
        return await self._write("POST", table, table, entity)

    async def put(self, table: str, entity: Mapping[str, Any]) -> str:
        """Store an entity, in the place of another if there is one, and return its new ETag."""
        require_entity(entity)
        return await self._write("PUT", table, _of(table, entity), entity)

    async def merge(self, table: str, entity: Mapping[str, Any], etag: str | None = None) -> str:
        """Change properties of an entity that is there, the others stay; return its new ETag.

        Raises: NotFound; Conflict if it is not the one with `etag`, where that is given.
        """
        require_entity(entity)
        return await self._write("PATCH", table, _of(table, entity), entity, etag or entities.ANY)

    async def replace(self, table: str, entity: Mapping[str, Any], etag: str | None) -> str:
        """Store an entity in the place of the one that was read with `etag` (None: of none); return its new ETag.

        Raises: Conflict if it changed, or vanished, since it was read.
        """
        if etag is None:
            return await self.insert(table, entity)
        require_entity(entity)
        return await self._write("PUT", table, _of(table, entity), entity, etag, missing=ETagConflict)

    async def _write(
        self,
        method: str,
        table: str,
        path: str,
        entity: Mapping[str, Any],
        etag: str | None = None,
        *,
        missing: type[SyncError] = NotFound,
    ) -> str:
        wire = await self._wire_to(table)
        with translated(missing=missing):
            return entities.written(await wire.send(method, path, entities.headers(etag), encode(entity)))

    async def delete(self, table: str, partition: str, row: str, etag: str | None = None) -> None:
        """Delete an entity; one that is not there is no error. Raises: Conflict if it is not the one with `etag`."""
        client = await self.table(table)
        condition = MatchConditions.IfNotModified if etag is not None else None
        with translated():
            await client.delete_entity(partition, row, etag=etag, match_condition=condition)

    async def transact(self, table: str, operations: Iterable[Any]) -> str:
        """Do up to MAX_BATCH operations on one partition, all or none, and return the ETag of the first.

        Raises: Conflict, Transient, Rejected.

        An operation is as the SDK's `submit_transaction` takes it: `create`, `upsert`, `update` or `delete`, the
        entity, and for a replacement its mode and ETag. What iterates over them works inside a turn.
        """
        wire = await self._wire_to(table)
        async with turn():
            listed = list(operations)
            body = transactions.compose(wire.url, table, listed)
        with translated(missing=ETagConflict):
            response = await wire.send("POST", "$batch", transactions.HEADERS, body)
            return transactions.require_done(response, len(listed))

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
        """Iterate over entities in the order of their keys, through as many pages as there are, empty ones included.

        Ranges are half open: the first key, and the first one that is not wanted. `where` is constant text.
        """
        wanted = condition(partition=partition, partitions=partitions, rows=rows, row=row, where=where)
        wire = await self._wire_to(table)
        with translated():
            async for page in pages(wire, table, UNTYPED, accept=FULL, where=wanted, select=select):
                for each in page.value:
                    yield row_of(each)

    async def read(self, table: str, kind: Kind[S], *, partition: str, rows: Range) -> AsyncIterator[list[S]]:
        """Iterate over pages of a partition's rows as structs, whose fields are all that is read of them."""
        wire = await self._wire_to(table)
        wanted = condition(partition=partition, rows=rows)
        with translated():
            async for page in pages(wire, table, kind.decoder, accept=BARE, where=wanted, select=kind.columns):
                yield page.value

    async def _wire_to(self, table: str) -> Wire:
        await self.table(table)
        if self._wire is None:
            self._wire = Wire(self._service.open(), retries=TABLE_REQUEST.retries, backoff_s=TABLE_REQUEST.first_wait_s)
        return self._wire

    async def delete_rows(
        self,
        table: str,
        *,
        partition: str | None = None,
        partitions: Range | None = None,
        rows: Range | None = None,
        keep: Callable[[str], bool] | None = None,
        guard: Callable[[], Awaitable[object]] | None = None,
    ) -> None:
        """Delete every entity in the range, a partition's in batches, except the rows that are to `keep`.

        `guard` is called when all that will be deleted is known; nothing is if it raises.
        """
        keys = ["PartitionKey", "RowKey"]
        doomed: dict[str, list[Any]] = {}
        found = self.query(table, partition=partition, partitions=partitions, rows=rows, select=keys)
        async for entity in found:
            if keep is None or not keep(entity["RowKey"]):
                doomed.setdefault(entity["PartitionKey"], []).append(("delete", {key: entity[key] for key in keys}))
        if doomed and guard is not None:
            await guard()
        for operations in doomed.values():
            for start in range(0, len(operations), MAX_BATCH):
                await self._delete_batch(table, operations[start : start + MAX_BATCH])

    async def _delete_batch(self, table: str, operations: Sequence[Any]) -> None:
        try:
            await self.transact(table, operations)
        except ETagConflict:  # somebody else has deleted some of them: then one by one
            for _, entity in operations:
                await self.delete(table, entity["PartitionKey"], entity["RowKey"])


def _of(table: str, entity: Mapping[str, Any]) -> str:
    return entities.address(table, entity["PartitionKey"], entity["RowKey"])


async def _create(service: TableServiceClient, name: str) -> TableClient:
    with translated():
        return await service.create_table_if_not_exists(name)
