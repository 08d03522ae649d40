"""Named keys: one row per key, in a partition of their own."""

from collections.abc import AsyncIterator

import msgspec

from shared.adapters.stores import keys
from shared.adapters.stores.table_names import TENANTS
from shared.adapters.stores.tenant_rows import etag_of
from shared.adapters.stores.unreadable_rows import readable
from shared.adapters.tables.client import Tables
from shared.adapters.tables.packing import pack, unpack
from shared.domain.access.named_keys import NamedKey
from shared.domain.ids import KeyName, TenantId
from shared.domain.versioned import Versioned
from shared.ports.tenant_data import ALL_ROWS
from shared.runtime.optimistic_update import optimistic_update


class TableKeyStore:
    """`KeyStore` on the table Tenants."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    async def find(self, name: KeyName) -> Versioned[NamedKey | None]:
        """Return a key; None with ETag None if none has this name."""
        row = await self._tables.find(TENANTS, keys.NAMED_KEYS, keys.named_key(name))
        return Versioned(None, None) if row is None else Versioned(unpack(row, NamedKey), etag_of(row))

    async def replace(self, key: NamedKey, etag: str | None) -> str:
        """Store a key and return its new ETag. Raises ETagConflict if it changed since it was read."""
        row = {"PartitionKey": keys.NAMED_KEYS, "RowKey": keys.named_key(key.name), **pack(key)}
        return await self._tables.replace(TENANTS, row, etag)

    async def list_keys(self, after: str = "") -> AsyncIterator[NamedKey]:
        """Iterate over the keys after a name, sorted by name."""
        behind = keys.named_keys_behind(after)
        rows = self._tables.query(TENANTS, partition=keys.NAMED_KEYS, rows=behind)
        async for key in readable(self._tables, TENANTS, rows, lambda row: unpack(row, NamedKey)):
            yield key

    async def delete_all(self, tenant: TenantId, limit: int = ALL_ROWS) -> int:
        """Take the tenant out of up to `limit` keys, and return their number; fewer than `limit` are all of them."""
        names = [key.name async for key in self.list_keys() if tenant in (key.tenants or ())][:limit]
        for name in names:
            await self._take_out(name, tenant)
        return len(names)

    @optimistic_update
    async def _take_out(self, name: KeyName, tenant: TenantId) -> None:
        key, etag = await self.find(name)
        if key is not None and key.tenants is not None:
            left = tuple(other for other in key.tenants if other != tenant)
            await self.replace(msgspec.structs.replace(key, tenants=left), etag)
