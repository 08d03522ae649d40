"""Requests of one tenant at the same time: they coalesce, the full one wins, and no run stays in planning."""

import asyncio

import msgspec
import pytest

from shared.bootstrap import App
from shared.domain.ids import TenantId
from shared.domain.preferences.preferences import Mode, Preferences
from shared.domain.retry_policy import CONTENDED, REDELIVERY, ROW_UPDATE
from shared.domain.run import Run, RunMode, RunState
from shared.domain.sync.jobs import Job, SyncRequest
from shared.errors import ETagConflict
from shared.runtime import optimistic_update
from shared.telemetry import RequestCounters
from shared.triggers import queues
from tests.simulation.worlds import full_world
from tests.support.delivery import Message as Delivery
from tests.support.interleaving import interleaving
from tests.support.world import SETTINGS, Crash, World, deliver

CONTOSO = TenantId("contoso")


async def _runs(world: World) -> list[Run]:
    return [run async for run in world.ports.runs.list_runs(CONTOSO)]


async def _watch(world: World, *, after_s: float) -> None:
    """Let time pass, run the watchdog, and work off what it sends."""
    world.clock.advance(after_s)
    await world.app.watchdog(RequestCounters())
    await world.drain()


@pytest.mark.parametrize("full_at", [0, 5, 10])
async def test_eleven_messages_at_once_are_two_runs(monkeypatch: pytest.MonkeyPatch, full_at: int) -> None:
    """No message fails, the waiting ones share one run, and the only full one is not lost."""
    world = await full_world()
    app = App(interleaving(world.ports), SETTINGS)
    monkeypatch.setattr(queues, "app", lambda: app)
    bodies = [
        f'{{"tenant": "contoso", "request": "r{number}", "mode": "{"full" if number == full_at else "incremental"}"}}'
        for number in range(11)
    ]
    messages = [Delivery(body, dequeue_count=REDELIVERY.attempts) for body in bodies]
    await asyncio.gather(*(queues._process(SyncRequest.queue, message) for message in messages))
    world.clock.advance(1)
    await world.drain()
    runs = await _runs(world)
    assert [run.state for run in runs] == [RunState.DONE, RunState.DONE]
    assert RunMode.FULL in {run.mode for run in runs}
    assert [entry async for entry in world.ports.operator_log.list_entries()] == []


async def test_a_request_that_keeps_losing_is_put_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """After its attempts the message is enqueued again, which costs no delivery."""
    world = await full_world()
    monkeypatch.setattr(queues, "app", lambda: world.app)

    async def conflict(*_: object, **__: object) -> str:
        raise ETagConflict("the state changed")

    with monkeypatch.context() as patched:
        patched.setattr(optimistic_update, "ROW_UPDATE", msgspec.structs.replace(ROW_UPDATE, attempts=2))
        patched.setattr(world.ports.sync_states, "replace", conflict)
        body = '{"tenant": "contoso", "mode": "full"}'
        await queues._process(SyncRequest.queue, Delivery(body, dequeue_count=REDELIVERY.attempts))
    assert world.queue.last_delay_s == CONTENDED.first_wait_s
    (message,) = world.queue.messages
    assert isinstance(message, SyncRequest)
    assert (message.request, message.mode) == ("message-1", RunMode.FULL)
    await world.drain()
    assert (await world.newest("contoso")).state is RunState.DONE


async def test_eight_runs_requested_at_once_all_end() -> None:
    """One runs, one waits for its end, the others are combined with the waiting one."""
    world = await full_world()
    app = App(interleaving(world.ports), SETTINGS)
    modes = [RunMode.FULL if number == 3 else RunMode.INCREMENTAL for number in range(8)]
    await asyncio.gather(*(app.request_run(CONTOSO, mode) for mode in modes))
    world.clock.advance(1)
    await world.drain()
    runs = await _runs(world)
    assert sorted(run.state for run in runs) == [*[RunState.DONE] * 2, *[RunState.SUPERSEDED] * 6]
    assert {problem.code for run in runs for problem in run.problems} == {"coalesced"}
    assert RunMode.FULL in {run.mode for run in runs if run.state is RunState.DONE}


async def _finish_active(world: World) -> list[Job]:
    """Work off everything but requests, and return the requests."""
    requests: list[Job] = []
    while world.queue.messages:
        message = world.queue.messages.pop(0)
        if isinstance(message, SyncRequest):
            requests.append(message)
        else:
            await deliver(world.app, message)
    return requests


async def test_a_full_request_that_joins_makes_the_waiting_run_full() -> None:
    """Also if the message of the waiting run, which says incremental, had been sent before."""
    world = await full_world()
    await world.request("contoso", "first")
    await deliver(world.app, world.queue.messages.pop(0))
    waiting = await world.app.request_run(CONTOSO, RunMode.INCREMENTAL)
    (sent,) = await _finish_active(world)
    for request, mode in (("second", RunMode.INCREMENTAL), ("third", RunMode.FULL)):
        await world.request("contoso", request, mode)
        await deliver(world.app, world.queue.messages.pop())
    await _finish_active(world)
    await deliver(world.app, sent)
    await world.drain()
    run = await world.run("contoso", waiting.id)
    assert (run.state, run.mode) == (RunState.DONE, RunMode.FULL)


async def _announced(world: World, mode: RunMode, preferences: Preferences | None = None) -> Run:
    """Return a run, or a preview with these preferences, whose API process dies before it plans."""

    async def dies(*_: object) -> None:
        raise Crash

    request_run = msgspec.structs.replace(world.app.request_run, plan=dies)
    with pytest.raises(Crash):
        await (request_run(CONTOSO, mode) if preferences is None else request_run.preview(CONTOSO, mode, preferences))
    return await world.newest(CONTOSO)


