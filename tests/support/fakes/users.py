"""Users of the product in memory."""

from collections.abc import Sequence

from shared.domain.access.sso_users import ProductUser
from shared.domain.ids import ObjectId, TenantId
from shared.ports.tenant_data import ALL_ROWS


class FakeUserStore:
    """`UserStore` in a dict."""

    def __init__(self) -> None:
        self._users: dict[tuple[TenantId, ObjectId], ProductUser] = {}

    async def insert(self, tenant: TenantId, user: ProductUser) -> ProductUser:
        """Store a user unless stored, and return the stored one."""
        return self._users.setdefault((tenant, user.object_id), user)

    async def list_users(self, tenant: TenantId) -> Sequence[ProductUser]:
        """Return the tenant's users by object id."""
        return [user for (owner, _), user in sorted(self._users.items()) if owner == tenant]

    async def delete_all(self, tenant: TenantId, limit: int = ALL_ROWS) -> int:
        """Delete rows of the tenant. As `TenantData.delete_all`."""
        own = [key for key in self._users if key[0] == tenant][:limit]
        for key in own:
            del self._users[key]
        return len(own)
