"""Rows of the table Tenants, one per part of a tenant. They are in the first account, where timers list them."""

from collections.abc import Mapping
from typing import Any, TypeVar

from shared.adapters.stores.table_names import TENANTS
from shared.adapters.tables.client import Tables
from shared.adapters.tables.packing import pack, unpack
from shared.domain.ids import TenantId
from shared.domain.optimistic_locking import Expected, Part
from shared.domain.versioned import Versioned
from shared.runtime.optimistic_update import optimistic_update

T = TypeVar("T")


class TenantRows:
    """The parts of tenants. A part is a packed value with an ETag."""

    def __init__(self, tables: Tables) -> None:
        self.tables = tables

    async def find(self, tenant: TenantId, part: str, kind: type[T]) -> T | None:
        """Return a part; None if it was never stored."""
        row = await self.tables.find(TENANTS, tenant, part)
        return None if row is None else unpack(row, kind)

    async def get(self, tenant: TenantId, part: str, kind: type[T]) -> Versioned[T]:
        """Return a part; a new one with ETag None if it was never stored."""
        return versioned(await self.tables.find(TENANTS, tenant, part), kind)

    async def put(
        self,
        tenant: TenantId,
        part: Part,
        value: object,
        expected: Expected | None,
        columns: Mapping[str, str] | None = None,
    ) -> str:
        """Store a part and return its new ETag. Raises ETagConflict unless the stored one has the expected ETag."""
        row = {"PartitionKey": tenant, "RowKey": part.value, **(columns or {}), **pack(value)}
        return await self.write(row, expected)

    async def write(self, row: Mapping[str, Any], expected: Expected | None) -> str:
        """Store a row and return its new ETag. Raises ETagConflict unless the stored one has the expected ETag."""
        if expected is None:
            return await self._overwrite(row)
        return await self.tables.replace(TENANTS, row, expected.etag)

    @optimistic_update
    async def _overwrite(self, row: Mapping[str, Any]) -> str:
        """Store a row whatever is stored, and keep the ids of the operations that wrote it."""
        stored = await self.tables.find(TENANTS, row["PartitionKey"], row["RowKey"])
        return await self.tables.replace(TENANTS, row, None if stored is None else etag_of(stored))

    async def delete(self, tenant: TenantId, part: Part, expected: Expected | None) -> None:
        """Delete a part, if it exists. Raises ETagConflict unless it has the expected ETag."""
        await self.tables.delete(TENANTS, tenant, part.value, expected.etag if expected else None)


def versioned(row: Mapping[str, Any] | None, kind: type[T]) -> Versioned[T]:
    """Return the value of a row; a new one with ETag None if the row does not exist."""
    return Versioned(kind(), None) if row is None else Versioned(unpack(row, kind), etag_of(row))


def etag_of(row: Any) -> str:  # noqa: ANN401 - the SDK's entity, whose metadata is untyped
    """Return the ETag of a row."""
    return str(row.metadata["etag"])
