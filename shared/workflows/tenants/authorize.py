"""Authorization: whether a caller may use a route, by the access rule of the route and the admins of its tenant."""

from collections.abc import Iterable
from contextlib import suppress

import msgspec

from shared.domain.access.callers import Access, Caller, KeyHolder, KeyScope, Person, may, name_of
from shared.domain.access.tenants import TenantSummary
from shared.domain.ids import TenantId
from shared.errors import Forbidden, NotFound
from shared.ports.tenants import SettingsStore, TenantStore


class Introduction(msgspec.Struct, frozen=True, kw_only=True):
    """What a caller may see: the caller's name, role and tenants."""

    name: str
    operator: bool
    tenants: tuple[TenantSummary, ...]


class Authorize(msgspec.Struct, frozen=True, kw_only=True):
    """Authorizes the callers of routes."""

    tenants: TenantStore
    settings: SettingsStore
    operator_tenant: str | None

    async def introduce(self, caller: Caller) -> Introduction:
        """Return the caller's name, role and tenants.

        The tenants are those that the caller administers, or that a key opens. The list is empty for callers who may
        use every tenant.
        """
        if isinstance(caller, KeyHolder):
            return await self._introduce_key(caller)
        operator = may(caller, Access.OPERATOR, self.operator_tenant, None)
        names: list[TenantId] = []
        if isinstance(caller, Person) and not operator:
            async for tenant, admins in self.settings.list_admins():
                if may(caller, Access.TENANT, self.operator_tenant, admins):
                    names.append(tenant)
        return Introduction(name=name_of(caller), operator=operator, tenants=await self._existing(names))

    async def _introduce_key(self, caller: KeyHolder) -> Introduction:
        tenants = await self._existing(sorted(caller.tenants or ()))
        return Introduction(name=name_of(caller), operator=caller.tenants is None, tenants=tenants)

    async def _existing(self, names: Iterable[TenantId]) -> tuple[TenantSummary, ...]:
        """Return the tenants that exist: one that is being deleted can still be named."""
        tenants: list[TenantSummary] = []
        for tenant in names:
            with suppress(NotFound):
                tenants.append(await self.tenants.get(tenant))
        return tuple(tenants)

    async def __call__(
        self, caller: Caller, access: Access, tenant: TenantId | None, scopes: frozenset[KeyScope]
    ) -> None:
        """Raise Forbidden if the caller may not use a route with this access rule.

        A named key needs one of the `scopes`. The message is the same for a tenant of other people and for one that
        does not exist.
        """
        if isinstance(caller, KeyHolder):
            if not caller.may(access, tenant, scopes):
                raise Forbidden("This key has no access: another scope or tenant is required.", code="forbidden")
            return
        if may(caller, access, self.operator_tenant, None):
            return
        admins = await self.settings.get_admins(tenant) if tenant is not None else None
        if not may(caller, access, self.operator_tenant, admins):
            raise Forbidden(
                "You do not have access. Another role, or access to this tenant, is required.", code="forbidden"
            )
