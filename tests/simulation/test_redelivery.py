"""Delivered twice, killed anywhere: the recipients are the same."""

import contextlib

import pytest

from shared.domain.ids import TenantId
from shared.domain.preferences.preferences import Mode, Preferences
from shared.domain.recipient import Recipient
from shared.domain.run import Run, RunMode, RunState
from shared.telemetry import RequestCounters
from tests.support.builders import person, user
from tests.support.world import SETTINGS, Crash, Fuse, World, drain_with_retries

CONTOSO = TenantId("contoso")
PEOPLE = [user(number) for number in range(30)]
FULL = Preferences(mode=Mode.FULL)


async def prepared(*, leaver: bool = True, requested: bool = True) -> World:
    """Return a world after its first sync, in which a join, a change and perhaps a leave wait for the second."""
    world = World()
    directory = await world.tenant("contoso", PEOPLE, FULL, {"berlin": [], "munich": []})
    await world.sync("contoso", "first")
    directory.put(user(30), user(1, display_name="New Name"))
    if leaver:
        directory.remove(person(3))
    world.clock.advance(60)
    if requested:
        await world.request("contoso", "second")
    return world


async def expected(*, leaver: bool = True) -> tuple[dict[str, list[Recipient]], Run]:
    """Return what an undisturbed second sync leaves."""
    world = await prepared(leaver=leaver)
    await world.drain()
    return await world.everything("contoso"), await world.newest("contoso")


def same_result(run: Run, other: Run) -> bool:
    """Tell whether two runs report the same."""
    return (run.state, run.counts, run.locations) == (other.state, other.counts, other.locations)


@pytest.mark.parametrize("times", [2, 3])
async def test_every_message_several_times(times: int) -> None:
    """Idempotence: same recipients, same counts, one run per request."""
    recipients, undisturbed = await expected()
    world = await prepared()
    await world.drain(times=times)
    assert await world.everything("contoso") == recipients
    run = await world.newest("contoso")
    assert same_result(run, undisturbed)


async def test_a_request_delivered_again_after_its_run_starts_no_other() -> None:
    """A late duplicate of the request is recognised."""
    world = await prepared()
    message = world.queue.messages[0]
    await world.drain()
    finished = await world.newest("contoso")
    world.queue.messages.append(message)
    await world.drain()
    assert await world.newest("contoso") == finished


@pytest.mark.parametrize("leaver", [False, True], ids=["nobody left", "somebody left"])
@pytest.mark.parametrize("after", [False, True], ids=["before the effect", "after the effect"])
async def test_killed_at_every_call_and_delivered_again(after: bool, leaver: bool) -> None:  # noqa: FBT001 - parameters
    """Whichever call to the outside is the last of a worker, redelivery leads to the same recipients and report."""
    recipients, undisturbed = await expected(leaver=leaver)
    calls = 0
    while True:
        world = await prepared(leaver=leaver)
        fuse = Fuse(calls, after=after)
        await drain_with_retries(world, world.fragile(fuse))
        assert await world.everything("contoso") == recipients, f"killed at call {calls}"
        assert same_result(await world.newest("contoso"), undisturbed), f"killed at call {calls}"
        if not fuse.blown:
            break
        calls += 1
    assert calls > 50, "the fuse has been everywhere"


@pytest.mark.parametrize("after", [False, True], ids=["before the effect", "after the effect"])
async def test_killed_at_every_call_with_the_message_lost(after: bool) -> None:  # noqa: FBT001 - a parameter of the test
    """Even if the message of the killed worker never comes back, the watchdog brings the run to its end."""
    recipients, _ = await expected()
    calls = 0
    while True:
        world = await prepared()
        fuse = Fuse(calls, after=after)
        app = world.fragile(fuse)
        while world.queue.messages:
            with contextlib.suppress(Crash):
                await world.drain(app)
        for _ in range(8):
            world.clock.advance(1_000)
            await world.app.watchdog(RequestCounters())
            await world.drain()
        state = (await world.ports.sync_states.get(TenantId("contoso"))).value
        if state.active_run is None and await world.everything("contoso") != recipients:
            # the request itself died before it had taken the tenant: the next one does the work
            await world.sync("contoso", "third")
        assert await world.everything("contoso") == recipients, f"killed at call {calls}"
        assert (await world.newest("contoso")).state is RunState.DONE, f"killed at call {calls}"
        if not fuse.blown:
            break
        calls += 1


@pytest.mark.parametrize("after", [False, True], ids=["before the effect", "after the effect"])
async def test_a_click_killed_at_every_call(after: bool) -> None:  # noqa: FBT001 - a parameter of the test
    """Once the run is announced, the watchdog brings it to its end, in its mode; before, the next click does."""
    recipients, undisturbed = await expected()
    calls = 0
    while True:
        world = await prepared(requested=False)
        fuse = Fuse(calls, after=after)
        with contextlib.suppress(Crash):
            await world.fragile(fuse).request_run(CONTOSO, RunMode.FULL, "anna")
        for _ in range(4):
            world.clock.advance(1_000)
            await world.app.watchdog(RequestCounters())
            await world.drain()
        run = await world.newest("contoso")
        if run.requested_by != "anna":
            assert fuse.blown
            await world.app.request_run(CONTOSO, RunMode.FULL, "anna")
            await world.drain()
            run = await world.newest("contoso")
        assert (run.mode, run.requested_by) == (RunMode.FULL, "anna"), f"killed at call {calls}"
        assert same_result(run, undisturbed), f"killed at call {calls}"
        assert await world.everything("contoso") == recipients, f"killed at call {calls}"
        assert [run.state async for run in world.ports.runs.list_runs(CONTOSO)] == [RunState.DONE] * 2
        world.clock.advance(SETTINGS.run_deadline_s)
        await world.app.watchdog(RequestCounters())
        assert not (await world.ports.sync_states.get(CONTOSO)).value.is_busy
        if not fuse.blown:
            break
        calls += 1
    assert calls > 10, "the fuse has been everywhere"


@pytest.mark.parametrize("after", [False, True], ids=["before the effect", "after the effect"])
async def test_a_crash_does_not_make_a_loss_look_smaller(after: bool) -> None:  # noqa: FBT001 - a parameter of the test
    """Everybody left and others came: held, also if the newcomers were written by a worker that died."""
    calls = 0
    while True:
        world = World()
        directory = await world.tenant("contoso", PEOPLE[:5], FULL, {"berlin": []})
        await world.sync("contoso", "first")
        directory.remove(*(each.id for each in PEOPLE[:5]))
        directory.put(*(user(number) for number in range(50, 60)))
        world.clock.advance(60)
        await world.request("contoso", "second")
        fuse = Fuse(calls, after=after)
        await drain_with_retries(world, world.fragile(fuse))
        run = await world.newest("contoso")
        assert (run.state, run.counts.created, run.counts.deactivated) == (RunState.HELD, 10, 0), f"at call {calls}"
        if not fuse.blown:
            break
        calls += 1
