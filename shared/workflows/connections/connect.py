"""Connect: validated credentials are stored and switched on, replaced, and erased when they are switched off."""

from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol

import msgspec

from shared.domain.access.callers import Caller
from shared.domain.connections.connection import (
    Connection,
    ConnectionForm,
    ProviderSettings,
    SecretReference,
    SsoApplication,
    encode_secrets,
    secret_name,
)
from shared.domain.connections.connection_health import Health
from shared.domain.connections.validation_report import Report, Validation
from shared.domain.ids import TenantId
from shared.domain.optimistic_locking import Condition, Expected, Part, Tagged, bound_to, expected, tag_of
from shared.errors import Conflict, ETagConflict, NotFound, Rejected, Transient
from shared.ports.platform import Clock, SecretStore
from shared.ports.tenants import ConnectionStore, SettingsStore, TenantStore
from shared.workflows.connections.directory_access import DirectoryAccess


class ConnectionRefused(Rejected):
    """The credentials were not stored, because their report has failures; what was stored before goes on working."""

    def __init__(self, report: Report) -> None:
        first = next(check for check in report.failures() if check.retry is not True)
        super().__init__(f"{first.detail} {first.fix}".strip(), code="connection_refused")
        self.report = report


class ConnectionUnchecked(Transient):
    """The credentials were not stored, because they could not be checked just now; nothing is known to be wrong."""

    def __init__(self, report: Report) -> None:
        super().__init__(f"{report.failures()[0].detail} The credentials were not stored.", code="connection_unchecked")
        self.report = report


class SsoChanged(Conflict):
    """The sign-in application is not the one that the credentials were checked for."""

    default_code = "sso_changed"


class Validator(Protocol):
    """Validates a credential form: the workflow `validate`."""

    async def __call__(
        self, form: ConnectionForm, caller: Caller, sso_application: str | None, *, stored: bool = False
    ) -> Validation:
        """Return what is wrong with the form and can be known."""
        ...


class RunningWork(Protocol):
    """The runs and jobs of a tenant that work on its present configuration."""

    async def invalidate_running_work(self, tenant: TenantId) -> None:
        """End them, and keep every worker from writing by the configuration before. Call it before answering."""


class StoredConnection(msgspec.Struct, frozen=True, kw_only=True):
    """A connection with its health."""

    connection: Connection
    health: Health


