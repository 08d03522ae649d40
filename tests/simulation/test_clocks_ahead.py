"""A worker whose clock was ahead has died: what it left behind does not wait for as long as its clock was wrong."""

from shared.domain.imports.import_record import ImportState
from shared.domain.preferences.preferences import Mode, Preferences
from shared.domain.run import RunState
from shared.telemetry import RequestCounters
from shared.workflows.imports.claim import Claim
from tests.simulation.importing import imports_world, look, people, settle, start, uploaded
from tests.support.builders import user
from tests.support.fakes import FakeClock
from tests.support.world import SETTINGS, World, deliver

_AHEAD_S = 3_600.0


async def test_a_claim_lapses() -> None:
    """The watchdog's next look sends the import again, and any worker takes it."""
    world = await imports_world()
    content = people(0, 5)
    ref = await uploaded(world, content)
    await start(world, ref, content)
    job = world.queue.messages.pop()
    ahead = FakeClock()
    ahead.advance((world.clock.now() - ahead.now()).total_seconds() + _AHEAD_S)
    await Claim.take(world.ports.imports, ahead, await world.ports.imports.get(ref))
    await world.app.watchdog(RequestCounters())
    assert world.queue.messages == [job]
    await settle(world)
    assert (await look(world, ref)).state is ImportState.DONE


async def test_a_lost_job_is_sent_again() -> None:
    """The run was planned in the future, as it seems, and its message was lost."""
    world = World()
    await world.tenant("contoso", [user(1)], Preferences(mode=Mode.FULL), {"berlin": []})
    world.clock.advance(_AHEAD_S)
    await world.request("contoso", "first")
    await deliver(world.app, world.queue.messages.pop())
    world.queue.messages.clear()
    world.clock.advance(SETTINGS.watchdog_stale_after_s - _AHEAD_S)
    for _ in range(2):  # the first look notes what there is
        await world.app.watchdog(RequestCounters())
        world.clock.advance(SETTINGS.watchdog_stale_after_s)
    await world.drain()
    assert (await world.newest("contoso")).state is RunState.DONE
