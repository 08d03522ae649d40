"""Large imports: what they do, for whom they wait, and how they end."""

import dataclasses
import sqlite3
from datetime import timedelta
from io import BytesIO
from typing import Any

import pytest

from shared.bootstrap import App
from shared.domain.ids import LocationId, TenantId
from shared.domain.imports.import_record import MAX_PARTS, ImportState
from shared.domain.imports.row_decisions import ImportMode
from shared.domain.preferences.preferences import Mode, Preferences
from shared.domain.recipient import Counts, Status
from shared.domain.run import RunKind, RunMode, RunState
from shared.domain.sync.jobs import ImportJob
from shared.domain.sync.queue_messages import encode
from shared.errors import Conflict, NotFound, Rejected, Superseded, Transient
from shared.telemetry import RequestCounters
from shared.workflows.imports import cleanup, upload
from shared.workflows.imports.row_matcher import RowMatcher
from tests.simulation.importing import (
    BERLIN,
    CONTOSO,
    Interrupting,
    imports_world,
    large,
    look,
    people,
    seen,
    settle,
    start,
    uploaded,
)
from tests.support.builders import user
from tests.support.world import SETTINGS, World, deliver

CHANGED = people(50, 300, "HR")


async def test_a_large_import_does_what_a_small_one_does() -> None:
    """The same recipients, counts and report, for a file in Windows-1252 that is cut anywhere; and it can be undone."""
    content = CHANGED.replace(b"Person 60,", "Jörg Müßig,".encode("cp1252"))
    small, world = await imports_world(), await imports_world()
    report = await small.app.import_csv(CONTOSO, BERLIN, BytesIO(content), ImportMode.MERGE, "", "anna")
    before = await world.recipients("contoso", "berlin")
    done = await large(world, content)
    assert await world.recipients("contoso", "berlin") == await small.recipients("contoso", "berlin")
    assert done.outcome is not None
    assert report.run is not None
    assert (done.state, done.outcome.rows, done.outcome.unchanged) == (ImportState.DONE, 250, report.unchanged)
    run = await world.newest("contoso")
    assert (run.state, run.kind, run.requested_by) == (RunState.DONE, RunKind.IMPORT, "anna")
    assert (run.counts, run.locations) == (report.run.counts, report.run.locations)
    assert run.counts == Counts(created=50, updated=200)
    assert await world.ports.imports.list_part_sizes(done.ref) == {}
    kept = (await world.ports.sync_states.get(CONTOSO)).value.summary.recipients
    assert kept == (await small.ports.sync_states.get(CONTOSO)).value.summary.recipients
    world.clock.advance(60)
    await world.app.undo(CONTOSO, run.id, "anna")
    after = await world.recipients("contoso", "berlin")
    assert [each for each in after if each.status is Status.ACTIVE] == before
    world.clock.advance(60)  # runs of one millisecond have no order
    again = await large(world, content)
    assert (await world.newest("contoso")).counts == Counts(updated=200, reactivated=50)
    assert again.outcome is not None
    assert again.outcome.unchanged == 0


async def test_one_wrong_row_keeps_every_row_out() -> None:
    """The run fails, the report names them, the file is erased."""
    world = await imports_world()
    before = await world.recipients("contoso", "berlin")
    refused = await large(world, CHANGED + b"Cy,nobody,IT\nAnn,P60@example.com,IT\n")
    assert await world.recipients("contoso", "berlin") == before
    run = await world.newest("contoso")
    assert (run.state, run.counts, [problem.code for problem in run.problems]) == (
        RunState.FAILED,
        Counts(),
        ["rows_refused"],
    )
    assert refused.outcome is not None
    assert (refused.outcome.rows, refused.outcome.refused_rows) == (252, 2)
    assert [(problem.line, problem.code) for problem in refused.outcome.problems] == [
        (252, "invalid_mail"),
        (253, "duplicate"),
    ]
    assert await world.ports.imports.list_part_sizes(refused.ref) == {}


