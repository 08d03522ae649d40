"""Stores at their limits: large, hostile, similar and broken. What holds on the fakes holds on Azurite too."""

from collections.abc import AsyncIterator
from uuid import uuid4

import pytest

from infra.local.azurite import Azurite
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
)
from shared.domain.ids import TenantId
from tests.support.fakes import (
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
)
from tests.support.fakes.table_service import MemoryTables
from tests.support.samples import Stores, settings
from tests.support.table_service.server import connection_string, listening
from tests.support.table_service.service import Service


@pytest.fixture
async def tables(azurite: Azurite) -> AsyncIterator[Tables]:
    """The real Table Storage client, on Azurite."""
    opened = Tables(settings(azurite.connection_string))
    yield opened
    await opened.close()


@pytest.fixture
async def azurite_stores(tables: Tables) -> Stores:
    """The stores that are deployed."""
    return _on(tables)


@pytest.fixture
async def lean_stores() -> AsyncIterator[Stores]:
    """The stores that are deployed, on the benchmarks' service."""
    async with listening(Service(enforce_sizes=True)) as url:
        opened = Tables(settings(connection_string(url)))
        yield _on(opened)
        await opened.close()


def _on(tables: Tables) -> Stores:
    return Stores(
        tenants=TableTenantStore(tables),
        connections=TableConnectionStore(tables),
        settings=TableSettingsStore(tables),
        sync_states=TableSyncStateStore(tables),
        runs=TableRunStore(tables),
        snapshots=TableSnapshotStore(tables),
        recipients=TableRecipientStore(tables),
        operator_log=TableOperatorLog(tables),
        imports=TableImportStore(tables),
    )


@pytest.fixture
def fake_stores() -> Stores:
    """The stores that other tests use."""
    rows = FakeTenantRows()
    return Stores(
        tenants=FakeTenantStore(rows),
        connections=FakeConnectionStore(rows),
        settings=FakeSettingsStore(rows),
        sync_states=FakeSyncStateStore(rows),
        runs=FakeRunStore(),
        snapshots=FakeSnapshotStore(),
        recipients=FakeRecipientStore(),
        operator_log=FakeOperatorLog(),
        imports=FakeImportStore(),
    )


@pytest.fixture
def memory_stores() -> Stores:
    """The stores that are deployed, on tables in memory."""
    return _on(MemoryTables())


@pytest.fixture(params=["fake", "memory", "lean", "azurite"])
def stores(request: pytest.FixtureRequest) -> Stores:
    """One after the other."""
    found = request.getfixturevalue(f"{request.param}_stores")
    assert isinstance(found, Stores)
    return found


@pytest.fixture
def tenant() -> TenantId:
    """A tenant of the test's own: Azurite is shared by the session."""
    return TenantId(f"t{uuid4().hex[:12]}")


@pytest.fixture
def neighbour(tenant: TenantId) -> TenantId:
    """Another tenant, whose id begins with the first one's."""
    return TenantId(f"{tenant}-2")
