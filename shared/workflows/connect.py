"""Connect: credentials are validated, stored and switched on, and erased when they are switched off."""

from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass

from shared.domain import consent, endpoints, mistakes
from shared.domain.connection import Connection, Credentials, Endpoints, SsoApplication
from shared.domain.directory import Source
from shared.domain.entries import Entries, local_checks
from shared.domain.ids import TenantId, object_id
from shared.domain.report import Check, CheckStatus, Consent, Report
from shared.errors import LoginRefused, NeedsAttention, NotFound, Rejected, Transient
from shared.ports import Clock, Directory, DirectoryFactory, SecretStore, TenantStore, TokenReport


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
            return Report.of([*checks, _skipped("login", "Sign-in"), _skipped("reads", "Live reads")])
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
            checks.append(
                Check(id="endpoints", status=CheckStatus.FAIL, title="The endpoints are not allowed", detail=str(error))
            )
            return None
        checks.append(Check(id="endpoints", status=CheckStatus.PASS, title="The endpoints are allowed"))
        return pair

    async def _ask(
        self,
        opening: AbstractAsyncContextManager[Directory],
        entries: Entries,
        pair: Endpoints,
        checks: list[Check],
    ) -> Report:
        try:
            async with opening as directory:
                token = await directory.token()
                checks += [_passed("login", "The secret is right"), _tenant(token, entries), _object(token, entries)]
                link = f"{pair.login}/{entries.tenant_id}/v2.0/adminconsent?client_id={entries.client_id}"
                link += f"&scope={pair.graph}/.default"
                judged, granted = consent.judge(token.roles, sso_users=entries.sso_users, consent_link=link)
                checks += judged
                checks.append(await _read(directory, granted))
                return Report.of(checks, granted)
        except LoginRefused as error:
            checks.append(mistakes.refused(error.code, pair.login, error.trace_id, error.correlation_id))
        except NeedsAttention as error:
            checks.append(mistakes.refused(error.code, pair.login, None, None))
        except Transient as error:
            checks.append(
                Check(
                    id="login",
                    status=CheckStatus.FAIL,
                    title="The login service did not answer",
                    detail=f"{error} Nothing is known to be wrong with the entries.",
                    fix="Check again in a minute.",
                )
            )
        return Report.of([*checks, _skipped("permissions", "Permissions"), _skipped("reads", "Live reads")])

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


def _passed(id_: str, title: str) -> Check:
    return Check(id=id_, status=CheckStatus.PASS, title=title)


def _skipped(id_: str, title: str) -> Check:
    detail = "Not checked, because a check before it failed."
    return Check(id=id_, status=CheckStatus.SKIP, title=title, detail=detail)


def _tenant(token: TokenReport, entries: Entries) -> Check:
    if token.azure_tenant_id.lower() == entries.tenant_id:
        return _passed("token_tenant", "The token is for the right tenant")
    return Check(
        id="token_tenant",
        status=CheckStatus.FAIL,
        title="The token is for another tenant",
        detail=f"The login service answered for tenant {token.azure_tenant_id}.",
        fix="Enter that tenant id if it is yours; else check the endpoints.",
    )


def _object(token: TokenReport, entries: Entries) -> Check:
    if token.object_id.lower() == entries.object_id:
        return _passed("object_id", "The object id is the enterprise application's")
    return Check(
        id="object_id",
        status=CheckStatus.FAIL,
        title="The object id is another one",
        detail=(
            "What was entered is not the enterprise application's object id; perhaps it is the app registration's. "
            f"The enterprise application's is {token.object_id}."
        ),
        fix=f"Enter {token.object_id}.",
    )


async def _read(directory: Directory, granted: Consent) -> Check:
    """Read a page of users, to see that what the token promises is so."""
    if consent.USERS.permission in granted.missing:
        return _skipped("reads", "Live reads")
    try:
        await directory.users(Source())
    except NeedsAttention as error:
        return Check(
            id="reads",
            status=CheckStatus.FAIL,
            title="Users cannot be read",
            detail=str(error),
            fix="Grant the missing permission and consent to it; it can take a few minutes to have effect.",
        )
    return _passed("reads", "Users can be read")
