"""Every run ends, and the history says what the journals say, also when workers die."""

import asyncio
import contextlib
import dataclasses
import io
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import msgspec
import pytest

from shared.bootstrap import App
from shared.domain.ids import LocationId, RunId, TenantId
from shared.domain.imports.row_decisions import ImportMode
from shared.domain.preferences.preferences import GuardLimits, Mode, Preferences
from shared.domain.recipient import Change, ChangeKind, Counts, Reason, Recipient, Status
from shared.domain.reconcile.write import Write
from shared.domain.run import Run, RunKind, RunState
from shared.domain.sync.jobs import DeactivateJob, ReconcileJob
from shared.domain.sync.queue_messages import encode
from shared.errors import Contended, ETagConflict, Superseded, SyncError
from shared.telemetry import RequestCounters
from shared.workflows.recipients.fenced_writer import FencedWriter
from tests.simulation.engine.requests import upload
from tests.simulation.importing import Interrupting
from tests.support.builders import person, user
from tests.support.fakes import FakeRecipientStore, FakeSyncStateStore
from tests.support.world import SETTINGS, Crash, Fuse, World, deliver

CONTOSO, BERLIN, MUNICH = TenantId("contoso"), LocationId("berlin"), LocationId("munich")
GUARD = GuardLimits(max_share=1, max_people=1_000, small_max_share=1)
FULL = Preferences(mode=Mode.FULL, guard=GUARD)
FILE = b"mail,department\n" + b"".join(b"csv%d@example.com,IT\n" % number for number in range(250))


async def _world() -> World:
    world = World()
    await world.tenant(CONTOSO, [user(number) for number in range(10)], FULL, {"berlin": [], "munich": []})
    await world.sync(CONTOSO, "first")
    world.clock.advance(60)
    return world


async def _require_history(world: World) -> list[Run]:
    """Verify that no run is open, and that counts are those of the journals. Return the runs, newest first."""
    recipients, states = world.ports.recipients, world.ports.sync_states
    assert isinstance(recipients, FakeRecipientStore)
    assert isinstance(states, FakeSyncStateStore)
    runs = [run async for run in world.ports.runs.list_runs(CONTOSO)]
    journals = {entry.run for entries in recipients._journal.values() for _, entry in entries}
    assert journals <= {run.id for run in runs}
    for run in runs:
        assert run.state.ended, run
        for location in (BERLIN, MUNICH):
            report = run.locations.get(location)
            written = await recipients.get_journal_counts(CONTOSO, location, run.id)
            assert (report.counts if report else Counts()) == written, run
        assert run.counts == sum((report.counts for report in run.locations.values()), Counts())
    assert states.rows.manual.keys() == []
    return runs


async def _watched(world: World) -> None:
    for _ in range(2):
        world.clock.advance(1_000)
        await world.app.watchdog(RequestCounters())
        await world.drain()


def _left(recipient: Recipient) -> Write:
    """Return the write that deactivates a recipient."""
    gone = msgspec.structs.replace(recipient, status=Status.DEACTIVATED_BY_SYNC)
    change = Change(
        kind=ChangeKind.DEACTIVATED,
        reason=Reason.ACCOUNT_DELETED,
        recipient=recipient.id,
        object_id=recipient.object_id,
        before=recipient,
    )
    return Write(recipient=gone, change=change)


async def _half_written(world: World) -> tuple[Run, FencedWriter]:
    """Let a run update one location and a part of the other. Return it with the writer of that part."""
    world.directory().put(*(user(number, department="HR") for number in range(10)))
    await world.request(CONTOSO, "second")
    for _ in range(3):
        await deliver(world.app, world.queue.messages.pop(0))
    run = await world.newest(CONTOSO)
    assert run.state is RunState.RECONCILING
    (job,) = [message for message in world.queue.messages if isinstance(message, ReconcileJob)]
    world.queue.messages.clear()
    plan = await world.ports.runs.get_plan(CONTOSO, run.id)
    writer = await FencedWriter.acquire(
        world.ports.recipients, CONTOSO, job.location, fencing_token=plan.fencing_token, attempt="half"
    )
    stored = await world.recipients(CONTOSO, job.location)
    await writer.write([_left(stored[0])], run=run.id, actor="sync", at=world.clock.now())
    return run, writer


