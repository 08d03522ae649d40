"""Jobs that no version of the app sends: recorded at their first delivery, and without any effect on the run."""

import dataclasses
from hashlib import sha256

import pytest

from shared.adapters.stores.table_names import AUDIT, LEDGER
from shared.bootstrap import Ports
from shared.domain.directory import Source
from shared.domain.ids import LocationId, ObjectId, SourceId, TenantId
from shared.domain.imports.row_decisions import ImportMode
from shared.domain.preferences.preferences import Mode, Preferences
from shared.domain.retry_policy import REDELIVERY
from shared.domain.run import RunMode, RunState
from shared.domain.sync.jobs import DeactivateJob, FetchJob, Job, ReconcileJob, SyncRequest
from shared.domain.sync.queue_messages import encode
from shared.telemetry import RequestCounters
from shared.triggers import queues
from tests.support.builders import person, user
from tests.support.delivery import Message
from tests.support.fakes import fake_ports
from tests.support.fakes.on_tables import ports_on
from tests.support.fakes.table_service import MemoryTables
from tests.support.world import World, deliver

CONTOSO, DESK = TenantId("contoso"), LocationId("desk")
FOREIGN = Source(group=ObjectId(person(9))).id


class Stored(World):
    """A world whose rows can be compared."""

    def __init__(self) -> None:
        self.tables = MemoryTables()
        fakes = fake_ports()
        on_tables = ports_on(self.tables)
        ports: Ports = dataclasses.replace(on_tables, providers=fakes.providers, clock=fakes.clock, ids=fakes.ids)
        super().__init__(ports)

    def rows(self) -> dict[str, object]:
        """Return all rows but those of the operator log and the audit log."""
        return {name: dict(rows) for name, rows in self.tables._tables.items() if rows and name not in {LEDGER, AUDIT}}


@pytest.fixture
async def world(monkeypatch: pytest.MonkeyPatch) -> Stored:
    """One tenant, whose run reads two groups for its only location."""
    made = Stored()
    directory = await made.tenant(
        "contoso", [user(1)], Preferences(mode=Mode.GROUPS), {"desk": [person(100), person(101)]}
    )
    directory.members = {person(100): [person(1)], person(101): []}
    monkeypatch.setattr(queues, "app", lambda: made.app)
    return made


async def _fetching(world: Stored) -> FetchJob:
    """Start a run, and return one of its two jobs."""
    await world.request("contoso", "first")
    await deliver(world.app, world.queue.messages.pop(0))
    job = world.queue.messages[0]
    assert isinstance(job, FetchJob)
    return job


def _forged(job: FetchJob) -> list[tuple[Job, str]]:
    return [
        (FetchJob(tenant=CONTOSO, run=job.run, source=FOREIGN), "not_planned"),
        (FetchJob(tenant=CONTOSO, run=job.run, source=SourceId("other:users")), "not_planned"),
        (ReconcileJob(tenant=CONTOSO, run=job.run, location=LocationId("roof")), "not_planned"),
        (ReconcileJob(tenant=CONTOSO, run=job.run, location=DESK), "too_early"),
        (DeactivateJob(tenant=CONTOSO, run=job.run), "too_early"),
    ]


@pytest.mark.parametrize("number", range(5))
@pytest.mark.parametrize("deliveries", [1, REDELIVERY.attempts])
async def test_a_job_that_is_no_part_of_the_run_or_comes_too_early_is_recorded(
    world: Stored, number: int, deliveries: int
) -> None:
    """Nothing is read or stored for it, and the run goes on as if it had not come."""
    job = await _fetching(world)
    forged, code = _forged(job)[number]
    before, waiting = world.rows(), list(world.queue.messages)
    await queues._process(forged.queue, Message(encode(forged), dequeue_count=deliveries))
    (entry,) = [entry async for entry in world.ports.operator_log.list_entries()]
    assert (entry.code, entry.tenant, entry.run) == (code, CONTOSO, job.run)
    assert (world.rows(), world.queue.messages) == (before, waiting)
    await world.drain()
    run = await world.newest("contoso")
    assert (run.state, run.counts.created, run.problems) == (RunState.DONE, 1, ())


