"""Connection provider: opens a tenant's directory with the currently stored connection.

A new secret is therefore used from the next opening on.
"""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import datetime

import msgspec

from shared.domain.access.tenant_context import TenantContext
from shared.domain.connections.connection import Connection, decode_secrets
from shared.domain.connections.providers import ConnectionBody
from shared.domain.ids import TenantId
from shared.domain.problem import ErrorCategory
from shared.domain.run import Plan
from shared.errors import LoginRefused, NotFound, RefusedOnce, Superseded, SyncError, Transient
from shared.ports.directory import Directory, DirectoryProvider
from shared.ports.platform import SecretStore
from shared.ports.tenants import ConnectionStore, TenantStore
from shared.workflows.connections.connection_health import ConnectionHealth
from shared.workflows.connections.providers import Providers


class DirectoryAccess(msgspec.Struct, frozen=True, kw_only=True):
    """Opens directories, and records when a connection's credentials are refused."""

    tenants: TenantStore
    connections: ConnectionStore
    secrets: SecretStore
    providers: Providers
    health: ConnectionHealth

    async def connection(self, tenant: TenantId) -> Connection:
        """Return the tenant's connection. Raises NotFound (`tenant_not_found`, `not_connected`)."""
        await self.tenants.get(tenant)
        connection = await self.connections.find(tenant)
        if connection is None:
            raise NotFound("The directory is not connected: connect it first.", code="not_connected")
        return connection

    async def provider(self, tenant: TenantId) -> DirectoryProvider:
        """Return the provider of the tenant's connection, or the API's default while it is not connected."""
        connection = await self.connections.find(tenant)
        return self.providers.get(connection.provider if connection else ConnectionBody.provider)

    async def secrets_of(self, connection: Connection) -> Mapping[str, str]:
        """Return the connection's secrets by name, or nothing if it needs none. Raises NotFound."""
        if connection.secrets is None:
            return {}
        return decode_secrets(await self.secrets.get(connection.secrets.name, connection.secrets.version))

    async def _current(self, tenant: TenantId, connection: Connection) -> tuple[Connection, Mapping[str, str]]:
        """Return a connection with its secrets. If these were replaced since it was read, read it again, once.

        Raises NotFound if the secrets are disabled or deleted, and were not replaced.
        """
        try:
            return connection, await self.secrets_of(connection)
        except NotFound:
            renewed = await self.connections.find(tenant)
            if renewed is None or renewed.settings != connection.settings or renewed.same_credentials(connection):
                raise
            return renewed, await self.secrets_of(renewed)

    @asynccontextmanager
    async def open(self, tenant: TenantId) -> AsyncIterator[Directory]:
        """Open the tenant's directory. Raises NotFound while the connection is off."""
        async with self._opened(tenant, await self.connection(tenant)) as directory:
            yield directory
        await self.health.used(tenant)

    @asynccontextmanager
    async def open_for_run(
        self, plan: Plan, context: TenantContext, refused_at: datetime | None = None
    ) -> AsyncIterator[Directory]:
        """Open the directory that a run reads, provided that the connection is the one that was planned.

        `refused_at` is the time of a first refusal that this message confirms or refutes.

        Raises:
            Superseded: The connection has been replaced.
            RefusedOnce: The credentials were refused for the first time; ask again after `CONFIRMED_AFTER`.
            LoginRefused: The credentials have been refused since the run was planned; no request is sent.
        """
        connection, health = context.connection, context.health.value
        if connection is None or connection.fingerprint != plan.connection:
            raise Superseded(f"The connection of {plan.tenant} is no longer the planned one.", code="superseded")
        if health.refused_since(plan.created_at) and health.reason is not None:
            raise LoginRefused(health.reason.detail, code=health.reason.code)
        async with self._opened(plan.tenant, connection, refused_at) as directory:
            yield directory

    @asynccontextmanager
    async def _opened(
        self, tenant: TenantId, connection: Connection, refused_at: datetime | None = None
    ) -> AsyncIterator[Directory]:
        try:
            connection, secrets = await self._current(tenant, connection)
            async with self.providers.get(connection.provider).open(connection, secrets) as directory:
                yield directory
        except SyncError as error:
            if self.providers.category(connection, error.code) is not ErrorCategory.CREDENTIALS:
                raise
            if isinstance(error, LoginRefused) and not error.blames_credentials:
                raise
            since = await self._refused(tenant, connection, error, refused_at)
            if since is not None:
                raise RefusedOnce(str(error), code=error.code, since=since) from error
            raise

    async def _refused(
        self, tenant: TenantId, used: Connection, error: SyncError, refused_at: datetime | None
    ) -> datetime | None:
        """Record the refusal, and return its time if it needs confirmation by another one.

        Raises Transient if the credentials were replaced during use: the new ones may work.
        """
        current = await self.connections.find(tenant)
        if current is not None and not current.same_credentials(used):
            raise Transient(
                "The credentials were replaced while they were in use. The next attempt uses the new ones.",
                code="secret_replaced",
                retry_after_s=1,
            ) from error
        return await self.health.refused(
            tenant,
            used,
            self.providers.reason(used, error),
            certain=not isinstance(error, LoginRefused),
            earlier=refused_at,
        )
