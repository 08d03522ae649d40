"""Connect: stores validated connections, replaces them, and erases them when they are switched off."""

import asyncio
from contextlib import AbstractAsyncContextManager, nullcontext, suppress
from typing import Protocol

import msgspec

from shared.domain.access.callers import Caller
from shared.domain.connections.connection import (
    Connection,
    ConnectionForm,
    ProviderSettings,
    SsoApplication,
)
from shared.domain.connections.connection_health import Health
from shared.domain.connections.validation_report import Report, Validation
from shared.domain.ids import LocationId, TenantId
from shared.domain.optimistic_locking import Condition, Expected, Part, Tagged, bound_to, expected, tag_of
from shared.errors import Conflict, ETagConflict, NotFound, Rejected, Transient
from shared.ports.platform import Clock
from shared.ports.tenants import ConnectionStore, SettingsStore, TenantStore
from shared.runtime.optimistic_update import optimistic_update
from shared.workflows.connections.directory_access import DirectoryAccess
from shared.workflows.connections.secret_entries import SecretEntries
from shared.workflows.verified_read import verified


class ConnectionRefused(Rejected):
    """The report of the credentials has failures, so they were not stored. The previous connection still works."""

    def __init__(self, report: Report) -> None:
        first = next(check for check in report.failures() if check.retry is not True)
        super().__init__(first.detail, code="connection_refused")
        self.report = report


class ConnectionUnchecked(Transient):
    """The credentials could not be checked, so they were not stored. They may be correct."""

    def __init__(self, report: Report) -> None:
        super().__init__(f"{report.failures()[0].detail} The credentials were not stored.", code="connection_unchecked")
        self.report = report


class SsoChanged(Conflict):
    """The sign-in application was changed or removed after the credentials were checked for it."""

    default_code = "sso_changed"


class Validator(Protocol):
    """Validates a credential form: the workflow `validate`."""

    async def __call__(
        self,
        form: ConnectionForm,
        caller: Caller,
        sso_application: str | None,
        *,
        tenant: TenantId | None,
        stored: bool = False,
    ) -> Validation:
        """Return the validation of a form. Nothing is stored."""


class RunningWork(Protocol):
    """The runs and jobs of a tenant that use its current configuration."""

    def changing(self, tenant: TenantId) -> AbstractAsyncContextManager[None]:
        """Store a change of the configuration inside this context, which ends the work on the previous one."""

    async def invalidate_running_work(self, tenant: TenantId) -> None:
        """End the work on an older configuration than the stored one."""

    async def delete_location(self, tenant: TenantId, location: LocationId) -> None:
        """Delete a location with everything in it, and end the work that uses it."""

    async def complete(self, tenant: TenantId) -> bool:
        """Complete an interrupted change, and return whether there was one."""

    async def restore(self, tenant: TenantId, fence: int) -> None:
        """Take a fencing token above those of all fences, if the stored one is below that of a fence."""


class StoredConnection(msgspec.Struct, frozen=True, kw_only=True):
    """A connection with its health."""

    connection: Connection
    health: Health


