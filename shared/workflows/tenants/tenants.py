"""Tenants and their admins."""

from typing import Final, Protocol

import msgspec

from shared.domain.access.callers import AdminGrant, Admins
from shared.domain.access.tenants import TenantSummary
from shared.domain.connections.entra.guid import guid
from shared.domain.deletion import Deletion
from shared.domain.ids import TenantId
from shared.domain.optimistic_locking import Condition, Expected, Part, Replaced, Tagged, bound_to, expected, tag_of
from shared.errors import NotFound, Rejected
from shared.ports.tenants import SettingsStore, TenantStore
from shared.runtime.optimistic_update import optimistic_update
from shared.workflows.connections.connect import Connect
from shared.workflows.pagination import page
from shared.workflows.tenants.deletion import IN_REQUEST_S, TenantDeletion
from shared.workflows.tenants.names import valid_name
from shared.workflows.verified_read import verified

#: Maximum number of admins of a tenant.
MAX_ADMINS: Final = 200
#: Maximum number of tenants on a page.
MAX_LISTED: Final = 1_000


class PauseOfNew(Protocol):
    """The pause of all tenants, which includes new ones."""

    async def pause_new(self, tenant: TenantId) -> None:
        """Pause a tenant that was just created if all are paused."""


class Tenants(msgspec.Struct, frozen=True, kw_only=True):
    """Creates, renames, lists and deletes tenants, and stores their admins."""

    tenants: TenantStore
    settings: SettingsStore
    deletion: TenantDeletion
    connect: Connect
    stop: PauseOfNew

    async def get_tagged(self, tenant: TenantId) -> Tagged[TenantSummary]:
        """Return a tenant with its tag. Raises NotFound if it does not exist."""
        summary, etag = await self.tenants.find_part(tenant, Part.TENANT, TenantSummary)
        return Tagged(summary or await self.tenants.get(tenant), tag_of(etag, Part.TENANT, tenant))

    async def put(
        self, tenant: TenantId, name: str, condition: Condition | None = None
    ) -> tuple[Tagged[TenantSummary], bool]:
        """Create or rename a tenant. Return it with its tag, and whether it is new.

        Raises:
            Rejected: The name is invalid (`invalid_name`).
            ChangedMeanwhile: The stored version is not the required one.
            BeingErased: The tenant, or a deleted one with this id, is being erased.
        """
        tagged, is_new = await self._put(TenantSummary(id=tenant, name=valid_name(name)), condition)
        if is_new:
            await self.deletion.require_none(tenant)  # one that began in between deletes this tenant, too
            await self.stop.pause_new(tenant)
        return tagged, is_new

    @optimistic_update
    async def _put(self, summary: TenantSummary, condition: Condition | None) -> tuple[Tagged[TenantSummary], bool]:
        """Store the name. It replaces what was read, so that a rename does not bring a deleted tenant back."""
        tenant = summary.id
        before = await self.tenants.find_version(tenant, Part.TENANT)
        version = expected(condition, before, Part.TENANT, tenant)
        await self.deletion.require_none(tenant)
        with bound_to(version):
            etag = await self.tenants.put(summary, version or Expected(before))
        return Tagged(summary, tag_of(etag, Part.TENANT, tenant)), before is None

    async def get(self, tenant: TenantId) -> TenantSummary:
        """Return a tenant. Raises NotFound if it does not exist."""
        return await self.tenants.get(tenant)

    async def list_all(self, after: str = "", limit: int = MAX_LISTED) -> tuple[list[TenantSummary], str | None]:
        """Return a page of the tenants after an id, and the id after which the next page begins; None at the end."""
        return await page(self.tenants.list_tenants(after), limit, lambda tenant: tenant.id)

    async def delete(self, tenant: TenantId, condition: Condition | None = None) -> Deletion | None:
        """Delete the tenant, its rows and its secrets in Key Vault. Return the progress; None if nothing is left.

        The connection is deleted first, so that running jobs stop before their rows are deleted. Of a large tenant, and
        of what a worker writes afterwards, the watchdog deletes the rest. Repeating the call returns the progress.

        Raises:
            NotFound: The tenant does not exist.
            ChangedMeanwhile: The stored version is not the required one.
        """
        try:
            summary = await self.tenants.get(tenant)
        except NotFound:
            deletion, _ = await self.tenants.find_deletion(tenant)
            if deletion is None:
                raise
            return deletion
        if condition is not None:
            # Stored again unchanged: of two requests that require this version, only one continues.
            version = expected(condition, await self.tenants.find_version(tenant, Part.TENANT), Part.TENANT, tenant)
            with bound_to(version):
                await self.tenants.put(summary, version)
        await self.deletion.begin(tenant)
        await self.connect.disconnect(tenant)
        await self.deletion.advance(tenant, IN_REQUEST_S)
        return (await self.tenants.find_deletion(tenant)).value

    async def get_admins(self, tenant: TenantId) -> Tagged[Admins]:
        """Return the tenant's admins, without operators, with their tag. Raises NotFound if it does not exist."""
        reading = self.tenants.find_part(tenant, Part.ADMINS, Admins)
        admins, etag = await verified(self.tenants.get(tenant), reading)
        return Tagged(admins or Admins(), tag_of(etag, Part.ADMINS, tenant))

    async def put_admins(
        self, tenant: TenantId, admins: Admins, condition: Condition | None = None
    ) -> Replaced[Admins]:
        """Replace the tenant's admins, and return them with their tag and the previous ones.

        Raises:
            NotFound: The tenant does not exist.
            Rejected: An id is not a GUID, or there are more than `MAX_ADMINS` (`too_many_admins`).
            ChangedMeanwhile: The stored version is not the required one.
        """
        await self.tenants.get(tenant)
        if len(admins.people) > MAX_ADMINS:
            raise Rejected(f"Too many admins: a tenant has at most {MAX_ADMINS}.", code="too_many_admins")
        normalized = Admins(
            azure_tenant_id=guid(admins.azure_tenant_id) if admins.azure_tenant_id else None,
            people=tuple(
                AdminGrant(azure_tenant_id=guid(person.azure_tenant_id), object_id=guid(person.object_id))
                for person in admins.people
            ),
        )
        version = await self._expected(tenant, Part.ADMINS, condition)
        before = await self.settings.get_admins(tenant)
        with bound_to(version):
            etag = await self.settings.put_admins(tenant, normalized, version)
        return Replaced(normalized, tag_of(etag, Part.ADMINS, tenant), before)

    async def _expected(self, tenant: TenantId, part: Part, condition: Condition | None) -> Expected | None:
        if condition is None:
            return None
        return expected(condition, await self.tenants.find_version(tenant, part), part, tenant)
