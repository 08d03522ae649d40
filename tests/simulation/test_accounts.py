"""Customers in different storage accounts: everything works as with one, and nothing of one is in another's."""

import dataclasses
import io
import json
from hashlib import sha256

import pytest

from shared.adapters.stores import (
    TableConnectionStore,
    TableIdempotencyStore,
    TableImportStore,
    TableLimitStore,
    TableOperatorLog,
    TableRecipientStore,
    TableRunStore,
    TableSettingsStore,
    TableSnapshotStore,
    TableSyncStateStore,
    TableTenantStore,
    TableUserStore,
    keys,
    table_names,
)
from shared.adapters.stores.account_placement import KNOWN_FOR, Accounts
from shared.bootstrap import Ports
from shared.domain.access.sso_users import ProductUser, Role
from shared.domain.ids import LocationId, TenantId
from shared.domain.imports.import_record import ImportState
from shared.domain.imports.row_decisions import ImportMode
from shared.domain.preferences.preferences import GuardLimits, Mode, Preferences
from shared.domain.run import RunState
from shared.errors import Misconfigured
from shared.telemetry import RequestCounters
from shared.workflows.tenants.deletion import SETTLED_AFTER
from tests.simulation.importing import settle
from tests.support.builders import person, user
from tests.support.fakes import FakeClock, directories_of, fake_ports
from tests.support.fakes.clock import FakeStorageClock
from tests.support.fakes.table_service import MemoryTables
from tests.support.world import World

OLD, NEW, BERLIN = TenantId("contoso"), TenantId("fabrikam"), LocationId("berlin")
#: What spans tenants, and so stays in the first account.
SPANNING = {
    table_names.TENANTS,
    table_names.LEDGER,
    table_names.IDEMPOTENCY_KEYS,
    table_names.LIMITS,
    table_names.IMPORTS,
    table_names.AUDIT,
}
EVERYTHING = set(table_names.ALL_TABLES)
ALL_MAY_GO = GuardLimits(max_share=1, max_people=1_000, small_max_share=1)


class Deployment:
    """A deployment on two storage accounts, with one tenant in each."""

    def __init__(self) -> None:
        self.first, self.second, self.clock = MemoryTables("https://first"), MemoryTables("https://second"), FakeClock()
        self.ports = fake_ports()
        self.world = self.restarted(second=False)

    def restarted(self, *, second: bool = True) -> World:
        """Return a new worker, whose settings name the second account or do not."""
        further = {"second": self.second} if second else {}
        new_tenants = "second" if second else ""
        self.world = World(self._ports(Accounts(self.first, further, clock=self.clock, new_tenants=new_tenants)))
        return self.world

    def _ports(self, accounts: Accounts) -> Ports:
        return dataclasses.replace(
            self.ports,
            clock=self.clock,
            storage_clock=FakeStorageClock(self.clock),
            tenants=TableTenantStore(self.first, accounts),
            connections=TableConnectionStore(self.first),
            settings=TableSettingsStore(self.first, accounts),
            sync_states=TableSyncStateStore(self.first),
            runs=TableRunStore(self.first, accounts),
            snapshots=TableSnapshotStore(accounts),
            recipients=TableRecipientStore(accounts),
            imports=TableImportStore(self.first, accounts),
            users=TableUserStore(self.first, accounts),
            operator_log=TableOperatorLog(self.first),
            limits=TableLimitStore(self.first),
            idempotency=TableIdempotencyStore(self.first),
        )

    async def live(self, tenant: TenantId, people: range) -> None:
        """Leave a tenant that has done everything that there is to do, and an import half sent."""
        await self.world.tenant(tenant, [user(person) for person in people], _preferences(), {BERLIN: []})
        assert (await self.world.sync(tenant, f"{tenant}-1")).state is RunState.DONE
        directories = directories_of(self.world.ports).by_azure_tenant
        list(directories.values())[-1].remove(person(people[0]))
        assert (await self.world.sync(tenant, f"{tenant}-2")).state is RunState.DONE
        self.clock.advance(60)
        content = b"name,mail\nAnn,ann@example.com\n"
        await self.world.app.import_csv(tenant, BERLIN, io.BytesIO(content), ImportMode.MERGE, "", "anna")
        self.clock.advance(60)
        upload = self.world.app.upload_import
        ref = (await upload.create(tenant, BERLIN, ImportMode.MERGE, "anna")).ref
        await upload.put_part(ref, 1, content)
        await upload.start(ref, 1, sha256(content).hexdigest(), "")
        await settle(self.world)
        assert (await self.world.ports.imports.get(ref)).value.state is ImportState.DONE
        half = (await upload.create(tenant, BERLIN, ImportMode.MERGE, "anna")).ref
        await upload.put_part(half, 1, content)
        await self.world.ports.users.insert(tenant, _product_user(people[1], self.clock))


