"""2,000 tenants on one tick of the schedule, with every tenth directory broken and one very large tenant.

Each scale group has one worker process; `tests.bench.host` imitates the host and the queues, and the Table service is
another process. A tenant has 60 people at one location. Nothing has changed, except one person in every fiftieth
healthy tenant. The 200 broken directories fail in five ways, evenly. The large tenant has 100,000 people at ten
locations, and its daily full run is due on this tick: it lists and compares everything. Directories respond without
delay.

The benchmark measures the time from the tick until a healthy tenant is free again. It alternates between ticks with all
tenants and ticks without the large and the broken ones. There are two rounds: a tick takes most of a minute, and each
provides the times of 1,800 tenants. The large tenant is scheduled first. After a tick the workers die, the health of
the broken tenants is reset, and the full run of the large one is due again. So every measured tick starts runs for all
of them; on a later tick, most broken tenants would be skipped.
"""

from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from statistics import median, quantiles
from time import perf_counter
from typing import Final

import msgspec

from shared.domain.ids import TenantId
from shared.domain.run import RunState
from tests.bench.ailing import Ailing, Ailment
from tests.bench.crowd import Crowd
from tests.bench.customers import Pattern, connect, forget_run
from tests.bench.hosted import Hosted, hosted
from tests.bench.results import Result

_CUSTOMERS: Final = 2_000
_PEOPLE: Final = 60
_BROKEN_EVERY: Final = 10
_CHANGED_EVERY: Final = 50
_ENORMOUS: Final = 100_000
_ENORMOUS_LOCATIONS: Final = 10
_ROUNDS: Final = 2
_GOAL: Final = 1.5
_GOAL_S: Final = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Tick:
    """Times of a tick in seconds. `healthy_s` is the time from the tick to the end of each healthy tenant."""

    schedule_s: float
    #: CPU of each worker process, by scale group, and of the stand-ins.
    cpu_s: Mapping[str, float]
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
    hosted: Hosted
    healthy: dict[TenantId, Ailing]
    broken: dict[TenantId, Ailing]
    enormous: TenantId
    ticks: int = 0

    async def tick(self, others: Collection[TenantId]) -> _Tick:
        """Schedule the healthy tenants and these others. Return when the healthy ones are done."""
        hosted, host = self.hosted, self.hosted.host
        self.ticks += 1
        for number, directory in enumerate(self.healthy.values()):
            if number % _CHANGED_EVERY == 0:
                directory.change([number % _PEOPLE], f"Department of tick {self.ticks}")
        hosted.shown = {*self.healthy, *others}
        before = {name: lane.invocations for name, lane in host.lanes.items()}
        async with host.running():
            hosted.expect(self.healthy)
            began_s, began_cpu_s = perf_counter(), await host.cpu_s()
            asked = await hosted.schedule(datetime.now(UTC) + timedelta(hours=self.ticks))
            schedule_s = perf_counter() - began_s
            assert asked == len(hosted.shown), asked
            await hosted.all_free()
            cpu_s = {group: time_s - began_cpu_s.get(group, 0) for group, time_s in (await host.cpu_s()).items()}
            invoked = {name: lane.invocations - before[name] for name, lane in host.lanes.items()}
        assert set(hosted.ended.values()) == {RunState.DONE}
        healthy_s = {tenant: at_s - began_s for tenant, at_s in hosted.free_at_s.items()}
        return _Tick(schedule_s=schedule_s, cpu_s=cpu_s, healthy_s=healthy_s, invocations=invoked)

    async def disturbed(self) -> _Tick:
        """Return the times of a tick with all tenants, and restore the state of the broken and the large ones."""
        world, before = self.hosted.world, {}
        for number, (tenant, directory) in enumerate(self.broken.items()):
            directory.ailment = list(Ailment)[number % len(Ailment)]
            before[tenant] = (await world.ports.sync_states.get(tenant)).value
        state, etag = await world.ports.sync_states.get(self.enormous)
        before[self.enormous] = msgspec.structs.replace(state, full_at=None)
        await world.ports.sync_states.replace(self.enormous, before[self.enormous], etag)
        tick = await self.tick(before)
        for tenant, known in before.items():
            await forget_run(world, tenant, known)
        return tick


async def measure() -> list[Result]:
    """Return the ratio of the medians, and the duration of the tick."""
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
        **{
            f"{group}_cpu_s": [tick.cpu_s.get(group, 0.0) for tick in (*calm, *disturbed)]
            for group in disturbed[0].cpu_s
        },
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
    async with hosted() as made:
        world = made.world
        crowd = Crowd(_ENORMOUS)
        crowd.prepare()  # elsewhere a directory is not generated by the host
        async with made.host.running():
            # tenants are scheduled in the order of their names, so the large one comes first
            enormous = await connect(world, "big", crowd, _ENORMOUS_LOCATIONS)
            await made.sync(enormous)
            first = await connect(world, "pattern", Crowd(_PEOPLE))
            await made.sync(first)
            await made.host.channel("schedule")
        pattern = await Pattern.of(world, first)
        found = _Deployment(made, {}, {}, enormous)
        for number in range(_CUSTOMERS - 1):
            directory = Ailing(_PEOPLE)
            tenant = await connect(world, f"customer-{number:04d}", directory)
            await pattern.store(world, tenant)
            (found.broken if number % _BROKEN_EVERY == 0 else found.healthy)[tenant] = directory
        yield found
