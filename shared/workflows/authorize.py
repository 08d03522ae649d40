"""Authorize: whether a caller may use a route, by its rule and by what is stored about the tenant in it."""

from dataclasses import dataclass

from shared.domain.callers import Access, Caller, may
from shared.domain.ids import TenantId
from shared.errors import Forbidden
from shared.ports import TenantStore


@dataclass(frozen=True, slots=True, kw_only=True)
class Authorize:
    """Decides who may do what."""

    tenants: TenantStore
    operator_tenant: str | None

    async def __call__(self, caller: Caller, access: Access, tenant: TenantId | None) -> None:
        """Hold if the caller may. Raises: Forbidden, in the same words for a tenant of others and for none at all."""
        if may(caller, access, self.operator_tenant, None):
            return
        admins = await self.tenants.admins(tenant) if tenant is not None else None
        if not may(caller, access, self.operator_tenant, admins):
            raise Forbidden("You may not do this; it takes another role, or a grant for this tenant.", code="forbidden")