async def change_settings(world: World) -> RunState:
    """Change the preferences."""
    await world.app.preferences.put(CONTOSO, msgspec.structs.replace(FULL, include_guests=False))
    return RunState.SUPERSEDED


async def pass_deadline(world: World) -> RunState:
    """Let the deadline pass, and the watchdog look."""
    world.clock.advance(SETTINGS.run_deadline_s)
    await world.app.watchdog(RequestCounters())
    return RunState.FAILED


async def take_over(world: World) -> RunState:
    """Let the deadline pass, and another run begin."""
    world.clock.advance(SETTINGS.run_deadline_s)
    await world.request(CONTOSO, "third")
    await deliver(world.app, world.queue.messages.pop())
    return RunState.FAILED


@pytest.mark.parametrize("end", [change_settings, pass_deadline, take_over])
async def test_a_run_that_ends_early_is_in_the_history(end: Callable[[World], Awaitable[RunState]]) -> None:
    """With its changes at every location. Its worker can add nothing, the guard counts them, and undo reverts them."""
    world = await _world()
    before = await world.everything(CONTOSO)
    run, writer = await _half_written(world)
    state = await end(world)
    late = _left((await world.recipients(CONTOSO, "berlin"))[1])
    with pytest.raises(Superseded):
        await writer.write([late], run=run.id, actor="sync", at=world.clock.now())
    ended = await world.run(CONTOSO, run.id)
    assert (ended.state, ended.counts.updated, ended.counts.deactivated) == (state, 10, 1)
    recent = await world.app.recent_losses.count(CONTOSO, [BERLIN, MUNICH], None)
    assert sum(losses.week for losses in recent.values()) == 1
    if (await world.ports.sync_states.get(CONTOSO)).value.active_run is None:
        world.clock.advance(1)
        await world.app.undo(CONTOSO, run.id, "anna")
        assert await world.everything(CONTOSO) == before
    await _watched(world)
    await _require_history(world)


async def edit(app: App) -> None:
    """Change a recipient."""
    recipient = await anext(app.ports.recipients.list_recipients(CONTOSO, BERLIN))
    await app.edit_recipient(CONTOSO, BERLIN, recipient.id, {"department": "Research"}, active=None, by="anna")


async def import_file(app: App) -> None:
    """Import a file of several batches."""
    await app.import_csv(CONTOSO, BERLIN, io.BytesIO(FILE), ImportMode.MERGE, "", "anna")


async def undo(app: App) -> None:
    """Undo the oldest sync."""
    runs = [run async for run in app.ports.runs.list_runs(CONTOSO) if run.kind is RunKind.SYNC]
    await app.undo(CONTOSO, runs[-1].id, "anna")


