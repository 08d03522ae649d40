"""A tenant's rows are in one storage account, whoever creates, deletes and looks, in whatever order."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest

from shared.adapters.stores import TableSettingsStore, TableTenantStore, keys
from shared.adapters.stores.account_placement import KNOWN_FOR, Accounts
from shared.adapters.stores.table_names import TENANTS
from shared.adapters.tables.client import Entity
from shared.domain.access.tenants import TenantSummary
from shared.domain.ids import LocationId, TenantId
from shared.errors import Misconfigured, Transient
from tests.support.fakes import FakeClock
from tests.support.fakes.table_service import MemoryTables

ACME, NEXT = TenantId("acme"), TenantId("next")


class Watched(MemoryTables):
    """`MemoryTables` that knows what it was asked, lets others run before it answers, and fails when it is told to."""

    def __init__(self, address: str = "memory") -> None:
        super().__init__(address)
        self.asked: list[tuple[str, str]] = []
        self.broken = False

    async def _ask(self, what: str, partition: str) -> None:
        self.asked.append((what, partition))
        await asyncio.sleep(0)
        if self.broken:
            raise Transient("away", code="away")

    async def get(self, table: str, partition: str, row: str) -> Entity:
        """Return one entity."""
        await self._ask("get", partition)
        return await super().get(table, partition, row)

    async def insert(self, table: str, entity: Mapping[str, Any]) -> str:
        """Store a new entity."""
        await self._ask("insert", entity["PartitionKey"])
        return await super().insert(table, entity)

    async def query(self, table: str, **words: Any) -> AsyncIterator[Entity]:  # noqa: ANN401
        """Iterate over entities."""
        await self._ask("query", words.get("partition", ""))
        async for row in super().query(table, **words):
            yield row


class Storage:
    """Storage accounts, and the workers of one deployment that come and go with their settings."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.first = Watched("https://first")
        self.further = {name: Watched(f"https://{name}") for name in ("b", "c")}

    def worker(self, *names: str, new_tenants: str = "") -> Accounts:
        """Return the accounts as a process sees them that was started with these settings."""
        further = {name: self.further[name] for name in names}
        return Accounts(self.first, further, clock=self.clock, new_tenants=new_tenants)

    async def known(self, *names: str) -> None:
        """Leave accounts known for long enough."""
        await self.worker(*names).place(TenantId("somebody"))
        self.clock.advance(KNOWN_FOR.total_seconds())

    async def created(self, worker: Accounts, tenant: TenantId = ACME) -> MemoryTables:
        """Create a tenant, or rename it, and return its tables."""
        await TableTenantStore(self.first, worker).put(TenantSummary(id=tenant, name=tenant))
        found = await worker.of(tenant)
        assert isinstance(found, MemoryTables)
        return found


@pytest.fixture
def storage() -> Storage:
    """Three accounts, of which the first is in use."""
    return Storage()


async def test_without_further_accounts_nothing_is_asked_for_a_tenant(storage: Storage) -> None:
    """A process asks once whether there ever were others; creating and finding tenants costs nothing more."""
    worker = storage.worker()
    for tenant in (ACME, NEXT, ACME):
        await worker.place(tenant)
        assert await worker.of(tenant) is storage.first
    assert storage.first.asked == [("query", keys.ACCOUNTS)]


async def test_new_tenants_are_where_the_settings_say_and_stay_there(storage: Storage) -> None:
    """Another account for new tenants, or none, moves nobody."""
    old = await storage.created(storage.worker())
    await storage.known("b", "c")
    assert await storage.created(storage.worker("b", "c", new_tenants="b"), NEXT) is storage.further["b"]
    for new_tenants in ("", "b", "c"):
        worker = storage.worker("b", "c", new_tenants=new_tenants)
        assert await storage.created(worker, NEXT) is storage.further["b"]
        assert await storage.created(worker) is old is storage.first
    assert await storage.worker("b", "c").names() == ["b", "c"]


