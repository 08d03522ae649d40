"""The guard's windows: small losses add up over syncs and imports, unless a person has decided on them."""

from io import BytesIO

import msgspec

from shared.domain.ids import LocationId, TenantId
from shared.domain.imports.row_decisions import ImportMode
from shared.domain.preferences.preferences import Mode, Preferences
from shared.domain.run import Run, RunState
from shared.workflows.imports.import_in_request import ImportReport
from shared.workflows.recipients.recent_losses import Recent
from tests.support.builders import person, user
from tests.support.world import World

CONTOSO, DESK = TenantId("contoso"), LocationId("desk")
PEOPLE = range(200)


async def _world(directory: range = range(0)) -> World:
    world = World()
    users = [user(number) for number in directory]
    await world.tenant("contoso", users, Preferences(mode=Mode.FULL), {"desk": []})
    if users:
        await world.sync("contoso", "first")
    return world


async def _overwrite(world: World, *kept: range, approved: str = "") -> ImportReport:
    """Overwrite the location with a file of these people, an hour after the last one."""
    world.clock.advance(3_600)
    rows = [f"csv{number}@example.com" for numbers in kept for number in numbers]
    file = BytesIO(("mail\n" + "\n".join(rows)).encode())
    return await world.app.import_csv(CONTOSO, DESK, file, ImportMode.OVERWRITE, approved, "api")


async def _active(world: World) -> int:
    return sum(recipient.status.value == "active" for recipient in await world.recipients("contoso", "desk"))


async def _recent(world: World) -> Recent:
    return (await world.app.recent_losses.count(CONTOSO, [DESK], None))[DESK]


async def test_nine_overwriting_files_are_held() -> None:
    """Each lacks 19 of 200 people, which is allowed once; together they exceed the limit."""
    world = await _world()
    await _overwrite(world, PEOPLE)
    held = [(await _overwrite(world, range(19 * number, 200))).held for number in range(1, 10)]
    assert held[0] == 0
    assert all(held[1:])
    assert await _active(world) == 181


async def test_days_and_weeks_pass() -> None:
    """A loss counts for a day, and for a week."""
    world = await _world()
    await _overwrite(world, PEOPLE)
    await _overwrite(world, range(19, 200))
    assert await _recent(world) == Recent(19, 19)
    world.clock.advance(86_401)
    assert await _recent(world) == Recent(0, 19)
    assert (await _overwrite(world, range(38, 200))).held == 19
    world.clock.advance(6 * 86_400)
    assert await _recent(world) == Recent(0, 0)
    assert (await _overwrite(world, range(38, 200))).held == 0


async def test_an_approved_set_does_not_count() -> None:
    """A person has decided on it; what follows is measured without it."""
    world = await _world()
    await _overwrite(world, PEOPLE)
    await _overwrite(world, range(19, 200))
    held = await _overwrite(world, range(38, 200))
    approved = await _overwrite(world, range(38, 200), approved=held.held_digest or "")
    assert (approved.held, approved.counts.deactivated) == (0, 19)
    assert approved.run is not None
    assert approved.run.decision is not None
    assert await _recent(world) == Recent(19, 19)


async def test_a_reactivation_takes_one_off() -> None:
    """People who have returned are not lost."""
    world = await _world()
    await _overwrite(world, PEOPLE)
    await _overwrite(world, range(19, 200))
    await _overwrite(world, range(5), range(19, 200))
    assert await _recent(world) == Recent(14, 14)
    await _overwrite(world, PEOPLE)
    assert await _recent(world) == Recent(0, 0)
    assert (await _overwrite(world, range(19, 200))).held == 0


async def test_edits_and_undo_do_not_count() -> None:
    """One by one, and what is reverted, is what a person wants; reverting a loss takes it off."""
    world = await _world()
    await _overwrite(world, PEOPLE)
    lost = await _overwrite(world, range(19, 200))
    world.clock.advance(60)
    edited = next(found for found in await world.recipients("contoso", "desk") if found.status.value == "active")
    for active in (False, True):
        world.clock.advance(1)  # runs of one millisecond have no order
        await world.app.edit_recipient(CONTOSO, DESK, edited.id, {}, active, "api")
        assert await _recent(world) == Recent(19, 19)
    assert lost.run is not None
    world.clock.advance(60)
    await world.app.undo(CONTOSO, lost.run.id, "api")
    assert await _recent(world) == Recent(0, 0)
    grown = await _overwrite(world, PEOPLE, range(200, 230))
    assert grown.run is not None
    world.clock.advance(60)
    await world.app.undo(CONTOSO, grown.run.id, "api")
    assert await _recent(world) == Recent(0, 0)


async def test_syncs_and_imports_add_up() -> None:
    """A sync is held because of what an import has taken away."""
    world = await _world(range(200))
    await _overwrite(world, PEOPLE)
    await _overwrite(world, range(15, 200))
    world.directory().remove(*(person(number) for number in range(15)))
    world.clock.advance(3_600)
    run = await world.sync("contoso", "second")
    assert run.state is RunState.HELD
    assert "after 15 in the last 24 hours" in run.problems[0].detail


async def test_superseded_runs_count() -> None:
    """They have no report, but their journal says what they did."""
    world = await _world(range(200))
    world.directory().remove(*(person(number) for number in range(15)))
    world.clock.advance(3_600)
    run = await world.sync("contoso", "second")
    assert run.counts.deactivated == 15
    stored = await world.ports.runs.get(CONTOSO, run.id)
    await world.ports.runs.replace(_superseded(stored.value), stored.etag)
    assert await _recent(world) == Recent(15, 15)
    assert (await _overwrite(world, PEOPLE)).held == 0
    assert (await _overwrite(world, range(10, 200))).held == 10


def _superseded(run: Run) -> Run:
    return msgspec.structs.replace(run, state=RunState.SUPERSEDED, locations={}, problems=())
