"""Entries in Key Vault: stores each under a new name, and disables and deletes those that were replaced."""

from collections.abc import Mapping
from contextlib import suppress

import msgspec

from shared.domain.connections.connection import SecretReference, encode_secrets, entry_name
from shared.domain.connections.secret_entry import EntryState, EntryStep, SecretEntry
from shared.domain.ids import TenantId, requested_at
from shared.domain.run import RunState
from shared.errors import ETagConflict, SyncError
from shared.ports.platform import Clock, IdSource, SecretStore
from shared.ports.tenants import ConnectionStore, SyncStateStore
from shared.runtime.optimistic_update import optimistic_update
from shared.telemetry import event


class SecretEntries(msgspec.Struct, frozen=True, kw_only=True):
    """Stores secrets under names that are used once, and removes those that no connection refers to."""

    connections: ConnectionStore
    sync_states: SyncStateStore
    secrets: SecretStore
    ids: IdSource
    clock: Clock

    async def create(self, tenant: TenantId, secrets: Mapping[str, str]) -> SecretReference:
        """Store secrets in an entry with a new name. Without a connection that refers to it, it is deleted later."""
        name = entry_name(tenant, self.ids.new_attempt_id())
        entry = SecretEntry(tenant=tenant, name=name, state=EntryState.NEW, since=self.clock.now())
        await self.connections.replace_secret_entry(entry, None)
        return SecretReference(name=name, version=await self.secrets.put(name, encode_secrets(secrets)))

    async def will_replace(self, tenant: TenantId) -> None:
        """Store that the entry of the tenant's connection is about to be replaced, if the connection has one."""
        connection = await self.connections.find(tenant)
        if connection is not None and connection.secrets is not None:
            await self._replaced(tenant, connection.secrets.name)

    @optimistic_update
    async def _replaced(self, tenant: TenantId, name: str) -> None:
        _, etag = await self.connections.find_secret_entry(tenant, name)
        entry = SecretEntry(tenant=tenant, name=name, state=EntryState.REPLACED, since=self.clock.now())
        await self.connections.replace_secret_entry(entry, etag)

    async def delete_unused(self, tenant: TenantId) -> None:
        """Delete all entries of a tenant except the one in use, and those that a running request is about to use."""
        connection = await self.connections.find(tenant)
        used = connection.secrets.name if connection is not None and connection.secrets is not None else None
        async for entry, etag in self.connections.list_secret_entries(tenant):
            if entry.name != used and not entry.is_in_doubt(self.clock.now()):
                await self._delete(entry, etag)

    async def sweep(self) -> None:
        """Disable or delete the entries of all tenants that are due. A failure for one does not affect the others."""
        async for entry, etag in self.connections.list_secret_entries():
            try:
                await self._sweep(entry, etag)
            except SyncError as error:
                event("secret_sweep_failed", tenant=entry.tenant, code=error.code)

    async def _sweep(self, entry: SecretEntry, etag: str | None) -> None:
        """Take the next step. The row was read before the connection, so a connection stored since is seen."""
        connection = await self.connections.find(entry.tenant)
        summary = (await self.sync_states.get(entry.tenant)).value.summary
        done = summary.run if summary.state is RunState.DONE else None
        succeeded = requested_at(done) if done is not None else None
        match entry.next_step(connection, succeeded, self.clock.now()):
            case EntryStep.WAIT:
                return
            case EntryStep.SETTLE:
                await self._forget(entry, etag)
            case EntryStep.DISABLE:
                await self.secrets.disable(entry.name)
                disabled = msgspec.structs.replace(entry, state=EntryState.DISABLED)
                with suppress(ETagConflict):  # another worker has taken the step
                    await self.connections.replace_secret_entry(disabled, etag)
                event("secret_disabled", tenant=entry.tenant)
            case EntryStep.DELETE:
                await self._delete(entry, etag)

    async def _delete(self, entry: SecretEntry, etag: str | None) -> None:
        await self.secrets.delete(entry.name)
        await self._forget(entry, etag)

    async def _forget(self, entry: SecretEntry, etag: str | None) -> None:
        with suppress(ETagConflict):  # a request has begun to replace the entry
            await self.connections.delete_secret_entry(entry, etag)
