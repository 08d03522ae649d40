"""What becomes of a queue message, by what went wrong with it."""

import json
import logging
from hashlib import sha256

import msgspec
import pytest

from shared.domain.directory import Source
from shared.domain.ids import LocationId, TenantId
from shared.domain.imports.row_decisions import ImportMode
from shared.domain.operations.operator_log import OperatorLogEntry
from shared.domain.preferences.preferences import Mode, Preferences
from shared.domain.retry_policy import CONTENDED, REDELIVERY, ROW_UPDATE
from shared.domain.run import RunState
from shared.domain.sync.jobs import FetchJob, ImportJob
from shared.domain.sync.queue_messages import encode_job
from shared.errors import ETagConflict, Transient
from shared.runtime import optimistic_update
from shared.triggers import queues
from tests.support.builders import user
from tests.support.delivery import Message
from tests.support.world import World, deliver

FULL = Preferences(mode=Mode.FULL)
USERS = Source().id


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
    return encode_job(job)


async def ledger(world: World) -> list[OperatorLogEntry]:
    """Return the messages that the operator sees."""
    return [entry async for entry in world.ports.operator_log.list_entries() if entry.queue != "connection"]


async def test_a_request_by_hand_plans_a_run(world: World) -> None:
    """Plain text is enough; the run is called by the message's id."""
    await queues._process(queues._REQUESTS, Message("contoso"))
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
    await queues._process(queues._REQUESTS, Message(body))
    (entry,) = await ledger(world)
    assert (entry.code, entry.tenant, entry.body, entry.queue) == (code, tenant, body, "sync-requests")
    assert entry.detail.endswith(".")


async def test_a_wait_is_the_queues(world: World) -> None:
    """Told to wait five minutes, the job is put back for five minutes, and this delivery is done."""
    text = await fetch_message(world)
    world.directory().broken[USERS] = (0, Transient("429", code="throttled", retry_after_s=300))
    await queues._process(queues._FETCH, Message(text))
    assert (len(world.queue.messages), world.queue.last_delay_s) == (1, 300)


async def test_without_a_wait_the_host_delivers_again(world: World) -> None:
    """The error is raised, for the host to count; at the last delivery the source is marked as unread."""
    text = await fetch_message(world)
    for _ in range(2):
        world.directory().broken[USERS] = (0, Transient("reset", code="graph_unreachable"))
        with pytest.raises(Transient):
            await queues._process(queues._FETCH, Message(text))
    world.directory().broken[USERS] = (0, Transient("reset", code="graph_unreachable"))
    await queues._process(queues._FETCH, Message(text, dequeue_count=REDELIVERY.attempts))
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
    text = encode_job(job)
    assert json.loads(text) == {"tenant": "contoso", "run": run.id, "location": "desk", "import_id": ref.id}
    await fetch_message(world)
    await queues._process(queues._IMPORT, Message(text))
    assert (world.queue.messages, world.queue.last_delay_s) == ([job], 30)
    await world.app.restart_on_change.invalidate_running_work(TenantId("contoso"))
    for _ in range(2):
        await queues._process(queues._IMPORT, Message(text))
    assert (await world.run("contoso", run.id)).counts.created == 1
    assert await ledger(world) == []


async def test_work_of_an_old_run_is_dropped(world: World, caplog: pytest.LogCaptureFixture) -> None:
    """Superseded is no error: the message is done, and a line says so."""
    text = await fetch_message(world)
    await world.app.restart_on_change.invalidate_running_work(TenantId("contoso"))
    with caplog.at_level(logging.INFO, logger="recipient_sync"):
        await queues._process(queues._FETCH, Message(text))
    assert "dropped queue=fetch-jobs tenant=contoso" in caplog.text


async def test_a_poisoned_job_ends_up_in_the_ledger_and_its_run_goes_on(world: World) -> None:
    """The operator sees the message; the run ends without the source, and deactivates nobody."""
    await world.sync("contoso", "zero")
    world.directory().put(user(3))
    world.clock.advance(60)
    text = await fetch_message(world)
    await queues._dead_letter(queues._FETCH, Message(text))
    await world.drain()
    run = await world.newest("contoso")
    assert (run.state, run.counts.deactivated) == (RunState.FAILED, 0)
    assert run.problems[0].code == "poison"
    (entry,) = await ledger(world)
    assert (entry.queue, entry.run) == ("fetch-jobs", run.id)
    assert (await world.ports.sync_states.get(TenantId("contoso"))).value.active_run is None


@pytest.mark.parametrize(
    "queue", [queues._REQUESTS, queues._FETCH, queues._RECONCILE, queues._DEACTIVATE, queues._IMPORT]
)
async def test_poison_that_nobody_can_read_is_kept(world: World, queue: queues._Queue) -> None:  # type: ignore[type-arg]
    """Even garbage has its entry, with its text."""
    await queues._dead_letter(queue, Message("\x00garbage"))
    (entry,) = await ledger(world)
    assert (entry.body, entry.queue, entry.tenant) == ("\x00garbage", queue.name, None)


async def test_no_name_address_or_secret_is_logged(world: World, caplog: pytest.LogCaptureFixture) -> None:
    """A whole run at DEBUG says nothing about people."""
    with caplog.at_level(logging.DEBUG):
        await queues._process(queues._REQUESTS, Message("contoso"))
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
        await queues._process(queues._FETCH, Message(text, dequeue_count=REDELIVERY.attempts))
    assert [type(message) for message in world.queue.messages] == [FetchJob]
    assert world.queue.last_delay_s == CONTENDED.first_wait_s
    await world.drain()
    assert (await world.newest("contoso")).state is RunState.DONE