def _product_user(number: int, clock: FakeClock) -> ProductUser:
    return ProductUser(
        object_id=person(number),
        mail="ann@example.com",
        display_name=None,
        role=Role.VIEWER,
        created_at=clock.now(),
        created_by="anna",
    )


def _preferences() -> Preferences:
    return Preferences(mode=Mode.FULL, guard=ALL_MAY_GO)


async def _tables_of(tables: MemoryTables, tenant: TenantId) -> set[str]:
    """Return the tables that hold anything of a tenant, wherever in a row its name stands."""
    found = set()
    for name in EVERYTHING:
        rows = [dict(row) async for row in tables.query(name)]
        found |= {name for row in rows if tenant in json.dumps(row, default=str)}
    return found


@pytest.fixture
async def deployment() -> Deployment:
    """One tenant from before there was a second account, and one that was created in it."""
    made = Deployment()
    await made.live(OLD, range(12))
    await made.restarted().ports.settings.list_locations(OLD)
    made.clock.advance(KNOWN_FOR.total_seconds())
    await made.live(NEW, range(5, 30))
    return made


async def test_not_a_row_of_a_placed_tenant_is_in_the_first_account(deployment: Deployment) -> None:
    """Except in tables that span tenants; and nothing of the other is in the second."""
    assert await _tables_of(deployment.first, NEW) <= SPANNING
    assert await _tables_of(deployment.second, NEW) == EVERYTHING - SPANNING
    assert await _tables_of(deployment.second, OLD) == set()
    assert await _tables_of(deployment.first, OLD) >= EVERYTHING - SPANNING


async def test_tenants_in_two_accounts_do_not_see_each_other(deployment: Deployment) -> None:
    """Each has its own people, though they have locations and people of the same ids."""
    for world in (deployment.world, deployment.restarted()):
        for tenant, people in ((OLD, range(12)), (NEW, range(5, 30))):
            found = {recipient.object_id for recipient in await world.recipients(tenant, BERLIN) if recipient.object_id}
            assert found == {person(each) for each in people}
            assert len([run async for run in world.ports.runs.list_runs(tenant)]) == 4
            assert [user.object_id for user in await world.ports.users.list_users(tenant)] == [person(people[1])]


async def test_without_its_account_a_tenant_is_refused_and_no_other(deployment: Deployment) -> None:
    """Whatever is done: the setting is named, nothing is written, and with the setting everything is there again."""
    before = {name: [dict(row) async for row in deployment.first.query(name)] for name in EVERYTHING - SPANNING}
    world = deployment.restarted(second=False)
    with pytest.raises(Misconfigured, match="TABLE_ACCOUNTS does not name the storage account 'second'"):
        await world.sync(NEW, "refused")
    with pytest.raises(Misconfigured, match="TABLE_ACCOUNTS"):
        await world.app.locations.put(NEW, LocationId("paris"), "Paris")
    with pytest.raises(Misconfigured, match="TABLE_ACCOUNTS"):
        await world.app.tenants.delete(NEW)
    await world.app.watchdog(RequestCounters())  # one tenant stops no other
    after = {name: [dict(row) async for row in deployment.first.query(name)] for name in EVERYTHING - SPANNING}
    assert after == before
    assert (await world.sync(OLD, "goes-on")).state is RunState.DONE
    world = deployment.restarted()
    assert len(await world.recipients(NEW, BERLIN)) == 26


async def test_a_deleted_tenant_is_erased_in_its_account_and_comes_back_there(deployment: Deployment) -> None:
    """Also what a worker writes there afterwards; where it was is remembered, and nothing else."""
    world = deployment.world
    await world.app.tenants.delete(NEW)
    assert await _tables_of(deployment.second, NEW) == set()
    row = {"PartitionKey": keys.location(NEW, BERLIN), "RowKey": keys.FENCE}
    await deployment.second.put(table_names.RECIPIENTS, row)
    deployment.clock.advance(SETTLED_AFTER.total_seconds())
    await deployment.restarted().app.watchdog(RequestCounters())
    assert await _tables_of(deployment.second, NEW) == set()
    assert await _tables_of(deployment.first, NEW) == {table_names.TENANTS}
    left = [row["RowKey"] async for row in deployment.first.query(table_names.TENANTS) if NEW in row["RowKey"]]
    assert left == [keys.placement(NEW)]
    await deployment.live(NEW, range(3))
    assert await _tables_of(deployment.first, NEW) <= SPANNING
    await deployment.world.app.tenants.delete(OLD)
    assert await _tables_of(deployment.first, OLD) == {table_names.TENANTS}
    await deployment.live(OLD, range(3))
    assert await _tables_of(deployment.second, OLD) == set()