@pytest.mark.parametrize("after", [False, True], ids=["before the effect", "after the effect"])
@pytest.mark.parametrize("change", [edit, import_file, undo])
async def test_a_manual_change_killed_at_every_call(
    change: Callable[[App], Awaitable[None]],
    after: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    """What was written is in the history; nothing else is; the same request can be sent again."""
    calls = 0
    while True:
        world = await _world()
        fuse = Fuse(calls, after=after)
        with contextlib.suppress(Crash):
            await change(world.fragile(fuse))
        await _watched(world)
        for run in await _require_history(world):
            assert run.counts != Counts(), f"killed at call {calls}"
        await change(world.app)
        await _require_history(world)
        if not fuse.blown:
            break
        calls += 1
    assert calls > 10, "the fuse has been everywhere"


@pytest.mark.parametrize("change", [edit, import_file, undo])
@pytest.mark.parametrize("method", ["get_fence", "write"])
async def test_a_worker_that_was_given_up_writes_nothing(change: Callable[[App], Awaitable[None]], method: str) -> None:
    """It stops for longer than the watchdog waits, before it takes the fence or before it writes."""
    world = await _world()
    before = await world.everything(CONTOSO)

    async def give_up() -> None:
        world.clock.advance(1_000)
        await world.app.watchdog(RequestCounters())

    stalled = Interrupting(world.ports.recipients, method, 1, give_up)
    app = App(dataclasses.replace(world.ports, recipients=stalled), SETTINGS)
    with pytest.raises(SyncError):
        await change(app)
    assert await world.everything(CONTOSO) == before
    await _watched(world)
    assert [run.kind for run in await _require_history(world)] == [RunKind.SYNC]


@pytest.mark.parametrize("change", [edit, import_file, undo])
async def test_a_worker_that_goes_on_while_it_is_given_up_writes_nothing(
    change: Callable[[App], Coroutine[Any, Any, None]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The watchdog has taken the fence from it, and counted what it wrote; then it takes the fence back."""
    world = await _world()
    before, stop = await world.everything(CONTOSO), _Stop()
    worker = asyncio.create_task(change(stop.app(world)))
    stop.end_when_counted(world, worker, monkeypatch)
    await stop.reached.wait()
    world.clock.advance(1_000)
    await world.app.watchdog(RequestCounters())
    assert stop.counted.is_set()
    with pytest.raises(SyncError):
        await worker
    assert await world.everything(CONTOSO) == before
    await _watched(world)
    assert [run.kind for run in await _require_history(world)] == [RunKind.SYNC]


async def test_an_import_that_goes_on_while_it_is_given_up_writes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """An earlier delivery of its message was given up; the worker of a later one takes the fence back."""
    world = await _world()
    before, stop = await world.everything(CONTOSO), _Stop()
    await upload(world.app, CONTOSO, BERLIN, ImportMode.MERGE, (FILE,))
    (job,) = world.queue.messages
    world.queue.messages.clear()
    worker = asyncio.create_task(deliver(stop.app(world), job))
    stop.end_when_counted(world, worker, monkeypatch)
    await stop.reached.wait()
    with pytest.raises(ETagConflict):  # the worker has ended the import
        await world.app.dead_letters.record(job.queue, "message", encode(job), RequestCounters())
    assert stop.counted.is_set()
    await worker
    assert await world.everything(CONTOSO) == before
    await _watched(world)
    runs = await _require_history(world)
    assert (runs[0].kind, runs[0].state, runs[0].problems[0].code) == (RunKind.IMPORT, RunState.FAILED, "poison")


class _Stop:
    """A worker stops before it takes a fence, until another has counted what it wrote."""

    def __init__(self) -> None:
        self.reached, self.counted = asyncio.Event(), asyncio.Event()

    def app(self, world: World) -> App:
        """Return the worker's app."""

        async def stop() -> None:
            self.reached.set()
            await self.counted.wait()

        recipients = Interrupting(world.ports.recipients, "get_fence", 1, stop)
        return App(dataclasses.replace(world.ports, recipients=recipients), SETTINGS)

    def end_when_counted(self, world: World, worker: "asyncio.Task[None]", monkeypatch: pytest.MonkeyPatch) -> None:
        """Let the worker end between the other's count and what the other does next."""
        count = world.ports.recipients.get_journal_counts

        async def counting(tenant: TenantId, location: LocationId, run: RunId) -> Counts:
            counts = await count(tenant, location, run)
            if asyncio.current_task() is not worker:
                self.counted.set()
                await asyncio.wait([worker])
            return counts

        monkeypatch.setattr(world.ports.recipients, "get_journal_counts", counting)


async def _not_yet(_: ReconcileJob) -> bool:
    """Return what a job was told before the result was recorded."""
    return False


async def test_a_comparison_that_is_given_up_reports_what_it_wrote() -> None:
    """Its deliveries failed, the first of them after it had written. One that still runs, or begins, writes nothing."""
    world = await _world()
    run, writer = await _half_written(world)
    (location,) = {BERLIN, MUNICH} - set(await world.ports.runs.list_reconciled(CONTOSO, run.id))
    job = ReconcileJob(tenant=CONTOSO, run=run.id, location=location)
    await world.app.dead_letters.record(job.queue, "message", encode(job), RequestCounters())
    late = (await world.recipients(CONTOSO, location))[1]
    with pytest.raises(Superseded):
        await writer.write([_left(late)], run=run.id, actor="sync", at=world.clock.now())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(world.ports.runs, "is_reconciled", _not_yet)
        with pytest.raises(Superseded):
            await world.app.reconcile(job, RequestCounters())
    await world.drain()
    runs = await _require_history(world)
    assert (runs[0].locations[location].counts.deactivated, runs[0].problems[0].code) == (1, "poison")


async def _deactivation(world: World) -> DeactivateJob:
    """Let a person leave, and return the message with which the next run deactivates them at two locations."""
    world.directory().remove(world.directory().people[person(1)].id)
    await world.request(CONTOSO, "second")
    while not any(isinstance(message, DeactivateJob) for message in world.queue.messages):
        await deliver(world.app, world.queue.messages.pop(0))
    (job,) = [message for message in world.queue.messages if isinstance(message, DeactivateJob)]
    return job


async def test_a_comparison_that_is_given_up_after_its_result_stops_no_deactivation() -> None:
    """Another delivery has recorded the result."""
    world = await _world()
    job = await _deactivation(world)
    late = ReconcileJob(tenant=CONTOSO, run=job.run, location=BERLIN)
    await world.app.dead_letters.record(late.queue, "message", encode(late), RequestCounters())
    await world.drain()
    assert (await _require_history(world))[0].counts.deactivated == 2


async def test_a_deactivation_goes_on_after_a_late_comparison_took_its_fence(monkeypatch: pytest.MonkeyPatch) -> None:
    """The comparison was delivered twice; no watchdog is needed."""
    world = await _world()
    job = await _deactivation(world)

    async def late() -> None:
        with monkeypatch.context() as patch:
            patch.setattr(world.ports.runs, "is_reconciled", _not_yet)
            await world.app.reconcile(ReconcileJob(tenant=CONTOSO, run=job.run, location=BERLIN), RequestCounters())

    stopped = Interrupting(world.ports.recipients, "write", 1, late)
    with pytest.raises(Contended):  # its message is put back
        await deliver(App(dataclasses.replace(world.ports, recipients=stopped), SETTINGS), job)
    await world.drain()
    assert (await _require_history(world))[0].counts.deactivated == 2


def _returns(world: World) -> None:
    world.directory().put(user(1))


async def test_a_deactivation_that_goes_on_while_another_is_counted_writes_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its message was delivered twice. The person has returned before the directory answers the second delivery."""
    world = await _world()
    job = await _deactivation(world)
    stop = _Stop()
    worker = asyncio.create_task(deliver(stop.app(world), job))
    stop.end_when_counted(world, worker, monkeypatch)
    await stop.reached.wait()
    _returns(world)
    await deliver(world.app, job)
    assert stop.counted.is_set()
    with pytest.raises(Contended):  # its message is put back
        await worker
    await world.drain()
    newest = (await _require_history(world))[0]
    assert (newest.id, newest.state, newest.counts) == (job.run, RunState.DONE, Counts())


async def test_a_deactivation_is_not_counted_while_a_later_one_writes(monkeypatch: pytest.MonkeyPatch) -> None:
    """The person had returned for the first delivery, and has left again for the second, whose worker dies."""
    world = await _world()
    job = await _deactivation(world)
    count = world.ports.recipients.get_journal_counts

    async def counting(tenant: TenantId, location: LocationId, run: RunId) -> Counts:
        counts = await count(tenant, location, run)
        world.directory().remove(world.directory().people[person(1)].id)
        monkeypatch.setattr(world.ports.recipients, "get_journal_counts", _crash)
        with pytest.raises(Crash):
            await deliver(world.app, job)
        monkeypatch.setattr(world.ports.recipients, "get_journal_counts", count)
        return counts

    monkeypatch.setattr(world.ports.recipients, "get_journal_counts", counting)
    _returns(world)
    with pytest.raises(Contended):  # its message is put back
        await deliver(world.app, job)
    await deliver(world.app, job)
    assert (await _require_history(world))[0].counts.deactivated == 2


async def test_a_run_that_has_ended_deactivates_no_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker died between its report and the release of the tenant. The person had returned, and leaves again."""
    world = await _world()
    job = await _deactivation(world)
    _returns(world)
    with monkeypatch.context() as patch:
        patch.setattr(world.ports.sync_states, "replace", _crash)
        with pytest.raises(Crash):
            await deliver(world.app, job)
    world.directory().remove(world.directory().people[person(1)].id)
    await deliver(world.app, job)
    state = (await world.ports.sync_states.get(CONTOSO)).value
    assert (state.active_run, (await _require_history(world))[0].counts) == (None, Counts())
    world.clock.advance(60)
    assert (await world.sync(CONTOSO, "third")).counts.deactivated == 2


async def _crash(*_: object) -> None:
    raise Crash