async def test_a_run_whose_message_is_lost_is_started_by_the_watchdog() -> None:
    """The API died before it planned the run: its request is sent once it is overdue, and not before."""
    world = await full_world()
    run = await _announced(world, RunMode.FULL)
    await _watch(world, after_s=60)
    assert (await world.run("contoso", run.id)).state is RunState.PLANNING
    await _watch(world, after_s=SETTINGS.watchdog_stale_after_s)
    done = await world.run("contoso", run.id)
    assert (done.state, done.mode, done.counts.created) == (RunState.DONE, RunMode.FULL, 60)
    await world.app.watchdog(RequestCounters())
    assert world.queue.messages == []


@pytest.mark.parametrize("ahead_s", [0, 3_600], ids=["right clock", "clock ahead"])
async def test_a_run_that_is_announced_and_not_stored_yet_is_not_forgotten(ahead_s: float) -> None:
    """The watchdog looks in between, also one whose clock is an hour ahead; then the API stores the run and dies."""
    world = await full_world()
    store = world.ports.runs.insert

    async def looked_between(run: Run) -> bool:
        await _watch(world, after_s=ahead_s)
        return await store(run)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(world.ports.runs, "insert", looked_between)
        run = await _announced(world, RunMode.FULL)
    await _watch(world, after_s=SETTINGS.watchdog_stale_after_s)
    assert (await world.run("contoso", run.id)).state is RunState.DONE


async def test_a_run_that_was_announced_and_never_stored_is_forgotten() -> None:
    """After the deadline of a run, when no request can still store it."""
    world = await full_world()

    async def dies(_: Run) -> bool:
        raise Crash

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(world.ports.runs, "insert", dies)
        with pytest.raises(Crash):
            await world.app.request_run(CONTOSO, RunMode.FULL)
    await _watch(world, after_s=SETTINGS.run_deadline_s - 60)
    assert (await world.ports.sync_states.get(CONTOSO)).value.is_busy
    await _watch(world, after_s=60)
    assert not (await world.ports.sync_states.get(CONTOSO)).value.is_busy


async def test_a_preview_whose_message_is_lost_ends() -> None:
    """A preview is not started long after it was requested; nothing is written, and others can run."""
    world = await full_world()
    preview = await _announced(world, RunMode.FULL, Preferences(mode=Mode.FULL))
    await _watch(world, after_s=SETTINGS.watchdog_stale_after_s)
    ended = await world.run("contoso", preview.id)
    assert (ended.state, ended.problems[0].code) == (RunState.FAILED, "not_started")
    assert await world.everything("contoso") == {"berlin": [], "munich": []}
    assert not (await world.ports.sync_states.get(CONTOSO)).value.is_busy


async def test_a_run_that_cannot_be_started_ends_at_the_deadline() -> None:
    """It does not stay in planning, whatever becomes of its messages."""
    world = await full_world()
    run = await _announced(world, RunMode.INCREMENTAL)
    for _ in range(8):
        world.queue.messages.clear()
        world.clock.advance(3_600)
        await world.app.watchdog(RequestCounters())
    ended = await world.run("contoso", run.id)
    assert (ended.state, ended.problems[0].code) == (RunState.FAILED, "not_started")
    await world.drain()
    assert (await world.run("contoso", run.id)).state is RunState.FAILED
    assert not (await world.ports.sync_states.get(CONTOSO)).value.is_busy


async def test_a_waiting_run_survives_a_change_of_settings() -> None:
    """It is the run that follows the change, instead of one that stays in planning."""
    world = await full_world()
    await world.request("contoso", "first")
    await deliver(world.app, world.queue.messages.pop(0))
    waiting = await world.app.request_run(CONTOSO, RunMode.FULL)
    world.queue.messages.clear()
    await world.app.restart_on_change.invalidate_running_work(CONTOSO)
    await world.drain()
    assert (await world.run("contoso", waiting.id)).state is RunState.DONE


@pytest.mark.parametrize("was_planned", [True, False])
async def test_a_waiting_run_ends_when_the_directory_is_disconnected(*, was_planned: bool) -> None:
    """Whether it waits, or its API died before it planned it."""
    world = await full_world()
    await world.request("contoso", "first")
    await deliver(world.app, world.queue.messages.pop(0))
    if was_planned:
        waiting = await world.app.request_run(CONTOSO, RunMode.FULL)
    else:
        world.clock.advance(1)
        waiting = await _announced(world, RunMode.FULL)
    await world.app.connect.disconnect(CONTOSO)
    await world.drain()
    await _watch(world, after_s=SETTINGS.watchdog_stale_after_s)
    await _watch(world, after_s=60)
    ended = await world.run("contoso", waiting.id)
    assert (ended.state, ended.problems[0].code) == (RunState.SUPERSEDED, "not_connected")
    assert not (await world.ports.sync_states.get(CONTOSO)).value.is_busy


async def test_a_run_past_its_deadline_ends_when_another_takes_over() -> None:
    """Also if the watchdog has not run since: the tenant is free, and the old run is not forgotten."""
    world = await full_world()
    old = await world.app.request_run(CONTOSO, RunMode.FULL)
    stale = world.queue.messages.copy()
    world.queue.messages.clear()
    world.clock.advance(SETTINGS.run_deadline_s)
    assert (await world.sync("contoso", "second")).state is RunState.DONE
    ended = await world.run("contoso", old.id)
    assert (ended.state, ended.problems[0].code) == (RunState.FAILED, "deadline")
    for message in stale:
        await deliver(world.app, message)
    assert await world.run("contoso", old.id) == ended
