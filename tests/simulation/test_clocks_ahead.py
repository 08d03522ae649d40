"""A worker whose clock is ahead: what it left behind does not wait longer, and it ends no wait that others began."""

import dataclasses

from shared.bootstrap import App
from shared.domain.erasure.erasure import ErasureState
from shared.domain.erasure.person import Identifier
from shared.domain.ids import TenantId
from shared.domain.imports.import_record import ImportState
from shared.domain.preferences.preferences import Mode, Preferences
from shared.domain.run import RunState
from shared.telemetry import RequestCounters
from shared.workflows.imports.claim import Claim
from shared.workflows.tenants.deletion import SETTLED_AFTER
from tests.simulation.importing import imports_world, look, people, settle, start, uploaded
from tests.support.builders import person, user
from tests.support.fakes import FakeClock
from tests.support.world import SETTINGS, World, deliver

_AHEAD_S = 3_600.0


def app_ahead(world: World) -> App:
    """Return the app of a worker whose clock is an hour ahead."""
    clock = FakeClock()
    clock.advance((world.clock.now() - clock.now()).total_seconds() + _AHEAD_S)
    return App(dataclasses.replace(world.ports, clock=clock), SETTINGS)


async def test_a_claim_lapses() -> None:
    """The watchdog's next look sends the import again, and any worker takes it."""
    world = await imports_world()
    content = people(0, 5)
    ref = await uploaded(world, content)
    await start(world, ref, content)
    job = world.queue.messages.pop()
    await Claim.take(world.ports.imports, app_ahead(world).ports.clock, await world.ports.imports.get(ref))
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


async def test_a_deleted_tenant_is_looked_for_again_after_the_whole_wait() -> None:
    """What ran when it was deleted can still write, and its id is not free before."""
    world, fabrikam = World(), TenantId("fabrikam")
    await world.tenant("fabrikam", [user(1)], Preferences(mode=Mode.FULL), {"berlin": []})
    await world.app.tenants.delete(fabrikam)
    for _ in range(2):
        await app_ahead(world).watchdog(RequestCounters())
    assert (await world.ports.tenants.find_deletion(fabrikam)).value is not None
    world.clock.advance(SETTLED_AFTER.total_seconds())
    await app_ahead(world).watchdog(RequestCounters())
    assert (await world.ports.tenants.find_deletion(fabrikam)).value is None


async def test_a_person_is_erased_again_after_the_whole_wait() -> None:
    """What ran at the first erasure can still write."""
    world, contoso = World(), TenantId("contoso")
    await world.tenant("contoso", [user(1)], Preferences(mode=Mode.FULL), {"berlin": []})
    await world.sync("contoso", "first")
    began = await world.app.erase_person.start(contoso, Identifier.OBJECT_ID, person(1), "anna")
    states = []
    for _ in range(2):
        await app_ahead(world).erase_person.complete()
        states.append((await world.app.erase_person.get(contoso, began.erasure.id)).erasure.state)
        world.clock.advance(SETTLED_AFTER.total_seconds())
    assert states == [ErasureState.SETTLING, ErasureState.DONE]