async def test_a_process_reads_a_placement_once(storage: Storage) -> None:
    """However often it is asked, also by many at once."""
    await storage.known("b")
    await storage.created(storage.worker("b", new_tenants="b"))
    storage.first.asked.clear()
    worker = storage.worker("b", new_tenants="b")
    found = await asyncio.gather(*[worker.of(ACME) for _ in range(20)])
    found.append(await worker.of(ACME))
    await worker.place(ACME)
    assert set(found) == {storage.further["b"]}
    assert storage.first.asked == [("query", keys.ACCOUNTS), ("get", keys.PLACEMENTS)]


async def test_nobody_is_placed_where_an_older_worker_would_not_look(storage: Storage) -> None:
    """A worker that began before an account was known takes everybody to be in the first, and they are."""
    older = storage.worker()
    await older.of(TenantId("somebody"))
    newer = storage.worker("b", new_tenants="b")
    assert await storage.created(newer) is await older.of(ACME) is storage.first
    storage.clock.advance(KNOWN_FOR.total_seconds() - 1)
    assert await storage.created(newer, NEXT) is await older.of(NEXT) is storage.first
    storage.clock.advance(1)  # now nothing of the older one runs any more
    assert await storage.created(newer, TenantId("third")) is storage.further["b"]
    assert await storage.created(newer) is storage.first


async def test_a_worker_without_the_account_refuses_rather_than_looks_elsewhere(storage: Storage) -> None:
    """Also one that has no further account at all; the others' tenants are not harmed."""
    old = await storage.created(storage.worker(), NEXT)
    await storage.known("b", "c")
    await storage.created(storage.worker("b", new_tenants="b"))
    for names in ((), ("c",)):
        worker = storage.worker(*names)
        with pytest.raises(Misconfigured, match=r"TABLE_ACCOUNTS does not name .*'b'.*add b=https://b to it"):
            await worker.of(ACME)
        with pytest.raises(Misconfigured, match="TABLE_ACCOUNTS"):
            await TableSettingsStore(storage.first, worker).put_location(ACME, LocationId("x"), "x")
        assert await worker.of(NEXT) is old
        assert "b" in await worker.names()
    assert not storage.first._tables.get("Locations")


async def test_another_account_under_a_known_name_is_refused(storage: Storage) -> None:
    """Two addresses that were exchanged by mistake are no reason to begin anew with empty tables."""
    await storage.known("b", "c")
    await storage.created(storage.worker("b", new_tenants="b"))
    storage.further["b"], storage.further["c"] = storage.further["c"], storage.further["b"]
    worker = storage.worker("b", "c", new_tenants="b")
    with pytest.raises(Misconfigured, match=r"TABLE_ACCOUNTS.*'b'.*https://c.*https://b"):
        await worker.of(ACME)
    with pytest.raises(Misconfigured, match="TABLE_ACCOUNTS"):
        await worker.place(NEXT)


async def test_two_who_create_a_tenant_at_once_agree(storage: Storage) -> None:
    """Whatever their settings are: the first placement stands."""
    await storage.known("b", "c")
    workers = [storage.worker("b", "c", new_tenants=name) for name in ("b", "c", "", "b")]
    for order in itertools.permutations(range(4), 4):
        tenant = TenantId("-".join(map(str, order)))
        found = await asyncio.gather(*[storage.created(workers[each], tenant) for each in order])
        assert len({id(each) for each in found}) == 1


async def test_a_tenant_from_before_is_never_placed_elsewhere(storage: Storage) -> None:
    """Neither when it is renamed, nor when it is deleted and created again."""
    before = storage.worker()
    await storage.created(before)
    await storage.known("b")
    worker = storage.worker("b", new_tenants="b")
    assert await storage.created(worker) is storage.first
    await storage.created(before, NEXT)
    remembers, deletes = storage.worker("b"), storage.worker("b")
    assert await remembers.of(NEXT) is storage.first
    await TableTenantStore(storage.first, deletes).delete_all(NEXT)
    assert await storage.created(storage.worker("b", new_tenants="b"), NEXT) is await remembers.of(NEXT)