async def test_poison_that_is_no_part_of_the_run_marks_no_job_as_failed(world: Stored) -> None:
    """Its text may come from elsewhere: a result, or a fence, of what the run does not have would stay for ever."""
    job = await _fetching(world)
    before = world.rows()
    for forged, code in _forged(job):
        if code == "not_planned":
            world.queue.poison.setdefault(forged.queue, []).append(encode(forged))
    await world.app.dead_letters.collect(RequestCounters())
    assert world.rows() == before
    assert set(map(len, world.queue.poison.values())) == {0}


async def test_the_run_of_an_import_is_not_planned_as_a_sync(world: Stored) -> None:
    """A request with its id would turn it into one, and its import could not end."""
    ref = (await world.app.upload_import.create(CONTOSO, DESK, ImportMode.MERGE, "api")).ref
    await world.app.upload_import.put_part(ref, 1, b"name\nAnn\n")
    run = await world.app.upload_import.start(ref, 1, sha256(b"name\nAnn\n").hexdigest(), "")
    before = world.rows()
    await queues._process(SyncRequest.queue, Message(f'{{"tenant": "contoso", "request": "{run.id}"}}'))
    (entry,) = [entry async for entry in world.ports.operator_log.list_entries()]
    assert (entry.code, world.rows()) == ("not_planned", before)
    await world.drain()
    assert (await world.run("contoso", run.id)).counts.created == 1


async def test_a_repeated_last_job_still_ends_its_run(world: Stored) -> None:
    """A worker that died after it had closed the run gets its message again, when the run is over already."""
    await world.sync("contoso", "zero")
    world.directory().remove(person(1))
    world.clock.advance(60)
    await world.request("contoso", "first")
    while not isinstance(job := world.queue.messages.pop(0), DeactivateJob):
        await deliver(world.app, job)
    for _ in range(2):
        await queues._process(job.queue, Message(encode(job)))
    state = (await world.ports.sync_states.get(CONTOSO)).value
    assert state.active_run is None
    assert [entry async for entry in world.ports.operator_log.list_entries()] == []


@pytest.mark.parametrize("by", [f"person:{person(900)}:{person(1)}", "key:nightly", "anna", "Schedule", ""])
@pytest.mark.parametrize("name", ["r", "8000000000000-00000000"])
async def test_a_message_cannot_name_a_person(world: Stored, by: str, name: str) -> None:
    """History and audit log say that it came by the queue, also if it has the id of a run that the API could start."""
    await queues._process(SyncRequest.queue, Message(f'{{"tenant": "contoso", "by": "{by}", "request": "{name}"}}'))
    assert (await world.newest(CONTOSO)).requested_by == "queue"
    recorded = [each.entry async for each in world.ports.audit.list_entries(CONTOSO)]
    assert [(entry.actor, entry.entry_point) for entry in recorded] == [("queue", "queue")]


@pytest.mark.parametrize("by", ["api", "watchdog", "pending", "configuration"])
@pytest.mark.parametrize("name", ["r", "8000000000000-00000000"])
async def test_a_message_that_pretends_to_repeat_a_request_does_nothing(world: Stored, by: str, name: str) -> None:
    """The app repeats only requests that it has stored; these are not in the audit log a second time."""
    before = world.rows()
    await queues._process(SyncRequest.queue, Message(f'{{"tenant": "contoso", "by": "{by}", "request": "{name}"}}'))
    assert world.rows() == before
    assert not world.queue.messages
    assert [each async for each in world.ports.audit.list_entries(CONTOSO)] == []


async def test_the_message_of_a_stored_run_does_not_decide_who_asked_for_it(world: Stored) -> None:
    """Its run does."""
    await world.request("contoso", "first")
    await deliver(world.app, world.queue.messages.pop(0))
    waiting = await world.app.request_run(CONTOSO, RunMode.FULL, "anna")
    await world.drain()
    forged = f'{{"tenant": "contoso", "by": "person:{person(900)}:{person(1)}", "request": "{waiting.id}"}}'
    await queues._process(SyncRequest.queue, Message(forged))
    assert (await world.run("contoso", waiting.id)).requested_by == "anna"
