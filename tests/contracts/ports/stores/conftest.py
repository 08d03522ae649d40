"""Every store suite runs against the fake and against Azurite, so that fakes cannot lie; and on two accounts."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final
from uuid import uuid4

import pytest

from shared.adapters.stores import (
    TableConnectionStore,
    TableImportStore,
    TableOperatorLog,
    TableRecipientStore,
    TableRunStore,
    Tables,
    TableSettingsStore,
    TableSnapshotStore,
    TableSyncStateStore,
    TableTenantStore,
    TableUserStore,
)
from shared.adapters.stores.account_placement import KNOWN_FOR, Accounts
from shared.domain.ids import TenantId
from shared.ports.imports import ImportStore
from shared.ports.operations import OperatorLog
from shared.ports.recipients import RecipientStore
from shared.ports.runs import RunStore
from shared.ports.snapshots import SnapshotStore
from shared.ports.tenants import ConnectionStore, SettingsStore, SyncStateStore, TenantStore, UserStore
from shared.settings import load
from tests.support.fakes import (
    FakeClock,
    FakeConnectionStore,
    FakeImportStore,
    FakeOperatorLog,
    FakeRecipientStore,
    FakeRunStore,
    FakeSettingsStore,
    FakeSnapshotStore,
    FakeSyncStateStore,
    FakeTenantRows,
    FakeTenantStore,
    FakeUserStore,
)
from tests.support.fakes.paged_tables import PagedTables
from tests.support.fakes.table_service import MemoryTables
from tests.support.repeating_tables import RepeatingMemoryTables, RepeatingTables
from tests.support.table_service.server import connection_string, listening
from tests.support.table_service.service import Service

#: The tables on which every store runs: in memory and in Azurite, also with a client that sends each write twice.
ON_TABLES: Final = ("memory", "memory, twice", "azurite", "azurite, twice")


@dataclass(kw_only=True)
class Stores:
    """One implementation of all stores."""

    tenants: TenantStore
    connections: ConnectionStore
    settings: SettingsStore
    sync_states: SyncStateStore
    runs: RunStore
    snapshots: SnapshotStore
    recipients: RecipientStore
    operator_log: OperatorLog
    users: UserStore
    imports: ImportStore

    def __post_init__(self) -> None:
        #: A tenant of this test alone, and one whose id begins with it.
        self.acme = TenantId(f"acme-{uuid4().hex[:8]}")
        self.acme_2 = TenantId(f"{self.acme}-2")


@pytest.fixture(params=["fake", *ON_TABLES, "memory, paged", "lean", "two accounts"])
async def stores(request: pytest.FixtureRequest) -> AsyncIterator[Stores]:
    """Fakes, or the real stores on tables in memory, on the benchmarks' service, in a real Azurite, or in both.

    Also on clients that send each write twice, and on one that answers queries in two pages.
    """
    if request.param == "fake":
        rows = FakeTenantRows()
        yield Stores(
            tenants=FakeTenantStore(rows),
            connections=FakeConnectionStore(rows),
            settings=FakeSettingsStore(rows),
            sync_states=FakeSyncStateStore(rows),
            runs=FakeRunStore(),
            snapshots=FakeSnapshotStore(),
            recipients=FakeRecipientStore(),
            operator_log=FakeOperatorLog(),
            users=FakeUserStore(),
            imports=FakeImportStore(),
        )
        return
    if request.param == "two accounts":
        async with AsyncExitStack() as ends:
            yield await _on_two(request.getfixturevalue("azurite"), ends)
        return
    async with tables_of(request) as tables:
        yield _on(tables)


@asynccontextmanager
async def tables_of(request: pytest.FixtureRequest) -> AsyncIterator[Tables]:
    """Yield the tables that the parameter of a fixture names."""
    async with AsyncExitStack() as ends:
        tables = await _tables(request, ends)
        ends.push_async_callback(tables.close)
        yield tables


async def _tables(request: pytest.FixtureRequest, ends: AsyncExitStack) -> Tables:
    match request.param:
        case "memory":
            return MemoryTables()
        case "memory, twice":
            return RepeatingMemoryTables()
        case "memory, paged":
            return PagedTables()
        case "lean":
            service = listening(Service(enforce_sizes=True))
            return _opened(connection_string(await ends.enter_async_context(service)))
    azurite: Any = request.getfixturevalue("azurite")
    return _opened(azurite.connection_string, RepeatingTables if request.param == "azurite, twice" else Tables)


def _opened(storage: str, kind: type[Tables] = Tables) -> Tables:
    return kind(load({"AzureWebJobsStorage": storage, "KEY_VAULT_URL": "https://vault.example"}))


async def _on_two(azurite: Any, ends: AsyncExitStack) -> Stores:  # noqa: ANN401 - as the fixture is given
    """Give stores whose tenant `acme` is in another account than what spans tenants, and than `acme_2`."""
    first = _opened(azurite.connection_string)
    second = _opened(connection_string(await ends.enter_async_context(listening(Service(enforce_sizes=True)))))
    for tables in (first, second):
        ends.push_async_callback(tables.close)
    clock, name = FakeClock(), f"b-{uuid4().hex}"
    accounts = Accounts(first, {name: second}, clock=clock, new_tenants=name)
    stores = _on(first, accounts)
    await accounts.place(stores.acme_2)  # too early for the second account
    clock.advance(KNOWN_FOR.total_seconds())
    await accounts.place(stores.acme)
    assert await accounts.of(stores.acme) is second
    assert await accounts.of(stores.acme_2) is first
    return stores


def _on(tables: Tables, accounts: Accounts | None = None) -> Stores:
    found = accounts or tables
    return Stores(
        tenants=TableTenantStore(tables, accounts),
        connections=TableConnectionStore(tables),
        settings=TableSettingsStore(tables, accounts),
        sync_states=TableSyncStateStore(tables),
        runs=TableRunStore(tables, accounts),
        snapshots=TableSnapshotStore(found),
        recipients=TableRecipientStore(found),
        operator_log=TableOperatorLog(tables),
        users=TableUserStore(tables, accounts),
        imports=TableImportStore(tables, accounts),
    )
