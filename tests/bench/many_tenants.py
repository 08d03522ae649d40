"""2,000 tenants on one tick of the schedule, with every tenth directory broken and one very large tenant.

One worker runs the product's triggers on a Table service in another process; `tests.bench.host` imitates the queues. A
tenant has 60 people at one location. Nothing has changed, except one person in every fiftieth healthy tenant. The 200
broken directories fail in five ways, evenly. The large tenant has 100,000 people at ten locations, and its daily full
run is due on this tick: it lists and compares everything. Directories respond without delay.

The benchmark measures the time from the tick until a healthy tenant is free again. It alternates between ticks with all
tenants and ticks without the large and the broken ones. There are two rounds: a tick takes most of a minute, and each
provides the times of 1,800 tenants. The large tenant is scheduled first. After a tick with all tenants the worker dies,
the health of the broken tenants is reset, and the full run of the large one is due again. So every measured tick starts
runs for all of them; on a later tick, most broken tenants would be skipped.
"""

import asyncio
import dataclasses
import logging
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from statistics import median, quantiles
from time import perf_counter, process_time
from typing import Final

import msgspec

from shared.adapters.stores import TableConnectionStore, TableSyncStateStore, TableTenantStore
from shared.bootstrap import App
from shared.domain.access.tenants import ConnectedTenant
from shared.domain.ids import TenantId
from shared.domain.run import RunMode, RunState, TenantState
from shared.domain.sync.jobs import SyncRequest
from tests.bench.ailing import Ailing, Ailment
from tests.bench.crowd import Crowd
from tests.bench.customers import Pattern, connect, forget_run
from tests.bench.host import HostQueue
from tests.bench.product import product
from tests.bench.results import Result
from tests.support.world import SETTINGS, World

_CUSTOMERS: Final = 2_000
_PEOPLE: Final = 60
_BROKEN_EVERY: Final = 10
_CHANGED_EVERY: Final = 50
_ENORMOUS: Final = 100_000
_ENORMOUS_LOCATIONS: Final = 10
_ROUNDS: Final = 2
#: Maximum duration of a tick, in seconds; after it, the tick counts as stuck.
_STUCK_S: Final = 600.0
_GOAL: Final = 1.5
_GOAL_S: Final = 60.0


class _Shown(TableConnectionStore):
    """The connection store. It shows only some tenants to the schedule."""

    shown: Collection[TenantId] = ()

    async def list_connected(self) -> AsyncIterator[ConnectedTenant]:
        """As the store, without the tenants that do not take part."""
        async for tenant in super().list_connected():
            if tenant.id in self.shown:
                yield tenant


class _Watched(TableSyncStateStore):
    """The store of states. It records when each tenant is free again."""

    def expect(self, tenants: Collection[TenantId]) -> None:
        """Start waiting for the end of these tenants' runs."""
        self.waiting = set(tenants)
        self.free_at_s: dict[TenantId, float] = {}
        self.ended: dict[TenantId, RunState | None] = {}
        self.all_free = asyncio.Event()

    async def replace(self, tenant: TenantId, state: TenantState, etag: str | None) -> str:
        """As the store, and record the time when a tenant is free."""
        stored = await super().replace(tenant, state, etag)
        if state.active_run is None and tenant in self.waiting:
            self.free_at_s[tenant] = perf_counter()
            self.ended[tenant] = state.summary.state
            self.waiting.discard(tenant)
            if not self.waiting:
                self.all_free.set()
        return stored


@dataclass(frozen=True, slots=True, kw_only=True)
class _Tick:
    """Times of a tick in seconds. `healthy_s` is the time from the tick to the end of each healthy tenant."""

    schedule_s: float
    #: CPU of the worker, which includes generating the directories.
    cpu_s: float
    healthy_s: Mapping[TenantId, float]
    invocations: Mapping[str, int]

    @property
    def wall_s(self) -> float:
        return max(self.healthy_s.values())

    @property
    def median_s(self) -> float:
        return median(self.healthy_s.values())


