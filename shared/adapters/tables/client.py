"""Client of the Table service of one storage account. Counts requests and raises the product's own errors."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any, Final, TypeVar

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
from shared.adapters.tables.versions import OPERATIONS, applied, etag_of, stamped, version_of
from shared.domain.ids import TenantId
from shared.domain.retry_policy import TABLE_REQUEST
from shared.errors import ETagConflict, NotFound, SyncError, Transient
from shared.runtime.fair_scheduler import cpu_slice, paced
from shared.settings import Settings, TableAccount

S = TypeVar("S", bound=msgspec.Struct)

Entity = Mapping[str, Any]

#: Number of times that a batch of deletions is tried while another process deletes the same entities.
_DELETIONS: Final = 3


class Tables:
    """Access to the tables of one storage account. A table is created at its first use."""

    def __init__(self, settings: Settings, account: TableAccount | None = None) -> None:
        account = account or settings.first_account()
        #: Address of the account's Table service; unique among the accounts.
        self.address = account.address
        self._service: StorageService[TableClient] = StorageService(
            connection_string=account.connection_string,
            url=account.url,
            identity=settings.managed_identity_client_id,
            service="table",
            client_class=lambda: TableServiceClient,
            options={"retry_total": TABLE_REQUEST.retries, "retry_backoff_factor": TABLE_REQUEST.first_wait_s},
            create=_create,
        )
        self._wire: Wire | None = None

    async def of(self, tenant: TenantId) -> "Tables":  # noqa: ARG002 - `Accounts` looks up the tenant's account
        """Return this account, which holds the tables of all tenants if it is the only one."""
        return self

    async def place(self, tenant: TenantId) -> None:
        """Do nothing: with a single account, tenants need no placement."""

    async def table(self, name: str) -> TableClient:
        """Return the SDK's client of a table, after creating the table if necessary."""
        return await self._service.ready(name)

    async def close(self) -> None:
        """Close all connections. The next use opens new ones."""
        wire, self._wire = self._wire, None
        if wire is not None:
            await wire.close()
        await self._service.close()

    async def get(self, table: str, partition: str, row: str) -> Entity:
        """Return one entity. Raises NotFound if it does not exist."""
        wire = await self._wire_to(table)
        with translated():
            return entities.read(await wire.send("GET", entities.address(table, partition, row), entities.READ))

    async def find(self, table: str, partition: str, row: str) -> Entity | None:
        """Return one entity; None if it does not exist."""
        try:
            return await self.get(table, partition, row)
        except NotFound:
            return None

    async def insert(self, table: str, entity: Mapping[str, Any]) -> str:
        """Insert an entity and return its ETag.

        Raises ETagConflict if it exists, also if an earlier attempt of this request has inserted it. To tell these
        apart, call `replace` with `etag` None.
        """
        require_entity(entity)
        return await self._write("POST", table, table, entity)

    async def put(self, table: str, entity: Mapping[str, Any]) -> str:
        """Insert or replace an entity and return its new ETag."""
        require_entity(entity)
        return await self._write("PUT", table, _of(table, entity), entity)

    async def merge(self, table: str, entity: Mapping[str, Any], etag: str) -> str:
        """Update the given properties of the entity that was read with `etag`, and return its new ETag.

        Raises ETagConflict as `replace` does.
        """
        return await self._conditionally(table, stamped(entity, etag), self._merge, etag)

    async def replace(self, table: str, entity: Mapping[str, Any], etag: str | None) -> str:
        """Replace the entity that was read with `etag`, and return its new ETag. With `etag` None, insert it.

        Raises ETagConflict if the entity was changed, created or deleted since it was read. That this very write was
        applied, and its answer was lost, is not a conflict: the row has the ids of its last operations.
        """
        return await self._conditionally(table, stamped(entity, etag), self._replace, etag)

    async def _conditionally(
        self,
        table: str,
        sent: Mapping[str, Any],
        write: Callable[[str, Mapping[str, Any], str], Awaitable[str]],
        etag: str | None,
    ) -> str:
        """Write a stamped entity under an ETag, or insert it, and return its new version."""
        try:
            written = await (self.insert(table, sent) if etag is None else write(table, sent, etag_of(etag)))
        except (ETagConflict, Transient):
            with suppress(SyncError):
                stored = await self.find(table, sent["PartitionKey"], sent["RowKey"])
                version = applied(sent, stored.metadata["etag"]) if stored is not None else None  # type: ignore[attr-defined]
                if version is not None:
                    return version
            raise
        return version_of(written, sent[OPERATIONS])

    async def _replace(self, table: str, entity: Mapping[str, Any], etag: str) -> str:
        require_entity(entity)
        return await self._write("PUT", table, _of(table, entity), entity, etag)

    async def _merge(self, table: str, entity: Mapping[str, Any], etag: str) -> str:
        require_entity(entity)
        return await self._write("PATCH", table, _of(table, entity), entity, etag)

    async def _write(
        self,
        method: str,
        table: str,
        path: str,
        entity: Mapping[str, Any],
        etag: str | None = None,
    ) -> str:
        wire = await self._wire_to(table)
        with translated(missing=ETagConflict):
            return entities.written(await wire.send(method, path, entities.headers(etag), encode(entity)))

    async def delete(self, table: str, partition: str, row: str, etag: str | None = None) -> None:
        """Delete an entity, if it exists. Raises ETagConflict if `etag` is given and the entity has another ETag."""
        client = await self.table(table)
        condition = MatchConditions.IfNotModified if etag is not None else None
        with translated():
            await client.delete_entity(partition, row, etag=etag and etag_of(etag), match_condition=condition)

    async def transact(self, table: str, operations: Iterable[Any]) -> str:
        """Execute up to MAX_BATCH operations on one partition atomically, and return the ETag of the first one.

        Operations have the form that the SDK's `submit_transaction` accepts: `create`, `upsert`, `update` or `delete`,
        the entity, and for a replacement its mode and ETag. The iterable is consumed within one slice of CPU time.

        Raises:
            ETagConflict: if an entity was changed, created or deleted since it was read.
            Transient: if the service did not answer or is busy.
            Rejected: if the service does not accept the batch.

        """
        wire = await self._wire_to(table)
        async with cpu_slice():
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
        """Iterate over the entities that match, sorted by key, over all pages of the result.

        Ranges are half-open: the first key, and the first key after the range. `where` is constant text.
        """
        filter_ = condition(partition=partition, partitions=partitions, rows=rows, row=row, where=where)
        wire = await self._wire_to(table)
        with translated():
            async for page in pages(wire, table, UNTYPED, accept=FULL, where=filter_, select=select):
                async for properties in paced(page.value):
                    yield row_of(properties)

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
        """Iterate over the rows of a partition as pages of structs. Only the fields of the struct are read.

        A page has up to 1,000 rows, the first one up to `first`: a caller that needs few does not wait for the others.
        """
        wire = await self._wire_to(table)
        filter_ = condition(partition=partition, rows=rows, where=where)
        with translated():
            found = pages(wire, table, kind.decoder, accept=BARE, where=filter_, select=kind.columns, first=first)
            async for page in found:
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
        """Delete all entities in the range except those that `keep` returns True for, in batches per partition.

        `guard` is called after all entities to delete are listed and before the first deletion. If it raises, nothing
        is deleted.
        """
        keys = ["PartitionKey", "RowKey"]
        deletions: dict[str, list[Any]] = {}
        entities_in_range = self.query(table, partition=partition, partitions=partitions, rows=rows, select=keys)
        async for entity in entities_in_range:
            if keep is None or not keep(entity["RowKey"]):
                deletions.setdefault(entity["PartitionKey"], []).append(("delete", {key: entity[key] for key in keys}))
        if deletions and guard is not None:
            await guard()
        for operations in deletions.values():
            for start in range(0, len(operations), MAX_BATCH):
                await self._delete_batch(table, operations[start : start + MAX_BATCH])

    async def _delete_batch(self, table: str, operations: Sequence[Any]) -> None:
        """Delete entities of one partition, sorted by key. Those that another process has deleted are skipped."""
        for _ in range(_DELETIONS):
            try:
                await self.transact(table, operations)
            except ETagConflict:
                operations = await self._remaining(table, operations)
                if operations:
                    continue
            return
        for _, entity in operations:
            await self.delete(table, entity["PartitionKey"], entity["RowKey"])

    async def _remaining(self, table: str, operations: Sequence[Any]) -> list[Any]:
        """Return the deletions whose entities are still stored."""
        first, last = operations[0][1], operations[-1][1]
        rows = first["RowKey"], f"{last['RowKey']}!"
        stored = self.query(table, partition=first["PartitionKey"], rows=rows, select=["PartitionKey", "RowKey"])
        keys = {entity["RowKey"] async for entity in stored}
        return [operation for operation in operations if operation[1]["RowKey"] in keys]


def _of(table: str, entity: Mapping[str, Any]) -> str:
    return entities.address(table, entity["PartitionKey"], entity["RowKey"])


async def _create(service: TableServiceClient, name: str) -> TableClient:
    with translated():
        return await service.create_table_if_not_exists(name)
