"""Placement: the storage account of a tenant's tables, chosen once when the tenant is created and never changed.

Data that spans tenants is in the first account. Its table Tenants has two kinds of rows that are inserted once and
never changed or deleted: the placement of a tenant, and the time at which a further account was first seen.
docs/decisions/0010-place-each-tenant-in-one-account.md explains why a tenant's rows cannot end up in two accounts.
"""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final, Protocol

import msgspec

from shared.adapters.stores import keys
from shared.adapters.stores.table_names import TENANTS
from shared.adapters.tables.client import Entity, Tables
from shared.domain.ids import TenantId
from shared.errors import ETagConflict, Misconfigured
from shared.ports.platform import Clock

#: Name of the first account.
FIRST: Final = ""
#: Time for which an account must be known before tenants are created in it. A worker that started earlier would look
#: for all tenants in the first account; host.json ends its functions after ten minutes.
KNOWN_FOR: Final = timedelta(minutes=15)


class TenantTables(Protocol):
    """Finds the tables of a tenant: `Accounts`, or `Tables` if there is only one account."""

    async def of(self, tenant: TenantId) -> Tables:
        """Return the tables with the tenant's rows. Raises Misconfigured if their account is not configured."""

    async def place(self, tenant: TenantId) -> None:
        """Choose the account of a tenant. Must be called before the tenant is created."""


class _RegisteredAccount(msgspec.Struct, frozen=True):
    """A further account as registered when a worker first saw it in the settings."""

    address: str
    since: datetime


class Accounts:
    """All storage accounts of the deployment, and the placement of tenants in them.

    A process reads the registered accounts once. If there are further accounts, it also reads the placement of a tenant
    once; otherwise placements are not read.
    """

    def __init__(
        self, first: Tables, further: Mapping[str, Tables] | None = None, *, clock: Clock, new_tenants: str = FIRST
    ) -> None:
        self._first = first
        self._further = further or {}
        self._new_tenants = new_tenants
        self._clock = clock
        self._registered: asyncio.Task[Mapping[str, _RegisteredAccount]] | None = None
        self._placed: dict[TenantId, str] = {}
        self._lookups: dict[TenantId, asyncio.Task[str]] = {}

    async def of(self, tenant: TenantId) -> Tables:
        """Return the tables with the tenant's rows.

        Raises Misconfigured if the settings do not contain the tenant's account, or contain another one with its name.
        """
        if not await self._accounts():
            return self._first
        name = self._placed.get(tenant)
        return await self.named(await self._looked_up(tenant) if name is None else name)

    async def place(self, tenant: TenantId) -> None:
        """Choose the account of a tenant: for a new tenant the one in the settings, otherwise its present one.

        Raises Misconfigured if the account for new tenants cannot be used.
        """
        if await self._accounts() and tenant not in self._placed:
            await self._decided(tenant, await self._for_new_tenants())

    async def names(self) -> Sequence[str]:
        """Return the sorted names of the further accounts: those in the settings, and those that hold tenants."""
        rows = self._first.query(TENANTS, partition=keys.PLACEMENTS, select=["account"])
        return sorted({*self._further, *[row["account"] async for row in rows]} - {FIRST})

    async def named(self, name: str) -> Tables:
        """Return the tables of an account. Raises Misconfigured unless the settings name it, at its first address."""
        if name == FIRST:
            return self._first
        registered = (await self._accounts()).get(name)
        tables = self._further.get(name)
        if tables is None:
            where = f"{name}={registered.address}" if registered else name
            raise Misconfigured(
                f"TABLE_ACCOUNTS does not name the storage account {name!r}, which contains tenants: add {where} to it "
                "again.",
                code="account_missing",
            )
        if registered is not None and registered.address != tables.address:
            raise Misconfigured(
                f"TABLE_ACCOUNTS gives the storage account {name!r} the address {tables.address}, but its rows "
                f"are at {registered.address}: restore this address, and give the other account another name.",
                code="account_moved",
            )
        return tables

    async def _for_new_tenants(self) -> str:
        registered = (await self._accounts()).get(self._new_tenants)
        if registered is None or self._clock.now() - registered.since < KNOWN_FOR:
            return FIRST
        await self.named(self._new_tenants)
        return self._new_tenants

    async def _looked_up(self, tenant: TenantId) -> str:
        """Return a tenant's account. Concurrent calls for one tenant share one lookup."""
        task = self._lookups.get(tenant)
        if task is None:
            task = self._lookups[tenant] = asyncio.ensure_future(self._decided(tenant, None))
            task.add_done_callback(lambda _: self._lookups.pop(tenant, None))
        return await asyncio.shield(task)

    async def _decided(self, tenant: TenantId, for_new: str | None) -> str:
        """Return a tenant's account, after storing its placement if necessary.

        A tenant without a placement is older than placements and therefore in the first account. For a tenant that does
        not exist, a placement is stored and cached only if `for_new` is given.
        """
        row = await self._first.find(TENANTS, keys.PLACEMENTS, keys.placement(tenant))
        if row is None:
            exists = await self._first.find(TENANTS, tenant, "tenant") is not None
            if not exists and for_new is None:
                return FIRST
            row = await self._inserted(keys.PLACEMENTS, keys.placement(tenant), account=FIRST if exists else for_new)
        self._placed[tenant] = row["account"]
        return self._placed[tenant]

    async def _inserted(self, partition: str, row: str, **columns: object) -> Entity:
        """Insert a row that never changes, and return the stored one. The first insert wins."""
        entity = {"PartitionKey": partition, "RowKey": row, **columns}
        try:
            await self._first.insert(TENANTS, entity)
        except ETagConflict:
            return await self._first.get(TENANTS, partition, row)
        return entity

    async def _accounts(self) -> Mapping[str, _RegisteredAccount]:
        """Return all further accounts ever registered, including those in the settings. Read once per process."""
        if self._registered is None or _is_lost(self._registered):
            self._registered = asyncio.ensure_future(self._announced())
        return self._registered.result() if self._registered.done() else await asyncio.shield(self._registered)

    async def _announced(self) -> Mapping[str, _RegisteredAccount]:
        """Register the accounts in the settings that are not registered yet, and return all registered ones."""
        rows = {row["account"]: row async for row in self._first.query(TENANTS, partition=keys.ACCOUNTS)}
        for name, tables in self._further.items():
            if name not in rows:
                since = self._clock.now().isoformat()
                rows[name] = await self._inserted(
                    keys.ACCOUNTS, keys.account(name), account=name, address=tables.address, since=since
                )
        return {
            name: _RegisteredAccount(row["address"], datetime.fromisoformat(row["since"])) for name, row in rows.items()
        }


def _is_lost(task: asyncio.Task[Mapping[str, _RegisteredAccount]]) -> bool:
    """Whether a task ended without a result."""
    return task.done() and (task.cancelled() or task.exception() is not None)
