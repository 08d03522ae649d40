"""Connect: credentials are validated, stored and switched on, and erased when they are switched off."""

from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass

from shared.domain import consent, endpoints, mistakes, readings
from shared.domain.connection import Connection, Credentials, Endpoints, SsoApplication
from shared.domain.directory import Group, Source
from shared.domain.entries import Entries, local_checks
from shared.domain.identity import identity_checks
from shared.domain.ids import ObjectId, TenantId, object_id
from shared.domain.report import Check, CheckStatus, Consent, Report
from shared.errors import LoginRefused, NeedsAttention, NotFound, Rejected, SyncError, Transient
from shared.ports import Clock, Directory, DirectoryFactory, SecretStore, TenantStore


class ConnectionRefused(Rejected):
    """The credentials were not stored, because their report has failures; what was stored before goes on working."""

    def __init__(self, report: Report) -> None:
        super().__init__(report.first_failure(), code="connection_refused")
        self.report = report


@dataclass(frozen=True, slots=True, kw_only=True)
class Connect:
    """Validates, stores and erases a tenant's connection and its sign-in application."""

    tenants: TenantStore
    secrets: SecretStore
    directories: DirectoryFactory
    advance_epoch: Callable[[TenantId], Awaitable[None]]
    clock: Clock
    default_endpoints: Endpoints
    allowed_endpoints: Sequence[Endpoints]

    async def validate(self, entries: Entries) -> Report:
        """Return everything that is wrong with the entries and can be known. Stores nothing."""
        entries = entries.cleaned()
        checks = local_checks(entries)
        pair = self._endpoints(entries, checks)
        if pair is None or any(check.status is CheckStatus.FAIL for check in checks):
            return Report.of([*checks, readings.skipped("login", "Sign-in"), *readings.nothing_asked()])
        credentials = Credentials(
            azure_tenant_id=entries.tenant_id,
            client_id=entries.client_id,
            client_secret=entries.client_secret,
            endpoints=pair,
        )
        return await self._ask(self.directories.open(credentials), entries, pair, checks)

    def _endpoints(self, entries: Entries, checks: list[Check]) -> Endpoints | None:
        try:
            pair = endpoints.resolve(
                entries.cloud,
                entries.login_endpoint,
                entries.graph_endpoint,
                default=self.default_endpoints,
                allowed=self.allowed_endpoints,
            )
        except Rejected as error:
            fix = "Choose the directory's cloud and leave both endpoints empty."
            title = "The endpoints are not allowed"
            checks.append(Check.failed("endpoints", title, str(error), fix))
            return None
        checks.append(Check.passed("endpoints", "The endpoints are allowed"))
        return pair

    async def _ask(
        self,
        opening: AbstractAsyncContextManager[Directory],
        entries: Entries,
        pair: Endpoints,
        checks: list[Check],
    ) -> Report:
        granted = Consent()
        link = f"{pair.login}/{entries.tenant_id}/adminconsent?client_id={entries.client_id}"
        try:
            async with opening as directory:
                token = await directory.token()
                checks.append(Check.passed("login", "The secret is right"))
                checks += identity_checks(
                    entries,
                    azure_tenant_id=token.azure_tenant_id,
                    client_id=token.client_id,
                    object_id=token.object_id,
                )
                judged, granted = consent.judge(token.roles, sso_users=entries.sso_users, consent_link=link)
                checks += judged
                checks += await _reads(directory, granted, entries.groups)
        except NeedsAttention as error:
            trace = (error.trace_id, error.correlation_id) if isinstance(error, LoginRefused) else (None, None)
            checks += [mistakes.refused(error.code, pair.login, *trace, consent_link=link), *readings.nothing_asked()]
        except Transient as error:
            checks += [
                readings.failed_for_now("login", "The login service did not answer", error),
                *readings.nothing_asked(),
            ]
        return Report.of(checks, granted)

    async def validate_stored(self, tenant: TenantId) -> Report:
        """Return the report of the connection that is stored. Raises: NotFound while it is off."""
        connection = await self._stored(tenant)
        preferences = await self.tenants.preferences(tenant)
        secret = await self.secrets.get(connection.secret_name, connection.secret_version)
        entries = Entries(
            tenant_id=connection.azure_tenant_id,
            client_id=connection.client_id,
            object_id=connection.object_id,
            client_secret=secret,
            cloud=connection.cloud,
            login_endpoint=connection.endpoints.login,
            graph_endpoint=connection.endpoints.graph,
            sso_users=preferences.sso_users,
        )
        return await self.validate(entries)

    async def _stored(self, tenant: TenantId) -> Connection:
        await self.tenants.get(tenant)
        connection = await self.tenants.connection(tenant)
        if connection is None:
            raise NotFound(f"The directory connection of {tenant!r} is off; PUT switches it on.", code="not_connected")
        return connection

    async def connect(self, tenant: TenantId, entries: Entries) -> Report:
        """Leave the connection stored and on, its secret in Key Vault, and return the report.

        Raises: ConnectionRefused with the report if a check failed: what was stored before stays; Rejected
        (`sso_required`) before single sign-on is configured.
        """
        await self.tenants.get(tenant)
        if await self.tenants.sso(tenant) is None:
            raise Rejected(
                f"Tenant {tenant!r} has no sign-in application: configure SSO before connecting its directory.",
                code="sso_required",
            )
        entries = entries.cleaned()
        report = await self.validate(entries)
        if not report.ok:
            raise ConnectionRefused(report)
        pair = endpoints.resolve(
            entries.cloud,
            entries.login_endpoint,
            entries.graph_endpoint,
            default=self.default_endpoints,
            allowed=self.allowed_endpoints,
        )
        name = secret_name(tenant)
        version = await self.secrets.put(name, entries.client_secret)
        connection = Connection(
            azure_tenant_id=object_id(entries.tenant_id),
            client_id=object_id(entries.client_id),
            object_id=object_id(entries.object_id),
            cloud=entries.cloud,
            endpoints=pair,
            secret_name=name,
            secret_version=version,
            connected_at=self.clock.now(),
            secret_expires_on=report.secret_expires_on,
        )
        await self.tenants.put_connection(tenant, connection)
        await self.advance_epoch(tenant)
        return report

    async def connection(self, tenant: TenantId) -> Connection | None:
        """Return the stored connection, None while it is off. Raises: NotFound for an unknown tenant."""
        await self.tenants.get(tenant)
        return await self.tenants.connection(tenant)

    async def disconnect(self, tenant: TenantId) -> None:
        """Leave the connection off, its ids and its secret erased, and nothing of it still running."""
        await self.tenants.get(tenant)
        await self.tenants.put_connection(tenant, None)
        await self.advance_epoch(tenant)
        await self.secrets.erase(secret_name(tenant))

    async def put_sso(self, tenant: TenantId, sso: SsoApplication) -> None:
        """Leave the sign-in application stored."""
        await self.tenants.get(tenant)
        await self.tenants.put_sso(tenant, sso)

    async def remove_sso(self, tenant: TenantId) -> None:
        """Leave the tenant without sign-in application, and therefore without connection."""
        await self.disconnect(tenant)
        await self.tenants.put_sso(tenant, None)