@pytest.mark.parametrize(
    ("content", "code"), [(b"shoe size\n43\n", "invalid_csv"), (b"\xef\xbb\xbfname\n\xff\xfe\n", "invalid_csv")]
)
async def test_what_is_no_csv_fails_with_its_sentence(content: bytes, code: str) -> None:
    """As it does in one request."""
    world = await imports_world()
    failed = await large(world, content)
    assert failed.outcome is not None
    assert failed.outcome.problem is not None
    assert (failed.state, failed.outcome.problem.code) == (ImportState.FAILED, code)


async def test_what_arrived_otherwise_is_not_imported() -> None:
    """A part that was lost, or replaced after the start, is noticed by number or by hash."""
    world = await imports_world()
    ref = await uploaded(world, CHANGED)
    with pytest.raises(Rejected) as missing:
        await world.app.upload_import.start(ref, MAX_PARTS, "0" * 64, "")
    with pytest.raises(Rejected) as malformed:
        await world.app.upload_import.start(ref, -(-len(CHANGED) // 1_000), "secret", "")
    assert (missing.value.code, malformed.value.code) == ("parts_missing", "invalid_body")
    await world.ports.imports.put_part(ref, 2, b"x")
    await start(world, ref, CHANGED)
    await settle(world)
    failed = await look(world, ref)
    assert failed.outcome is not None
    assert failed.outcome.problem is not None
    assert failed.outcome.problem.code == "sha256_mismatch"
    with pytest.raises(Conflict):
        await world.app.upload_import.put_part(ref, 1, b"x")


async def test_started_twice_it_is_one_run() -> None:
    """A request whose answer was lost can be sent again; with another file it is refused, and after the end too."""
    world = await imports_world()
    ref = await uploaded(world, CHANGED)
    run = await start(world, ref, CHANGED)
    assert await start(world, ref, CHANGED) == run
    with pytest.raises(Conflict):
        await start(world, ref, CHANGED + b"x")
    await settle(world)
    assert (await world.newest("contoso")).id == run.id
    with pytest.raises(Conflict):
        await start(world, ref, CHANGED)


async def test_the_guard_holds_and_an_approval_lets_go_exactly_these() -> None:
    """Rows are applied; an approval of another set is refused, and a set that has changed is held again.

    A recipient that came later is not in the set.
    """
    world = await imports_world()
    held = await large(world, CHANGED[: CHANGED.index(b"Person 100")], ImportMode.OVERWRITE)
    assert held.outcome is not None
    digest = held.outcome.held_digest or ""
    run = await world.newest("contoso")
    assert (held.state, held.outcome.held, run.held_digest) == (ImportState.HELD, 200, digest)
    assert (run.state, run.counts, run.locations[BERLIN].held) == (RunState.DONE, Counts(updated=50), 200)
    with pytest.raises(Rejected):
        await world.app.upload_import.start(held.ref, 0, "", "another")
    await world.app.import_csv(CONTOSO, BERLIN, BytesIO(people(900, 901)), ImportMode.MERGE, "", "anna")
    stored = {recipient.profile.mail: recipient for recipient in await world.recipients("contoso", "berlin")}
    left = stored["p150@example.com"].id
    await world.app.edit_recipient(CONTOSO, BERLIN, left, {}, active=False, by="anna")
    world.clock.advance(60)
    await world.app.upload_import.start(held.ref, 0, "", digest)
    await settle(world)
    again = (await look(world, held.ref)).outcome
    assert again is not None
    assert (again.held, again.held_digest != digest) == (199, True)
    world.clock.advance(60)
    await world.app.upload_import.start(held.ref, 0, "", again.held_digest or "")
    await settle(world)
    approved = await world.newest("contoso")
    assert (approved.state, approved.counts) == (RunState.DONE, Counts(deactivated=199))
    assert (await look(world, held.ref)).state is ImportState.DONE
    assert await world.ports.imports.list_part_sizes(held.ref) == {}
    stored = {recipient.profile.mail: recipient for recipient in await world.recipients("contoso", "berlin")}
    assert stored["p900@example.com"].status is Status.ACTIVE


async def syncing_world() -> World:
    """Return a world in full mode with recipients from a file and from the directory."""
    world = World()
    await world.tenant("contoso", [user(number) for number in range(3)], Preferences(mode=Mode.FULL), {"berlin": []})
    await large(world, people(0, 250))
    await world.sync("contoso", "first")
    world.clock.advance(60)
    return world


async def test_an_import_waits_for_a_sync() -> None:
    """It says so, and its message comes back later; after the sync it is done."""
    world = await syncing_world()
    ref = await uploaded(world, CHANGED)
    await world.request("contoso", "second", RunMode.FULL)
    await deliver(world.app, world.queue.messages.pop(0))
    run = await start(world, ref, CHANGED)
    job = world.queue.messages.pop()
    assert isinstance(job, ImportJob)
    with pytest.raises(Transient) as waits:
        await world.app.apply_import(job, RequestCounters())
    assert (waits.value.code, waits.value.retry_after_s) == ("run_active", 30)
    assert ((await look(world, ref)).state, (await world.run(CONTOSO, run.id)).state) == (
        ImportState.WAITING,
        RunState.PLANNING,
    )
    await settle(world)
    world.queue.messages.append(job)
    await settle(world)
    assert (await world.run(CONTOSO, run.id)).counts == Counts(created=50, updated=200)


@pytest.mark.parametrize("write", [1, 2, 3])
async def test_a_sync_takes_the_location_and_the_import_goes_on_after_it(write: int) -> None:
    """Between any two batches; both do all their work, and the run counts what was written before, too."""
    undisturbed = await syncing_world()
    await large(undisturbed, CHANGED)
    world = await syncing_world()

    async def sync() -> None:
        await world.sync("contoso", "second", RunMode.FULL)

    recipients: Any = Interrupting(world.ports.recipients, "write", write, sync)
    app = App(dataclasses.replace(world.ports, recipients=recipients), SETTINGS)
    ref = await uploaded(world, CHANGED)
    run = await start(world, ref, CHANGED)
    await settle(world, app)
    assert (await world.run(CONTOSO, run.id)).counts == Counts(created=50, updated=200)
    outcome = (await look(world, ref)).outcome
    assert outcome is not None
    assert (outcome.rows, outcome.unchanged) == (250, 0)
    assert await world.recipients("contoso", "berlin") == await undisturbed.recipients("contoso", "berlin")
    runs = [run.kind async for run in world.ports.runs.list_runs(CONTOSO)]
    assert runs.count(RunKind.SYNC) == 2


async def test_out_of_time_it_goes_on_in_a_new_message() -> None:
    """As often as it takes; the history shows how far it is."""
    world = await imports_world()

    async def late() -> None:
        world.clock.advance(100)

    ref = await uploaded(world, CHANGED)
    run = await start(world, ref, CHANGED)
    for written in (98, 196, 250):
        job = world.queue.messages.pop()
        slow: Any = Interrupting(world.ports.recipients, "write", 1, late)
        await deliver(App(dataclasses.replace(world.ports, recipients=slow), SETTINGS), job)
        counts = (await world.run(CONTOSO, run.id)).counts
        assert counts.created + counts.updated == written
    # the last batch was written after time was up, too: one more look finds nothing left
    await settle(world)
    outcome = (await look(world, ref)).outcome
    assert outcome is not None
    assert (outcome.state, outcome.unchanged) == (ImportState.DONE, 0)


async def test_confirmed_look_alikes_are_imported_in_several_messages() -> None:
    """Those that the first message has created are not taken for fewer look-alikes than were confirmed."""
    world = await imports_world()
    content = people(0, 250).replace(b"@example.com", b"@new.example")
    held = await large(world, content)
    assert held.outcome is not None
    assert (held.state, held.outcome.look_alikes, held.outcome.unchanged) == (ImportState.HELD, 250, 0)

    async def late() -> None:
        world.clock.advance(100)

    run = await start(world, held.ref, content, held.outcome.held_digest or "")
    for written in (98, 196, 250):
        slow: Any = Interrupting(world.ports.recipients, "write", 1, late)
        await deliver(App(dataclasses.replace(world.ports, recipients=slow), SETTINGS), world.queue.messages.pop())
        assert (await world.run(CONTOSO, run.id)).counts == Counts(created=written)
    await settle(world)
    done = await look(world, held.ref)
    assert (done.state, len(await world.recipients("contoso", "berlin"))) == (ImportState.DONE, 500)


async def test_a_second_delivery_leaves_the_worker_alone() -> None:
    """While the first may be alive it waits for it; after the end it is dropped."""
    world = await imports_world()
    ref = await uploaded(world, CHANGED)
    await start(world, ref, CHANGED)
    job = world.queue.messages.pop()
    assert isinstance(job, ImportJob)
    waited: list[float | None] = []

    async def again() -> None:
        with pytest.raises(Transient) as waits:
            await world.app.apply_import(job, RequestCounters())
        waited.append(waits.value.retry_after_s)

    recipients: Any = Interrupting(world.ports.recipients, "write", 2, again)
    await deliver(App(dataclasses.replace(world.ports, recipients=recipients), SETTINGS), job)
    assert waited == [45]
    assert (await look(world, ref)).state is ImportState.DONE
    with pytest.raises(Superseded):
        await world.app.apply_import(job, RequestCounters())


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), sqlite3.OperationalError("disk is full")])
async def test_without_room_on_the_disk_an_import_waits(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    """Other imports of the same worker come to their end meanwhile; then it is done."""
    world = await imports_world()
    ref = await uploaded(world, CHANGED)
    await start(world, ref, CHANGED)
    job = world.queue.messages[0]
    assert isinstance(job, ImportJob)

    def full(*_: object) -> None:
        raise error

    with monkeypatch.context() as patched:
        patched.setattr(RowMatcher, "add_recipients", full)
        with pytest.raises(Transient) as waits:
            await world.app.apply_import(job, RequestCounters())
    assert (waits.value.code, waits.value.retry_after_s) == ("no_disk", 120)
    await settle(world)
    assert (await look(world, ref)).state is ImportState.DONE


async def test_what_storage_refuses_ends_the_import() -> None:
    """Trying again could not help: it fails with that reason, and the operator sees the message."""
    world = await imports_world()
    ref = await uploaded(world, CHANGED)
    run = await start(world, ref, CHANGED)

    async def refuse() -> None:
        raise Rejected("a row is too large", code="entity_too_large")

    recipients: Any = Interrupting(world.ports.recipients, "write", 2, refuse)
    app = App(dataclasses.replace(world.ports, recipients=recipients), SETTINGS)
    with pytest.raises(Rejected):
        await deliver(app, world.queue.messages.pop())
    failed = await world.run(CONTOSO, run.id)
    assert (failed.state, failed.problems[0].code, failed.counts.updated) == (RunState.FAILED, "entity_too_large", 98)


async def test_what_nobody_needs_is_erased_after_a_while() -> None:
    """Files that are not started or not approved after a day, reports after a month; history stays."""
    world = await imports_world()
    abandoned = await uploaded(world, CHANGED)
    held = (await large(world, people(900, 901), ImportMode.OVERWRITE)).ref
    await world.app.watchdog(RequestCounters())
    assert await world.ports.imports.list_part_sizes(abandoned)
    assert await world.ports.imports.list_part_sizes(held)
    world.clock.advance(cleanup.KEEP_FILE.total_seconds())
    await world.app.watchdog(RequestCounters())
    assert [await world.ports.imports.list_part_sizes(each) for each in (abandoned, held)] == [{}, {}]
    states = [(await look(world, each)).state for each in (abandoned, held)]
    assert states == [ImportState.FAILED, ImportState.DONE]
    with pytest.raises(Conflict):
        await start(world, abandoned, CHANGED)
    world.clock.advance(world.app.settings.retention.imports.total_seconds())
    await world.app.watchdog(RequestCounters())
    assert [mark async for mark in world.ports.imports.list_imports()] == []
    assert len([run async for run in world.ports.runs.list_runs(CONTOSO)]) == 2


async def test_an_import_that_never_comes_to_its_end_is_given_up() -> None:
    """After a day, with its reason; what it has written is counted."""
    world = await imports_world()
    ref = await uploaded(world, CHANGED)
    run = await start(world, ref, CHANGED)
    for _ in range(25):
        world.queue.messages.clear()
        world.clock.advance(timedelta(hours=1).total_seconds())
        await world.app.watchdog(RequestCounters())
    assert world.queue.messages == []
    failed = await world.run(CONTOSO, run.id)
    assert (failed.state, failed.problems[0].code) == (RunState.FAILED, "deadline")
    assert (await look(world, ref)).state is ImportState.FAILED


async def test_a_poisoned_job_ends_its_import() -> None:
    """With what it has written counted."""
    world = await imports_world()
    ref = await uploaded(world, CHANGED)
    run = await start(world, ref, CHANGED)
    job = world.queue.messages.pop()
    assert isinstance(job, ImportJob)

    async def late() -> None:
        world.clock.advance(100)

    slow: Any = Interrupting(world.ports.recipients, "write", 1, late)
    await deliver(App(dataclasses.replace(world.ports, recipients=slow), SETTINGS), job)
    world.queue.messages.clear()
    for _ in range(2):
        await world.app.dead_letters.record(ImportJob.queue, "m", encode(job), RequestCounters())
    failed = await world.run(CONTOSO, run.id)
    assert (failed.state, failed.problems[0].code, failed.counts.updated) == (RunState.FAILED, "poison", 98)
    assert failed.locations[BERLIN].active == 250
    assert await world.ports.imports.list_part_sizes(ref) == {}


async def test_a_deleted_location_takes_its_imports_along() -> None:
    """Its runs end, a message that is still there writes nothing, and no part can be sent any more."""
    world = await imports_world()
    ref, other = await uploaded(world, CHANGED), await uploaded(world, CHANGED)
    run = await start(world, ref, CHANGED)
    await world.app.locations.delete(CONTOSO, BERLIN)
    await settle(world)
    assert await world.recipients("contoso", "berlin") == []
    ended = await world.run(CONTOSO, run.id)
    assert (ended.state, ended.problems[0].code) == (RunState.FAILED, "location_deleted")
    assert [mark async for mark in world.ports.imports.list_imports()] == []
    assert [await world.ports.imports.list_part_sizes(each) for each in (ref, other)] == [{}, {}]
    with pytest.raises(NotFound):
        await world.app.upload_import.put_part(other, 1, b"x")


async def test_a_part_that_comes_while_its_location_goes_is_not_kept() -> None:
    """Nothing would ever erase it."""
    world = await imports_world()
    ref = await uploaded(world, CHANGED)

    async def delete() -> None:
        await world.app.locations.delete(CONTOSO, BERLIN)

    slow: Any = Interrupting(world.ports.imports, "put_part", 1, delete)
    app = App(dataclasses.replace(world.ports, imports=slow), SETTINGS)
    with pytest.raises(NotFound):
        await app.upload_import.put_part(ref, 1, b"x")
    assert await world.ports.imports.list_part_sizes(ref) == {}


async def test_a_tenant_has_so_many_files_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that have ended do not count; nor does a location that is not there."""
    world = await imports_world()
    monkeypatch.setattr(upload, "MAX_OPEN", 1)
    await world.app.upload_import.create(CONTOSO, BERLIN, ImportMode.MERGE, "anna")
    with pytest.raises(Rejected) as refused:
        await world.app.upload_import.create(CONTOSO, BERLIN, ImportMode.MERGE, "anna")
    assert refused.value.code == "too_many_imports"
    with pytest.raises(NotFound):
        await world.app.upload_import.create(CONTOSO, LocationId("roof"), ImportMode.MERGE, "anna")
    with pytest.raises(NotFound):
        await world.app.upload_import.create(TenantId("nobody"), BERLIN, ImportMode.MERGE, "anna")


async def test_the_report_says_the_same_after_a_redelivery() -> None:
    """However often the start's message is delivered."""
    undisturbed, world = await imports_world(), await imports_world()
    done = await large(undisturbed, CHANGED)
    ref = await uploaded(world, CHANGED)
    await start(world, ref, CHANGED)
    await start(world, ref, CHANGED)
    world.queue.messages += world.queue.messages
    await settle(world)
    assert await seen(world, ref) == await seen(undisturbed, done.ref)
