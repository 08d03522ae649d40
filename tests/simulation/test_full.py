"""The run of the day that reads and compares everything, whatever was stored."""

from datetime import UTC, datetime

import msgspec

from shared.domain.ids import LocationId, TenantId
from shared.domain.recipient import Status
from shared.domain.reconcile.absence import EVERYONE
from shared.domain.reconcile.fence import JournalEntry
from shared.domain.run import Run, RunMode, RunState
from shared.domain.versioned import Versioned
from shared.errors import NeedsAttention
from tests.simulation.worlds import full_world
from tests.support.world import World

TENANT, BERLIN = TenantId("contoso"), LocationId("berlin")
TICK = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)


async def scheduled(world: World, hours: float) -> Run:
    """Return the run of a tick so many hours later."""
    world.clock.advance(hours * 3600)
    await world.app.schedule(world.clock.now())
    await world.drain()
    return await world.newest("contoso")


async def test_one_scheduled_run_a_day_reads_everything() -> None:
    """The first one, and the first after a day; a run by hand in between is what it was asked to be."""
    world = await full_world()
    assert (await scheduled(world, 1)).mode is RunMode.FULL
    assert (await scheduled(world, 1)).mode is RunMode.INCREMENTAL
    assert (await world.sync("contoso", "by hand")).mode is RunMode.INCREMENTAL
    assert (await scheduled(world, 22.5)).mode is RunMode.INCREMENTAL
    assert (await scheduled(world, 0.5)).mode is RunMode.FULL
    assert (await scheduled(world, 0.5)).mode is RunMode.INCREMENTAL


async def test_a_full_run_by_hand_counts() -> None:
    """The day begins with it."""
    world = await full_world()
    await world.sync("contoso", "by hand", RunMode.FULL)
    assert (await scheduled(world, 23)).mode is RunMode.INCREMENTAL
    assert (await scheduled(world, 1)).mode is RunMode.FULL


async def test_a_run_that_could_read_nothing_does_not_count() -> None:
    """The next one reads everything; nor does a preview count."""
    world = await full_world()
    await world.app.request_run.preview(TENANT, RunMode.FULL, None)
    await world.drain()
    world.directory().broken[EVERYONE] = (0, NeedsAttention("no", code="Authorization_RequestDenied"))
    failed = await scheduled(world, 1)
    assert (failed.mode, failed.state) == (RunMode.FULL, RunState.FAILED)
    again = await scheduled(world, 8)
    assert (again.mode, again.state) == (RunMode.FULL, RunState.DONE)


async def test_it_mends_what_no_change_of_the_directory_would() -> None:
    """Rows that were lost behind the product's back are there again, although nothing it depends on has changed."""
    world = await full_world()
    await world.sync("contoso", "first")
    store = world.ports.recipients
    fence = await store.get_fence(TENANT, BERLIN)
    victim = (await world.recipients("contoso", "berlin"))[0]
    damaged = msgspec.structs.replace(victim, status=Status.DEACTIVATED_BY_SYNC)
    entry = JournalEntry(run=(await world.newest("contoso")).id, actor="nobody", at=TICK, changes=())
    kept = msgspec.structs.replace(fence.value, operation=fence.value.operation + 1)
    await store.write(TENANT, BERLIN, [damaged], entry, Versioned(kept, fence.etag))
    unchanged = await world.sync("contoso", "second")
    assert unchanged.counts.reactivated == 0
    mended = await world.sync("contoso", "third", RunMode.FULL)
    assert mended.counts.reactivated == 1