async def test_erasing_one_from_before_leaves_it_decided_where_it_was(storage: Storage) -> None:
    """Nobody had asked for it since; whoever does now, and creates it again, finds it in the first account."""
    await storage.created(storage.worker())
    await storage.known("b")
    await TableTenantStore(storage.first, storage.worker("b")).delete_all(ACME)
    assert await storage.created(storage.worker("b", new_tenants="b")) is storage.first


async def test_a_placement_outlives_the_tenant(storage: Storage) -> None:
    """A worker that remembers it is right when the same id is created again, and erasing finds what is left there."""
    await storage.known("b", "c")
    worker = storage.worker("b", "c", new_tenants="b")
    await storage.created(worker)
    await TableSettingsStore(storage.first, worker).put_location(ACME, LocationId("x"), "x")
    assert storage.further["b"]._tables["Locations"]
    await TableTenantStore(storage.first, worker).delete_all(ACME)
    assert not storage.further["b"]._tables["Locations"]
    fresh = storage.worker("b", "c", new_tenants="c")
    assert await fresh.of(ACME) is storage.further["b"]
    assert await storage.created(fresh) is await worker.of(ACME) is storage.further["b"]


async def test_looking_for_nobody_decides_nothing(storage: Storage) -> None:
    """A tenant that somebody looked for before it was created is placed like any other, and found there by all."""
    await storage.known("b")
    early, creator = storage.worker("b"), storage.worker("b", new_tenants="b")
    assert await early.of(ACME) is storage.first
    assert await storage.created(creator) is storage.further["b"]
    assert await early.of(ACME) is storage.further["b"]


async def test_one_who_looks_while_another_creates_never_settles_on_another_account(storage: Storage) -> None:
    """At whatever moment: what is remembered is what was written down."""
    await storage.known("b")
    for delay in range(12):
        tenant = TenantId(f"t{delay}")
        looks, creates = storage.worker("b"), storage.worker("b", new_tenants="b")
        await asyncio.gather(looks.of(ACME), creates.of(ACME))

        async def late(worker: Accounts, tenant: TenantId, delay: int) -> None:
            for _ in range(delay):
                await asyncio.sleep(0)
            await worker.of(tenant)

        await asyncio.gather(storage.created(creates, tenant), late(looks, tenant, delay))
        assert await looks.of(tenant) is await creates.of(tenant) is storage.further["b"]


async def test_storage_that_failed_is_asked_again(storage: Storage) -> None:
    """Neither a failure nor a conflict of two processes that come up at once is remembered."""
    worker, other = storage.worker("b", "c"), storage.worker("c", "b")
    storage.first.broken = True
    with pytest.raises(Transient):
        await worker.of(ACME)
    storage.first.broken = False
    await asyncio.gather(worker.of(ACME), other.of(ACME))
    rows = [row async for row in storage.first.query(TENANTS, partition=keys.ACCOUNTS)]
    assert [(row["account"], row["address"]) for row in rows] == [("b", "https://b"), ("c", "https://c")]
    storage.first.broken = True
    with pytest.raises(Transient):
        await worker.of(ACME)
    storage.first.broken = False
    assert await worker.of(ACME) is storage.first


async def test_a_new_tenant_is_not_created_where_it_cannot_be_placed(storage: Storage) -> None:
    """Storage fails between the two writes: no tenant is there without a placement."""
    await storage.known("b")
    worker = storage.worker("b", new_tenants="b")
    await worker.of(NEXT)
    storage.first.broken = True
    with pytest.raises(Transient):
        await storage.created(worker)
    storage.first.broken = False
    assert [tenant.id async for tenant in TableTenantStore(storage.first, worker).list_tenants()] == []
    assert await storage.created(worker) is storage.further["b"]
