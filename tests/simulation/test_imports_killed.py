"""A large import whose worker dies: at any call, with its message delivered again or lost."""

import contextlib

import pytest

from shared.domain.imports.import_record import ImportRef, ImportState
from shared.domain.imports.row_decisions import ImportMode
from shared.domain.preferences.preferences import Preferences
from shared.errors import Conflict
from shared.telemetry import RequestCounters
from shared.workflows.imports.cleanup import KEEP_FILE
from tests.simulation.importing import imports_world, large, look, people, seen, settle, start, uploaded
from tests.support.world import Crash, Fuse, World, deliver

#: Leaves 130 of 250, changes 20 of them, and adds 110: more than one batch of each.
FILE = people(0, 100) + people(100, 120, "HR").split(b"\n", 1)[1] + people(300, 410).split(b"\n", 1)[1]


async def approved(world: World) -> tuple[ImportRef, str]:
    """Return an import that is held, and what approves it."""
    held = await large(world, FILE, ImportMode.OVERWRITE)
    assert held.state is ImportState.HELD
    assert held.outcome is not None
    return held.ref, held.outcome.held_digest or ""


@pytest.mark.parametrize("after", [False, True], ids=["before the effect", "after the effect"])
@pytest.mark.parametrize("lost", [False, True], ids=["delivered again", "message lost"])
async def test_killed_at_every_call(after: bool, lost: bool) -> None:  # noqa: FBT001 - parameters of the test
    """Whichever call to the outside is a worker's last, the import leads to the same recipients and report."""
    undisturbed = await imports_world()
    expected = await seen(undisturbed, (await large(undisturbed, FILE, ImportMode.OVERWRITE)).ref)
    calls = 0
    while True:
        world = await imports_world()
        ref = await uploaded(world, FILE, ImportMode.OVERWRITE)
        await start(world, ref, FILE)
        fuse = Fuse(calls, after=after)
        await _worked_off(world, fuse, lost=lost)
        assert await seen(world, ref) == expected, f"killed at call {calls}"
        if not fuse.blown:
            break
        calls += 1
    assert calls > 15, "the fuse has been everywhere"


@pytest.mark.parametrize("after", [False, True], ids=["before the effect", "after the effect"])
@pytest.mark.parametrize("lost", [False, True], ids=["delivered again", "message lost"])
async def test_an_approval_survives_that_its_people_are_gone_in_part(after: bool, lost: bool) -> None:  # noqa: FBT001
    """Killed between two batches of deactivations, the rest is still the set that was approved."""
    undisturbed = await imports_world()
    ref, digest = await approved(undisturbed)
    await undisturbed.app.upload_import.start(ref, 0, "", digest)
    await settle(undisturbed)
    expected = await seen(undisturbed, ref)
    assert len(expected["changes"]) == 130
    calls = 0
    while True:
        world = await imports_world()
        ref, digest = await approved(world)
        await world.app.upload_import.start(ref, 0, "", digest)
        fuse = Fuse(calls, after=after)
        await _worked_off(world, fuse, lost=lost)
        assert await seen(world, ref) == expected, f"killed at call {calls}"
        if not fuse.blown:
            break
        calls += 1


@pytest.mark.parametrize("after", [False, True], ids=["before the effect", "after the effect"])
async def test_a_crash_does_not_make_a_loss_look_smaller(after: bool) -> None:  # noqa: FBT001 - a parameter of the test
    """Nobody is in the file and others are: held, also if these were written by a worker that died."""
    calls = 0
    while True:
        world = World()
        await world.tenant("contoso", [], Preferences(), {"berlin": []})
        await large(world, people(0, 5))
        world.clock.advance(60)
        ref = await uploaded(world, people(50, 60), ImportMode.OVERWRITE)
        await start(world, ref, people(50, 60))
        fuse = Fuse(calls, after=after)
        await settle(world, world.fragile(fuse))
        found = await look(world, ref)
        assert found.outcome is not None
        assert (found.state, found.outcome.held) == (ImportState.HELD, 5), f"killed at call {calls}"
        if not fuse.blown:
            break
        calls += 1


@pytest.mark.parametrize("after", [False, True], ids=["before the effect", "after the effect"])
async def test_killed_while_it_is_started(after: bool) -> None:  # noqa: FBT001 - a parameter of the test
    """The request is sent again, or, once it had any effect, the watchdog does the rest."""
    undisturbed = await imports_world()
    expected = await seen(undisturbed, (await large(undisturbed, FILE)).ref)
    calls = 0
    while True:
        world = await imports_world()
        ref = await uploaded(world, FILE)
        fuse = Fuse(calls, after=after)
        world.app, whole = world.fragile(fuse), world.app
        with contextlib.suppress(Crash):
            await start(world, ref, FILE)
        world.app = whole
        if (await look(world, ref)).state is ImportState.UPLOADING:
            await start(world, ref, FILE)
        await _watched(world)
        assert await seen(world, ref) == expected, f"killed at call {calls}"
        if not fuse.blown:
            break
        calls += 1


@pytest.mark.parametrize("after", [False, True], ids=["before the effect", "after the effect"])
async def test_killed_while_an_upload_expires(after: bool) -> None:  # noqa: FBT001 - a parameter of the test
    """It was never started and has no run. Its file is erased nevertheless, and the next import need not wait."""
    calls = 0
    while True:
        world = await imports_world()
        ref = await uploaded(world, FILE)
        world.clock.advance(KEEP_FILE.total_seconds())
        fuse = Fuse(calls, after=after)
        with contextlib.suppress(Crash):
            await world.fragile(fuse).watchdog(RequestCounters())
        if (await look(world, ref)).state is ImportState.WORKING:
            with pytest.raises(Conflict) as refused:
                await start(world, ref, FILE)
            assert refused.value.code == "import_ended"
        await _watched(world)
        assert (await look(world, ref)).state is ImportState.FAILED, f"killed at call {calls}"
        assert not await world.ports.imports.list_part_sizes(ref)
        assert (await large(world, people(0, 5))).state is ImportState.DONE
        if not fuse.blown:
            break
        calls += 1
    assert calls > 3, "the fuse has been everywhere"


async def _worked_off(world: World, fuse: Fuse, *, lost: bool) -> None:
    app = world.fragile(fuse)
    if not lost:
        await settle(world, app)
        return
    with contextlib.suppress(Crash):
        while world.queue.messages:
            await deliver(app, world.queue.messages.pop(0))
    await _watched(world)


async def _watched(world: World) -> None:
    """Let the watchdog look every quarter of an hour."""
    for _ in range(4):
        world.clock.advance(1_000)
        await world.app.watchdog(RequestCounters())
        await settle(world)
