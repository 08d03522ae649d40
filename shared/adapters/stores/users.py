"""Product users: one row per user, in the partition of their tenant."""

from collections.abc import Sequence

from shared.adapters.stores import keys
from shared.adapters.stores.account_placement import TenantTables
from shared.adapters.stores.table_names import USERS
from shared.adapters.stores.unreadable_rows import readable
from shared.adapters.tables.bounded_deletion import delete_some
from shared.adapters.tables.client import Tables
from shared.adapters.tables.packing import pack, unpack
from shared.domain.access.sso_users import ProductUser
from shared.domain.ids import TenantId
from shared.errors import ETagConflict
from shared.ports.tenant_data import ALL_ROWS


class TableUserStore:
    """`UserStore` on the table Users."""

    def __init__(self, tables: Tables, accounts: TenantTables | None = None) -> None:
        self._tables = tables
        self._accounts = accounts or tables

    async def insert(self, tenant: TenantId, user: ProductUser) -> ProductUser:
        """Store a user unless stored, and return the stored one."""
        tables = await self._accounts.of(tenant)
        row = {"PartitionKey": tenant, "RowKey": keys.user(user.object_id), "role": user.role.value, **pack(user)}
        try:
            await tables.insert(USERS, row)
        except ETagConflict:
            return unpack(await tables.get(USERS, tenant, keys.user(user.object_id)), ProductUser)
        return user

    async def list_users(self, tenant: TenantId) -> Sequence[ProductUser]:
        """Return the tenant's users that can be read, sorted by object id."""
        tables = await self._accounts.of(tenant)
        rows = tables.query(USERS, partition=tenant)
        users = [user async for user in readable(self._tables, USERS, rows, lambda row: unpack(row, ProductUser))]
        return sorted(users, key=lambda user: user.object_id)

    async def delete_all(self, tenant: TenantId, limit: int = ALL_ROWS) -> int:
        """Delete rows of the tenant. As `TenantData.delete_all`."""
        tables = await self._accounts.of(tenant)
        return await delete_some(tables, USERS, limit, partition=tenant)
