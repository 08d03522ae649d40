"""What becomes of a queue message, by what went wrong with it."""

import json
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from hashlib import sha256
from typing import Any

import msgspec
import pytest

from shared.domain.directory import Source
from shared.domain.ids import LocationId, TenantId
from shared.domain.imports.row_decisions import ImportMode
from shared.domain.operations.operator_log import OperatorLogEntry
from shared.domain.preferences.preferences import Mode, Preferences
from shared.domain.retry_policy import CONTENDED, DELAYED, REDELIVERY, ROW_UPDATE
from shared.domain.run import RunState
from shared.domain.sync.jobs import QUEUES, DeactivateJob, FetchJob, ImportJob, ReconcileJob, SyncRequest
from shared.domain.sync.queue_messages import encode
from shared.errors import ETagConflict, SnapshotIncomplete, Transient
from shared.ports.queues import PoisonMessage
from shared.runtime import optimistic_update
from shared.telemetry import RequestCounters
from shared.triggers import queues, timers
from tests.support.builders import user
from tests.support.delivery import Message
from tests.support.world import World, deliver

FULL = Preferences(mode=Mode.FULL)
USERS = Source().id
#: How a message comes to be a dead letter.
Fails = Callable[[World, str, pytest.MonkeyPatch], Awaitable[None]]


@pytest.fixture
async def world(monkeypatch: pytest.MonkeyPatch) -> World:
    """One connected tenant in full mode; the triggers use its workflows."""
    made = World()
    await made.tenant("contoso", [user(1), user(2)], FULL, {"desk": []})
    monkeypatch.setattr(queues, "app", lambda: made.app)
    return made


async def fetch_message(world: World) -> str:
    """Start a run and return the text of its fetch job."""
    await world.request("contoso", "first")
    await deliver(world.app, world.queue.messages.pop(0))
    job = world.queue.messages.pop(0)
    assert isinstance(job, FetchJob)
    return encode(job)


async def ledger(world: World) -> list[OperatorLogEntry]:
    """Return the messages that the operator sees."""
    return [entry async for entry in world.ports.operator_log.list_entries() if entry.queue != "connection"]


async def test_a_request_by_hand_plans_a_run(world: World) -> None:
    """Plain text is enough; the run is called by the message's id."""
    await queues._process(SyncRequest.queue, Message("contoso"))
    run = await world.newest("contoso")
    assert (run.state, run.requested_by) == (RunState.FETCHING, "queue")


@pytest.mark.parametrize(
    ("body", "code", "tenant"),
    [
        ("{broken", "malformed_message", None),
        ("nobody", "tenant_not_found", "nobody"),
        ("adatum", "not_connected", "adatum"),
    ],
)
async def test_a_request_that_cannot_be_worked_off_is_recorded_and_done(
    world: World, body: str, code: str, tenant: str | None
) -> None:
    """It is not tried again: nothing about it would change."""
    await world.tenant("adatum", [], FULL, {})
    await world.ports.connections.delete(TenantId("adatum"))
    await queues._process(SyncRequest.queue, Message(body))
    (entry,) = await ledger(world)
    assert (entry.code, entry.tenant, entry.body, entry.queue) == (code, tenant, body, "sync-requests")
    assert entry.detail.endswith(".")


@pytest.mark.parametrize(("asked_s", "waited_s"), [(300, 300), (0, DELAYED.first_wait_s), (9_000, DELAYED.max_wait_s)])
async def test_a_wait_is_the_queues(world: World, asked_s: float, waited_s: float) -> None:
    """Told to wait five minutes, the job is put back for five minutes, and this delivery is done."""
    text = await fetch_message(world)
    world.directory().broken[USERS] = (0, Transient("429", code="throttled", retry_after_s=asked_s))
    await queues._process(FetchJob.queue, Message(text))
    assert (len(world.queue.messages), world.queue.last_delay_s) == (1, waited_s)


async def test_without_a_wait_the_host_delivers_again(world: World) -> None:
    """The error is raised, for the host to count; at the last delivery the source is marked as unread."""
    text = await fetch_message(world)
    for _ in range(2):
        world.directory().broken[USERS] = (0, Transient("reset", code="graph_unreachable"))
        with pytest.raises(Transient):
            await queues._process(FetchJob.queue, Message(text))
    world.directory().broken[USERS] = (0, Transient("reset", code="graph_unreachable"))
    await queues._process(FetchJob.queue, Message(text, dequeue_count=REDELIVERY.attempts))
    await world.drain()
    run = await world.newest("contoso")
    assert (run.state, run.problems[0].code) == (RunState.FAILED, "graph_unreachable")