@dataclass(slots=True)
class _Deployment:
    world: World
    connections: _Shown
    sync_states: _Watched
    queue: HostQueue
    healthy: dict[TenantId, Ailing]
    broken: dict[TenantId, Ailing]
    enormous: TenantId
    ticks: int = 0

    async def sync(self, tenant: TenantId) -> None:
        """Run a tenant's first sync, as a full one."""
        async with self.queue.worker(self.world.app):
            self.sync_states.expect({tenant})
            wanted = SyncRequest(tenant=tenant, mode=RunMode.FULL, request="first", requested_by="bench")
            await self.queue.request(wanted)
            await asyncio.wait_for(self.sync_states.all_free.wait(), _STUCK_S)
        assert self.sync_states.ended == {tenant: RunState.DONE}

    async def tick(self, others: Collection[TenantId]) -> _Tick:
        """Schedule the healthy tenants and these others. Return when the healthy ones are done."""
        self.ticks += 1
        for number, directory in enumerate(self.healthy.values()):
            if number % _CHANGED_EVERY == 0:
                directory.change([number % _PEOPLE], f"Department of tick {self.ticks}")
        self.connections.shown = {*self.healthy, *others}
        self.sync_states.expect(self.healthy)
        before = {name: lane.invocations for name, lane in self.queue.lanes.items()}
        async with self.queue.worker(self.world.app):
            began_s, cpu_s = perf_counter(), process_time()
            asked = await self.world.app.schedule(datetime.now(UTC) + timedelta(hours=self.ticks))
            schedule_s = perf_counter() - began_s
            assert asked == len(self.connections.shown), asked
            await asyncio.wait_for(self.sync_states.all_free.wait(), _STUCK_S)
            cpu_s = process_time() - cpu_s
            invoked = {name: lane.invocations - before[name] for name, lane in self.queue.lanes.items()}
        assert set(self.sync_states.ended.values()) == {RunState.DONE}
        healthy_s = {tenant: at_s - began_s for tenant, at_s in self.sync_states.free_at_s.items()}
        return _Tick(schedule_s=schedule_s, cpu_s=cpu_s, healthy_s=healthy_s, invocations=invoked)

    async def disturbed(self) -> _Tick:
        """Return the times of a tick with all tenants, and restore the state of the broken and the large ones."""
        self.sync_states.expect(())
        before = {}
        for number, (tenant, directory) in enumerate(self.broken.items()):
            directory.falls_ill(list(Ailment)[number % len(Ailment)])
            before[tenant] = (await self.world.ports.sync_states.get(tenant)).value
        state, etag = await self.world.ports.sync_states.get(self.enormous)
        before[self.enormous] = msgspec.structs.replace(state, full_at=None)
        await self.world.ports.sync_states.replace(self.enormous, before[self.enormous], etag)
        found = await self.tick(before)
        for tenant, known in before.items():
            await forget_run(self.world, tenant, known)
        return found


async def measure() -> list[Result]:
    """Return the ratio of the medians, and the duration of the tick."""
    logging.disable(logging.WARNING)  # the problem of each broken directory
    async with _deployment() as found:
        ticks = [(await found.tick(()), await found.disturbed()) for _ in range(_ROUNDS)]
    calm, disturbed = [each for each, _ in ticks], [each for _, each in ticks]
    calm_s, disturbed_s = _all(calm), _all(disturbed)
    measured = {
        "customers": _CUSTOMERS,
        "people_each": _PEOPLE,
        "enormous_people_and_locations": [_ENORMOUS, _ENORMOUS_LOCATIONS],
        "broken": len(found.broken),
        "calm_median_s": [each.median_s for each in calm],
        "disturbed_median_s": [each.median_s for each in disturbed],
        "calm_p95_s": quantiles(calm_s, n=20)[-1],
        "disturbed_p95_s": quantiles(disturbed_s, n=20)[-1],
        "calm_tick_s": [each.wall_s for each in calm],
        "disturbed_tick_s": [each.wall_s for each in disturbed],
        "changed_median_s": [median(_changed(found, each)) for each in (*calm, *disturbed)],
        "worker_cpu_s": [each.cpu_s for each in (*calm, *disturbed)],
        "schedule_s": [each.schedule_s for each in disturbed],
        "invocations": [each.invocations for each in (*calm, *disturbed)],
    }
    return [
        Result(key="many_tenants", value=median(disturbed_s) / median(calm_s), goal=_GOAL, measured=measured),
        Result(
            key="many_tenants_tick_s",
            value=median(each.wall_s for each in disturbed),
            goal=_GOAL_S,
            measured=measured,
        ),
    ]


def _all(ticks: Collection[_Tick]) -> list[float]:
    return [each_s for tick in ticks for each_s in tick.healthy_s.values()]


def _changed(found: _Deployment, tick: _Tick) -> list[float]:
    return [tick.healthy_s[tenant] for number, tenant in enumerate(found.healthy) if number % _CHANGED_EVERY == 0]


@asynccontextmanager
async def _deployment() -> AsyncIterator[_Deployment]:
    """Yield a deployment whose tenants are connected, were synced once, and are healthy."""
    async with product() as made:
        assert isinstance(made.world.ports.tenants, TableTenantStore)
        tables = made.world.ports.tenants._tables
        connections, sync_states, queue = _Shown(tables), _Watched(tables), HostQueue()
        sync_states.expect(())
        ports = dataclasses.replace(made.world.ports, connections=connections, sync_states=sync_states, queue=queue)
        world = World(ports)
        world.app = App(ports, SETTINGS)
        # tenants are scheduled in the order of their names, so the large one comes first
        enormous = await connect(world, "big", Crowd(_ENORMOUS), _ENORMOUS_LOCATIONS)
        found = _Deployment(world, connections, sync_states, queue, {}, {}, enormous)
        await found.sync(enormous)
        first = await connect(world, "pattern", Crowd(_PEOPLE))
        await found.sync(first)
        sync_states.expect(())
        pattern = await Pattern.of(world, first)
        for number in range(_CUSTOMERS - 1):
            directory = Ailing(_PEOPLE)
            tenant = await connect(world, f"customer-{number:04d}", directory)
            await pattern.store(world, tenant)
            (found.broken if number % _BROKEN_EVERY == 0 else found.healthy)[tenant] = directory
        yield found