class Connect(msgspec.Struct, frozen=True, kw_only=True):
    """Stores, replaces and erases a tenant's connection and its sign-in application."""

    tenants: TenantStore
    connections: ConnectionStore
    settings: SettingsStore
    entries: SecretEntries
    access: DirectoryAccess
    validate: Validator
    running_work: RunningWork
    clock: Clock

    async def check(self, form: ConnectionForm, caller: Caller, tenant: TenantId | None = None) -> Report:
        """Return the report of a form without storing the form. Raises NotFound if the tenant does not exist."""
        application = None
        if tenant is not None:
            await self.tenants.get(tenant)
            application = await self._sso_application(tenant)
        return (await self.validate(form, caller, application, tenant=tenant)).report

    async def check_stored(self, tenant: TenantId, caller: Caller) -> Report:
        """Return the report of the stored connection.

        A report without failures marks the connection as healthy. Raises NotFound while the connection is off.
        """
        connection = await self.access.connection(tenant)
        secrets = await self.access.secrets_of(connection)
        preferences = await self.settings.get_preferences(tenant)
        provider = self.access.providers.get(connection.provider)
        form = provider.stored_form(connection, secrets, sso_users=preferences.sso_users)
        application = await self._sso_application(tenant)
        report = (await self.validate(form, caller, application, tenant=tenant, stored=True)).report
        if report.ok:
            await self._update_expiry(tenant, connection, report)
            await self.access.health.recovered(tenant)
        return report

    async def _update_expiry(self, tenant: TenantId, checked: Connection, report: Report) -> None:
        """Store the expiry date that the directory reports, unless the connection changed during the check."""
        if report.secret_expires_on not in {None, checked.secret_expires_on}:
            updated = msgspec.structs.replace(checked, secret_expires_on=report.secret_expires_on)
            with suppress(ETagConflict):
                await self.connections.replace(tenant, checked, updated)

    async def _sso_application(self, tenant: TenantId) -> str | None:
        sso = await self.settings.find_sso(tenant)
        return sso.client_id if sso else None

    async def connect(
        self, tenant: TenantId, form: ConnectionForm, caller: Caller, condition: Condition | None = None
    ) -> Tagged[Report]:
        """Validate and store a connection, with its secrets in Key Vault; return the report and the connection's tag.

        A new secret for the same application is used from the next request on, and running syncs continue. Any other
        change ends them. If an error is raised, the previous connection stays.

        Raises:
            NotFound: The tenant does not exist.
            Rejected: The sign-in application is not configured (`sso_required`).
            ConnectionRefused: A check failed; the error has the report.
            ConnectionUnchecked: A check could not be made; the error has the report.
            SsoChanged: The sign-in application changed during the check. If the connection was already stored, it is
                erased.
            ChangedMeanwhile: The stored version is not the required one. Also checked before the validation.
        """
        await self.tenants.get(tenant)
        version = await self._expected(tenant, Part.CONNECTION, condition)
        application = await self._sso_application(tenant)
        if application is None:
            raise Rejected(
                "The sign-in application is missing: enter it before you connect the directory.", code="sso_required"
            )
        validation = await self.validate(form, caller, application, tenant=tenant)
        if validation.report.unchecked:
            raise ConnectionUnchecked(validation.report)
        if not validation.report.ok or validation.settings is None:
            raise ConnectionRefused(validation.report)
        await self._require_sso(tenant, application)
        before = await self.connections.find(tenant)
        version = await self._reserve(tenant, before, version)
        connection = await self._stored(tenant, validation, validation.settings)
        other = before is None or before.fingerprint != connection.fingerprint
        async with self.running_work.changing(tenant) if other else nullcontext():
            with bound_to(version):
                etag = await self._replace(tenant, connection, version)
            try:
                await self._require_sso(tenant, application)
            except (SsoChanged, NotFound):
                # The request that removed the application ran before this connection was stored: it did not erase it.
                await self._erase(tenant)
                raise
        if connection.secrets is None:
            await self.entries.delete_unused(tenant)
        await self.access.health.recovered(tenant)
        return Tagged(validation.report, tag_of(etag, Part.CONNECTION, tenant))

    async def _reserve(self, tenant: TenantId, before: Connection | None, version: Expected | None) -> Expected | None:
        """Rewrite the stored connection unchanged, and return its new version.

        Of two requests that require the same version, only one continues to Key Vault and to running work. The other
        raises ChangedMeanwhile.
        """
        if version is None or before is None:
            return version
        with bound_to(version):
            return Expected(await self.connections.put(tenant, before, version))

    async def _expected(self, tenant: TenantId, part: Part, condition: Condition | None) -> Expected | None:
        if condition is None:
            return None
        return expected(condition, await self.tenants.find_version(tenant, part), part, tenant)

    async def _require_sso(self, tenant: TenantId, application: str) -> None:
        """Raise NotFound if the tenant was deleted, and SsoChanged if its sign-in application is a different one."""
        await self.tenants.get(tenant)
        if await self._sso_application(tenant) != application:
            raise SsoChanged(
                "The sign-in application was changed or removed at the same time. Check it, then connect again."
            )

    async def _stored(self, tenant: TenantId, validation: Validation, settings: ProviderSettings) -> Connection:
        """Store the secrets in a new entry of Key Vault, and return the connection that refers to it."""
        return Connection(
            settings=settings,
            secrets=await self.entries.create(tenant, validation.secrets) if validation.secrets else None,
            connected_at=self.clock.now(),
            secret_expires_on=validation.report.secret_expires_on,
        )

    async def _replace(self, tenant: TenantId, connection: Connection, version: Expected | None) -> str:
        """Store a connection whose secrets are stored, and return its ETag. The replaced entry is noted before."""
        if version is None:
            return await self._overwrite(tenant, connection)
        await self.entries.will_replace(tenant)
        return await self.connections.put(tenant, connection, version)

    @optimistic_update
    async def _overwrite(self, tenant: TenantId, connection: Connection) -> str:
        """Store a connection in place of the one that was read, so that no replaced entry is missed."""
        etag = await self.tenants.find_version(tenant, Part.CONNECTION)
        return await self._replace(tenant, connection, Expected(etag))

    async def sso(self, tenant: TenantId) -> Tagged[SsoApplication]:
        """Return the sign-in application with its tag. Raises NotFound for tenant or application (`sso_not_found`)."""
        sso, etag = await verified(self.tenants.get(tenant), self.tenants.find_part(tenant, Part.SSO, SsoApplication))
        if sso is None:
            raise NotFound(f"Tenant {tenant!r} does not have a sign-in application.", code="sso_not_found")
        return Tagged(sso, tag_of(etag, Part.SSO, tenant))

    async def connection(self, tenant: TenantId) -> Tagged[StoredConnection | None]:
        """Return the stored connection with its tag, or None while it is off.

        Raises NotFound if the tenant does not exist.
        """
        reading = asyncio.gather(
            self.tenants.find_part(tenant, Part.CONNECTION, Connection), self.connections.get_health(tenant)
        )
        (connection, etag), (health, _) = await verified(self.tenants.get(tenant), reading)
        stored = None if connection is None else StoredConnection(connection=connection, health=health)
        return Tagged(stored, tag_of(etag, Part.CONNECTION, tenant))

    async def disconnect(self, tenant: TenantId, condition: Condition | None = None) -> None:
        """Switch the connection off: erase its settings, secrets and health, and end the work that uses it.

        Raises:
            NotFound: The tenant does not exist.
            ChangedMeanwhile: The stored version is not the required one.
        """
        await self.tenants.get(tenant)
        version = await self._expected(tenant, Part.CONNECTION, condition)
        async with self.running_work.changing(tenant):
            with bound_to(version):
                await self._erase(tenant, version)
        await self.connections.delete_health(tenant)

    async def _erase(self, tenant: TenantId, version: Expected | None = None) -> None:
        await self.entries.will_replace(tenant)
        await self.connections.delete(tenant, version)
        await self.entries.delete_unused(tenant)

    async def put_sso(self, tenant: TenantId, sso: SsoApplication, condition: Condition | None = None) -> str:
        """Store the sign-in application, and return its tag.

        Raises:
            NotFound: The tenant does not exist.
            ChangedMeanwhile: The stored version is not the required one.
        """
        await self.tenants.get(tenant)
        version = await self._expected(tenant, Part.SSO, condition)
        with bound_to(version):
            return tag_of(await self.settings.put_sso(tenant, sso, version), Part.SSO, tenant)

    async def remove_sso(self, tenant: TenantId, condition: Condition | None = None) -> None:
        """Delete the sign-in application, and the connection that depends on it.

        The application is deleted first. A concurrent `connect` checks for it after storing, and then erases the
        connection that it stored.

        Raises:
            NotFound: The tenant does not exist.
            ChangedMeanwhile: The stored version is not the required one.
        """
        await self.tenants.get(tenant)
        version = await self._expected(tenant, Part.SSO, condition)
        with bound_to(version):
            await self.settings.delete_sso(tenant, version)
        await self.disconnect(tenant)