async def test_an_import_is_put_back_while_a_sync_is_under_way(world: World) -> None:
    """For half a minute, and this delivery is done; after its end a late one is dropped."""
    desk = LocationId("desk")
    ref = (await world.app.upload_import.create(TenantId("contoso"), desk, ImportMode.MERGE, "api")).ref
    await world.app.upload_import.put_part(ref, 1, b"name\nAnn\n")
    run = await world.app.upload_import.start(ref, 1, sha256(b"name\nAnn\n").hexdigest(), "")
    job = world.queue.messages.pop()
    assert isinstance(job, ImportJob)
    text = encode(job)
    ids = {"tenant": "contoso", "run": run.id, "location": "desk", "import_id": ref.id}
    assert json.loads(text) == {**ids, "schema": 1}
    await fetch_message(world)
    await queues._process(ImportJob.queue, Message(text))
    assert (world.queue.messages, world.queue.last_delay_s) == ([job], 30)
    await world.app.restart_on_change.invalidate_running_work(TenantId("contoso"))
    for _ in range(2):
        await queues._process(ImportJob.queue, Message(text))
    assert (await world.run("contoso", run.id)).counts.created == 1
    assert await ledger(world) == []


async def test_work_of_an_old_run_is_dropped(world: World, caplog: pytest.LogCaptureFixture) -> None:
    """Superseded is no error: the message is done, and a line says so."""
    text = await fetch_message(world)
    await world.app.restart_on_change.invalidate_running_work(TenantId("contoso"))
    with caplog.at_level(logging.INFO, logger="recipient_sync"):
        await queues._process(FetchJob.queue, Message(text))
    run = json.loads(text)["run"]
    assert f"dropped tenant=contoso run={run} job=fetch/main:users queue=fetch-jobs" in caplog.text


