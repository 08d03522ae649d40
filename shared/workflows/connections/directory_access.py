"""Opens a tenant's directory with the connection as it is at that moment, so that a new secret is used at once."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from shared.domain.access.tenant_context import TenantContext
from shared.domain.connections.connection import Connection, CredentialKind
from shared.domain.connections.connection_health import Reason, concerns_credentials
from shared.domain.connections.entra import login_errors
from shared.domain.ids import TenantId
from shared.domain.run import Plan
from shared.errors import LoginRefused, NotFound, Superseded, SyncError, Transient
from shared.ports.directory import Directory, DirectoryFactory
from shared.ports.platform import SecretStore
from shared.ports.tenants import ConnectionStore, TenantStore
from shared.workflows.connections.connection_health import ConnectionHealth


@dataclass(frozen=True, slots=True, kw_only=True)
class DirectoryAccess:
    """Connection, secret and directory of a tenant, and what a refusal means for them."""

    tenants: TenantStore
    connections: ConnectionStore
    secrets: SecretStore
    directories: DirectoryFactory
    health: ConnectionHealth

    async def connection(self, tenant: TenantId) -> Connection:
        """Return the tenant's connection. Raises: NotFound (`tenant_not_found`, `not_connected`)."""
        await self.tenants.get(tenant)
        connection = await self.connections.find(tenant)
        if connection is None:
            raise NotFound("The directory is not connected: connect it first.", code="not_connected")
        return connection

    async def secret(self, connection: Connection) -> str:
        """Return what proves the connection; empty for a federated identity. Raises: NotFound."""
        if connection.kind is CredentialKind.FEDERATED:
            return ""
        return await self.secrets.get(connection.secret_name, connection.secret_version)

    @asynccontextmanager
    async def open(self, tenant: TenantId) -> AsyncIterator[Directory]:
        """Give the tenant's directory. Raises: NotFound while the connection is off."""
        async with self._opened(tenant, await self.connection(tenant)) as directory:
            yield directory

    @asynccontextmanager
    async def open_for_run(self, plan: Plan, context: TenantContext) -> AsyncIterator[Directory]:
        """Open the directory that a run reads, provided that the connection is the one that was planned.

        Raises:
            Superseded: The connection has been replaced.
            LoginRefused: The credentials have been refused since the run was planned; no request is sent.
        """
        connection, health = context.connection, context.health.value
        if connection is None or connection.fingerprint() != plan.connection:
            raise Superseded(f"the connection of {plan.tenant} is not the planned one any more", code="superseded")
        if health.refused_since(plan.created_at) and health.reason is not None:
            raise LoginRefused(health.reason.detail, code=health.reason.code)
        async with self._opened(plan.tenant, connection) as directory:
            yield directory

    @asynccontextmanager
    async def _opened(self, tenant: TenantId, connection: Connection) -> AsyncIterator[Directory]:
        try:
            secret = await self.secret(connection)
            async with self.directories.open(connection.credentials(secret)) as directory:
                yield directory
        except SyncError as error:
            if not concerns_credentials(error.code):
                raise
            await self._refused(tenant, connection, error)
            raise

    async def _refused(self, tenant: TenantId, used: Connection, error: SyncError) -> None:
        """Note the refusal. Raises: Transient when the credentials were replaced meanwhile: the new ones may do."""
        current = await self.connections.find(tenant)
        if current is not None and not current.same_credentials(used):
            raise Transient(
                "The credentials were replaced while they were used; the new ones are tried.",
                code="secret_replaced",
                retry_after_s=1,
            ) from error
        await self.health.refused(tenant, used, reason_of(error, used.endpoints.login))


def reason_of(error: SyncError, login: str) -> Reason:
    """Return why a connection does not work, in the words of the validation's report."""
    if error.code.startswith("AADSTS"):
        ids = (error.trace_id, error.correlation_id) if isinstance(error, LoginRefused) else (None, None)
        check = login_errors.refused(error.code, login, *ids)
        return Reason(code=error.code, title=check.title, detail=check.detail, fix=check.fix)
    return Reason(
        code=error.code,
        title="The credentials do not work",
        detail=str(error),
        fix="Enter the credentials again.",
    )