@dataclass(frozen=True, slots=True, kw_only=True)
class Connect:
    """Stores, replaces and erases a tenant's connection and its sign-in application."""

    tenants: TenantStore
    connections: ConnectionStore
    settings: SettingsStore
    secrets: SecretStore
    access: DirectoryAccess
    validate: Validator
    running_work: RunningWork
    clock: Clock

    async def check(self, form: ConnectionForm, caller: Caller) -> Report:
        """Return the report of credentials that are not stored."""
        return (await self.validate(form, caller, None)).report

    async def check_stored(self, tenant: TenantId, caller: Caller) -> Report:
        """Return the report of the connection that is stored; one without failures clears its troubles.

        Raises: NotFound while it is off.
        """
        connection = await self.access.connection(tenant)
        secrets = await self.access.secrets_of(connection)
        preferences = await self.settings.get_preferences(tenant)
        provider = self.access.providers.get(connection.provider)
        form = provider.stored_form(connection, secrets, sso_users=preferences.sso_users)
        report = (await self.validate(form, caller, await self._sso_application(tenant), stored=True)).report
        if report.ok:
            await self._know_end(tenant, connection, report)
            await self.access.health.recovered(tenant)
        return report

    async def _know_end(self, tenant: TenantId, checked: Connection, report: Report) -> None:
        """Keep the end of the secret as the directory says it, unless the connection was changed meanwhile."""
        if report.secret_expires_on not in {None, checked.secret_expires_on}:
            known = msgspec.structs.replace(checked, secret_expires_on=report.secret_expires_on)
            with suppress(ETagConflict):
                await self.connections.replace(tenant, checked, known)

    async def _sso_application(self, tenant: TenantId) -> str | None:
        sso = await self.settings.find_sso(tenant)
        return sso.client_id if sso else None

    async def connect(
        self, tenant: TenantId, form: ConnectionForm, caller: Caller, condition: Condition | None = None
    ) -> Tagged[Report]:
        """Leave the connection stored and on, its secret in Key Vault; return the report, and the connection's tag.

        A new secret for the same application is used from the next request on; what runs goes on. Whatever else
        changes ends what runs. Raises: ConnectionRefused with the report if a check failed, ConnectionUnchecked if it
        could not be made: what was stored before stays; Rejected (`sso_required`) before SSO is configured;
        ChangedMeanwhile, also before anything is checked.
        """
        await self.tenants.get(tenant)
        found = await self._expected(tenant, Part.CONNECTION, condition)
        application = await self._sso_application(tenant)
        if application is None:
            raise Rejected(
                "The sign-in application is missing: enter it before you connect the directory.",
                code="sso_required",
            )
        validation = await self.validate(form, caller, application)
        if validation.report.unchecked:
            raise ConnectionUnchecked(validation.report)
        if not validation.report.ok or validation.settings is None:
            raise ConnectionRefused(validation.report)
        await self._require_sso(tenant, application)
        before = await self.connections.find(tenant)
        found = await self._claimed(tenant, before, found)
        connection = await self._stored(tenant, validation, validation.settings)
        other = before is None or before.fingerprint != connection.fingerprint
        if before is not None and other:
            # also before storing: if this dies right after it, nothing old still runs
            await self.running_work.invalidate_running_work(tenant)
        with bound_to(found):
            etag = await self.connections.put(tenant, connection, found)
        try:
            await self._require_sso(tenant, application)
        except (SsoChanged, NotFound):  # removed while it was stored, by somebody who has found nothing to erase yet
            await self._erase(tenant)
            raise
        if connection.secrets is None:
            await self.secrets.delete(secret_name(tenant))
        if other:
            await self.running_work.invalidate_running_work(tenant)
        await self.access.health.recovered(tenant)
        return Tagged(validation.report, tag_of(etag, Part.CONNECTION, tenant))

    async def _claimed(self, tenant: TenantId, before: Connection | None, found: Expected | None) -> Expected | None:
        """Write what is stored once more as it is, and return what to find then.

        Of two who saw this version only one goes on from here, to Key Vault and to what runs. Raises: ChangedMeanwhile.
        """
        if found is None or before is None:
            return found
        with bound_to(found):
            return Expected(await self.connections.put(tenant, before, found))

    async def _expected(self, tenant: TenantId, part: Part, condition: Condition | None) -> Expected | None:
        if condition is None:
            return None
        return expected(condition, await self.tenants.find_version(tenant, part), part, tenant)

    async def _require_sso(self, tenant: TenantId, application: str) -> None:
        """Hold if tenant and sign-in application are still there. Raises: NotFound, SsoChanged."""
        await self.tenants.get(tenant)
        if await self._sso_application(tenant) != application:
            raise SsoChanged(
                "The sign-in application was changed or removed at the same time. Check it, then connect again."
            )

    async def _stored(self, tenant: TenantId, validation: Validation, settings: ProviderSettings) -> Connection:
        """Return the connection, with a new version of its secrets in Key Vault."""
        secrets = None
        if validation.secrets:
            name = secret_name(tenant)
            version = await self.secrets.put(name, encode_secrets(validation.secrets))
            secrets = SecretReference(name=name, version=version)
        return Connection(
            settings=settings,
            secrets=secrets,
            connected_at=self.clock.now(),
            secret_expires_on=validation.report.secret_expires_on,
        )

    async def tag(self, tenant: TenantId, part: Part) -> str:
        """Return the tag of the connection or the sign-in application; read before it, it is never newer than it."""
        return tag_of(await self.tenants.find_version(tenant, part), part, tenant)

    async def sso(self, tenant: TenantId) -> SsoApplication:
        """Return the sign-in application. Raises: NotFound, also without one (`sso_not_found`)."""
        await self.tenants.get(tenant)
        sso = await self.settings.find_sso(tenant)
        if sso is None:
            raise NotFound(f"Tenant {tenant!r} does not have a sign-in application.", code="sso_not_found")
        return sso

    async def connection(self, tenant: TenantId) -> StoredConnection | None:
        """Return the stored connection, None while it is off. Raises: NotFound for an unknown tenant."""
        await self.tenants.get(tenant)
        connection = await self.connections.find(tenant)
        if connection is None:
            return None
        return StoredConnection(connection=connection, health=(await self.connections.get_health(tenant)).value)

    async def disconnect(self, tenant: TenantId, condition: Condition | None = None) -> None:
        """Leave the connection off, its ids and its secret erased, and nothing of it still running.

        Raises: NotFound, ChangedMeanwhile.
        """
        await self.tenants.get(tenant)
        found = await self._expected(tenant, Part.CONNECTION, condition)
        with bound_to(found):
            await self._erase(tenant, found)
        await self.running_work.invalidate_running_work(tenant)
        await self.connections.delete_health(tenant)

    async def _erase(self, tenant: TenantId, found: Expected | None = None) -> None:
        await self.connections.delete(tenant, found)
        await self.secrets.delete(secret_name(tenant))

    async def put_sso(self, tenant: TenantId, sso: SsoApplication, condition: Condition | None = None) -> str:
        """Leave the sign-in application stored, and return its tag. Raises: NotFound, ChangedMeanwhile."""
        await self.tenants.get(tenant)
        found = await self._expected(tenant, Part.SSO, condition)
        with bound_to(found):
            return tag_of(await self.settings.put_sso(tenant, sso, found), Part.SSO, tenant)

    async def remove_sso(self, tenant: TenantId, condition: Condition | None = None) -> None:
        """Leave the tenant without sign-in application, and therefore without connection.

        The application goes first: whoever is just connecting looks for it once more, and erases what they stored.
        Raises: NotFound, ChangedMeanwhile.
        """
        await self.tenants.get(tenant)
        found = await self._expected(tenant, Part.SSO, condition)
        with bound_to(found):
            await self.settings.delete_sso(tenant, found)
        await self.disconnect(tenant)