async def fails_at_the_last_delivery(world: World, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Deliver a message five times to a worker that has a defect."""

    async def defect(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    with monkeypatch.context() as broken:
        broken.setattr(world.ports.snapshots, "find_current", defect)
        for delivery in range(1, REDELIVERY.attempts):
            with pytest.raises(ZeroDivisionError):
                await queues._process(FetchJob.queue, Message(text, dequeue_count=delivery))
        await queues._process(FetchJob.queue, Message(text, dequeue_count=REDELIVERY.attempts))


async def taken_by_the_watchdog(world: World, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a message lie in the poison queue, as the host leaves one whose worker died at every delivery."""
    world.queue.poison[FetchJob.queue] = [text]
    monkeypatch.setattr(timers, "app", lambda: world.app)
    tick: Any = None
    await timers.watchdog(tick)
    assert world.queue.poison[FetchJob.queue] == []


@pytest.mark.parametrize("fails", [fails_at_the_last_delivery, taken_by_the_watchdog])
async def test_a_poisoned_job_ends_up_in_the_ledger_and_its_run_goes_on(
    world: World, fails: Fails, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The operator sees the message; the run ends without the source, and deactivates nobody."""
    await world.sync("contoso", "zero")
    world.directory().put(user(3))
    world.clock.advance(60)
    text = await fetch_message(world)
    await fails(world, text, monkeypatch)
    await world.drain()
    run = await world.newest("contoso")
    assert (run.state, run.counts.deactivated) == (RunState.FAILED, 0)
    assert run.problems[0].code == "poison"
    (entry,) = await ledger(world)
    assert (entry.queue, entry.run) == ("fetch-jobs", run.id)
    assert (await world.ports.sync_states.get(TenantId("contoso"))).value.active_run is None


@pytest.mark.parametrize("queue", QUEUES)
async def test_poison_that_nobody_can_read_is_kept(world: World, queue: str) -> None:
    """Even garbage has its entry, with its text."""
    world.queue.poison[queue] = ["\x00garbage"]
    await world.app.dead_letters.collect(RequestCounters())
    (entry,) = await ledger(world)
    assert (entry.body, entry.queue, entry.tenant) == ("\x00garbage", queue, None)


async def test_poison_that_cannot_be_recorded_stops_no_other(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """It stays in its queue until the log takes it; a queue that cannot be read does not hide the next one."""
    world.queue.poison = {FetchJob.queue: ["first", "second"], ImportJob.queue: ["third"]}
    record, receive = world.ports.operator_log.record, world.queue.receive_poison

    async def refuses(entry: OperatorLogEntry) -> None:
        if entry.body == "first":
            raise Transient("busy", code="storage_busy")
        await record(entry)

    async def unread(queue: str) -> AsyncIterator[PoisonMessage]:
        if queue == SyncRequest.queue:
            raise Transient("busy", code="storage_busy")
        async for message in receive(queue):
            yield message

    with monkeypatch.context() as broken:
        broken.setattr(world.ports.operator_log, "record", refuses)
        broken.setattr(world.queue, "receive_poison", unread)
        await world.app.dead_letters.collect(RequestCounters())
    assert {entry.body for entry in await ledger(world)} == {"second", "third"}
    assert world.queue.poison == {FetchJob.queue: ["first"], ImportJob.queue: []}
    await world.app.dead_letters.collect(RequestCounters())
    assert {entry.body for entry in await ledger(world)} == {"first", "second", "third"}


async def test_a_last_delivery_that_cannot_be_recorded_is_left_to_the_host(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error is raised, so that the host moves the message to the poison queue; nothing of it is lost."""

    async def refuses(_: OperatorLogEntry) -> None:
        raise Transient("busy", code="storage_busy")

    monkeypatch.setattr(world.ports.operator_log, "record", refuses)
    with pytest.raises(Transient):
        await queues._process(FetchJob.queue, Message("garbage", dequeue_count=REDELIVERY.attempts))


async def test_poison_of_a_deleted_tenant_is_done(world: World) -> None:
    """Nothing is left that could be marked as failed; the message does not come back for ever."""
    text = await fetch_message(world)
    await world.app.tenants.delete(TenantId("contoso"))
    world.queue.poison[FetchJob.queue] = [text]
    await world.app.dead_letters.collect(RequestCounters())
    assert world.queue.poison[FetchJob.queue] == []


async def test_people_who_left_are_deactivated_by_the_reconcile_trigger(world: World) -> None:
    """Both kinds of jobs that write recipients share a queue."""
    await world.sync("contoso", "zero")
    world.directory().remove(user(1).id)
    world.clock.advance(60)
    await world.request("contoso", "first")
    while not isinstance(job := world.queue.messages.pop(0), DeactivateJob):
        await deliver(world.app, job)
    await queues._process(ReconcileJob.queue, Message(encode(job)))
    assert (await world.newest("contoso")).counts.deactivated == 1


async def test_no_name_address_or_secret_is_logged(world: World, caplog: pytest.LogCaptureFixture) -> None:
    """A whole run at DEBUG says nothing about people."""
    with caplog.at_level(logging.DEBUG):
        await queues._process(SyncRequest.queue, Message("contoso"))
        await world.drain()
    assert "finished" in caplog.text
    for secret in ("user1@example.com", "User 1", world.directory().secret):
        assert secret not in caplog.text


async def test_a_row_that_others_keep_changing_costs_no_delivery(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """After its attempts the job is put back for some seconds, even at the last delivery, and then succeeds."""
    text = await fetch_message(world)

    async def conflict(*_: object, **__: object) -> str:
        raise ETagConflict("the run changed")

    with monkeypatch.context() as patched:
        patched.setattr(optimistic_update, "ROW_UPDATE", msgspec.structs.replace(ROW_UPDATE, attempts=2))
        patched.setattr(world.ports.runs, "replace", conflict)
        await queues._process(FetchJob.queue, Message(text, dequeue_count=REDELIVERY.attempts))
    assert [type(message) for message in world.queue.messages] == [FetchJob]
    assert world.queue.last_delay_s == CONTENDED.first_wait_s
    await world.drain()
    assert (await world.newest("contoso")).state is RunState.DONE


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (SnapshotIncomplete("Page 3 of the snapshot is missing."), "Page 3 of the snapshot is missing. (snapshot_"),
        (ZeroDivisionError("about a person"), "an unexpected error (ZeroDivisionError)"),
    ],
)
async def test_a_dead_letter_names_its_last_cause(
    world: World, monkeypatch: pytest.MonkeyPatch, error: Exception, says: str
) -> None:
    """In the problem of the run and in the operator log; of an unexpected error only the type."""
    text = await fetch_message(world)

    async def fails(*_: object, **__: object) -> None:
        raise error

    with monkeypatch.context() as patched:
        patched.setattr(world.ports.snapshots, "find_current", fails)
        patched.setattr(world.ports.runs, "find_fetch_result", fails)
        await queues._process(FetchJob.queue, Message(text, dequeue_count=REDELIVERY.attempts))
    await world.drain()
    (problem,) = (await world.newest("contoso")).problems
    (entry,) = await ledger(world)
    assert (problem.code, entry.code) == ("poison", "poison")
    for detail in (problem.detail, entry.detail):
        assert says in detail
        assert "person" not in detail