def secret_name(tenant: TenantId) -> str:
    """Return the name of a tenant's secret in Key Vault, which allows letters, digits and `-`."""
    return f"tenant-{tenant}"


async def _reads(directory: Directory, granted: Consent, probed: Sequence[str]) -> list[Check]:
    """Read a page of each kind, to see that what the token promises is so; only what the token allows is tried.

    Members are read of the groups that were named, else of the first group that shows its members.
    """
    checks = readings.not_allowed(granted)
    found: list[Group] = []
    if "read_users" not in checks:
        checks["read_users"] = await _tried("read_users", "Users", directory.users(Source()))
    if "read_groups" not in checks:
        checks["read_groups"] = await _tried("read_groups", "Groups", _list_into(found, directory))
    before = [checks["read_users"], checks["read_groups"]]
    if "read_members" in checks:
        return [*before, checks["read_members"]]
    groups = [ObjectId(group) for group in probed] or [each.id for each in found if not each.hidden_membership][:1]
    if not groups:
        return [*before, readings.skipped("read_members", readings.READS["read_members"], "There is no group to read.")]
    members = [
        await _tried("read_members", f"The members of group {group}", directory.users(Source(group=group)))
        for group in groups
    ]
    return [*before, *members]


async def _list_into(found: list[Group], directory: Directory) -> None:
    found += await directory.groups("")


async def _tried(id_: str, what: str, reading: Awaitable[object]) -> Check:
    try:
        await reading
    except SyncError as error:
        return readings.outcome(id_, what, error)
    return readings.outcome(id_, what, None)
