"""Imports of a location among themselves: one after another, and never over what people have changed since."""

import asyncio
import contextlib
import dataclasses
from datetime import timedelta
from io import BytesIO
from typing import Any

import pytest

from shared.bootstrap import App
from shared.domain.ids import LocationId
from shared.domain.imports.import_record import Import, ImportRef, ImportState
from shared.domain.imports.row_decisions import ImportMode
from shared.domain.recipient import Recipient, Status
from shared.domain.sync.jobs import ImportJob
from shared.errors import Conflict, Transient
from shared.telemetry import RequestCounters
from shared.workflows.imports import claim
from shared.workflows.imports.claim import CLAIM, Claim
from tests.simulation.importing import (
    BERLIN,
    CONTOSO,
    Interrupting,
    imports_world,
    look,
    people,
    settle,
    start,
    start_with,
    uploaded,
)
from tests.support.world import SETTINGS, Crash, Fuse, World, deliver

MUNICH = LocationId("munich")


async def _started(world: World, content: bytes, mode: ImportMode = ImportMode.MERGE) -> tuple[ImportRef, ImportJob]:
    """Upload and start a file, and return its import with its message, which is taken from the queue."""
    ref = await uploaded(world, content, mode)
    await start(world, ref, content)
    job = world.queue.messages.pop()
    assert isinstance(job, ImportJob)
    return ref, job


async def _by_mail(world: World) -> dict[str, Recipient]:
    return {str(recipient.profile.mail): recipient for recipient in await world.recipients("contoso", "berlin")}


async def _departments(world: World) -> set[str | None]:
    return {recipient.profile.department for recipient in await world.recipients("contoso", "berlin")}


async def _killed_at_its_second_batch(world: World, job: ImportJob) -> None:
    async def die() -> None:
        raise Crash

    recipients: Any = Interrupting(world.ports.recipients, "write", 2, die)
    with pytest.raises(Crash):
        await deliver(App(dataclasses.replace(world.ports, recipients=recipients), SETTINGS), job)


async def _failure(world: World, ref: ImportRef) -> str:
    failed = await look(world, ref)
    assert failed.state is ImportState.FAILED
    assert failed.outcome is not None
    assert failed.outcome.problem is not None
    return failed.outcome.problem.code


def _reported(ended: Import) -> list[tuple[int, str]]:
    assert ended.outcome is not None
    return [(problem.line, problem.code) for problem in ended.outcome.problems]


async def test_a_newer_import_waits_for_the_older_one() -> None:
    """Even if its message comes first: the values of the file that was started last stay."""
    world = await imports_world()
    older, first = await _started(world, people(0, 250, "HR"))
    newer, second = await _started(world, people(0, 250, "Sales"))
    assert ((await look(world, older)).number, (await look(world, newer)).number) == (2, 3)
    with pytest.raises(Transient) as waits:
        await deliver(world.app, second)
    assert (waits.value.code, waits.value.retry_after_s) == ("import_waits", 30)
    await deliver(world.app, first)
    assert await _departments(world) == {"HR"}
    await deliver(world.app, second)
    assert await _departments(world) == {"Sales"}
    for ref in (older, newer):
        ended = await look(world, ref)
        assert (ended.state, _reported(ended)) == (ImportState.DONE, [])


async def test_concurrent_starts_have_an_order() -> None:
    """Each gets a number of its own, and the file with the highest one decides."""
    world = await imports_world()
    files = {department: people(0, 250, department) for department in ("HR", "Sales", "IT")}
    refs = {department: await uploaded(world, content) for department, content in files.items()}
    await asyncio.gather(*(start(world, refs[department], content) for department, content in files.items()))
    numbers = {(await look(world, ref)).number: department for department, ref in refs.items()}
    assert len(numbers) == 3
    await settle(world)
    assert await _departments(world) == {numbers[max(numbers)]}


async def test_a_start_that_died_gets_its_number_later() -> None:
    """A worker that processes the import completes the start; what was started in between runs before it."""
    content, newer_content = people(0, 250, "HR"), people(0, 250, "Sales")
    for calls in range(1, 40):
        world = await imports_world()
        ref = await uploaded(world, content)
        fuse, before = Fuse(calls, after=True), len(world.queue.messages)
        with contextlib.suppress(Crash):
            await start_with(world.fragile(fuse), ref, content)
        if len(world.queue.messages) > before:
            break
        newer, newer_job = await _started(world, newer_content)
        started = await look(world, ref)
        if started.run is None:
            continue
        world.queue.messages += [newer_job, started.job(started.run)]
        await settle(world)
        ended = [await look(world, import_) for import_ in (ref, newer)]
        assert [import_.state for import_ in ended] == [ImportState.DONE, ImportState.DONE]
        assert await _departments(world) == {"HR" if ended[0].number > ended[1].number else "Sales"}
    else:
        raise AssertionError("the start never completed")


async def test_waiting_multiplies_no_messages() -> None:
    """The watchdog does not take an import that waits for its turn for a lost one."""
    world = await imports_world()
    await _started(world, people(0, 250, "HR"))
    _, second = await _started(world, people(0, 250, "Sales"))
    for _ in range(40):
        world.clock.advance(30)
        with pytest.raises(Transient):
            await deliver(world.app, second)
    await world.app.watchdog(RequestCounters())
    assert second not in world.queue.messages


async def test_a_killed_import_resumes_before_the_newer_one() -> None:
    """Its claim lapses within a minute, the watchdog's next look enqueues it, and the newer one does not overtake."""
    world = await imports_world()
    _, first = await _started(world, people(0, 250, "HR"))
    await _killed_at_its_second_batch(world, first)
    _, second = await _started(world, people(0, 250, "Sales"))
    with pytest.raises(Transient) as waits:
        await deliver(world.app, second)
    assert waits.value.code == "import_waits"
    assert timedelta(minutes=1) > CLAIM
    world.clock.advance(CLAIM.total_seconds())
    await world.app.watchdog(RequestCounters())
    assert world.queue.messages == [first]
    await settle(world)
    await deliver(world.app, second)
    assert await _departments(world) == {"Sales"}


async def test_an_overwrite_takes_the_place_of_what_has_not_begun() -> None:
    """The older file is not imported for nothing; the newer one does not wait for long."""
    world = await imports_world()
    merged, first = await _started(world, people(300, 310))
    overwritten, second = await _started(world, people(0, 240, "Sales"), ImportMode.OVERWRITE)
    await deliver(world.app, first)
    assert await _failure(world, merged) == "superseded"
    await deliver(world.app, second)
    assert (await look(world, overwritten)).state is ImportState.DONE
    active = [kept for kept in await world.recipients("contoso", "berlin") if kept.status is Status.ACTIVE]
    assert len(active) == 240


async def test_what_has_begun_is_not_superseded() -> None:
    """An overwrite waits for it."""
    world = await imports_world()
    merged, first = await _started(world, people(300, 500))
    await _killed_at_its_second_batch(world, first)
    assert (await look(world, merged)).begun
    _, second = await _started(world, people(0, 240, "Sales"), ImportMode.OVERWRITE)
    with pytest.raises(Transient):
        await deliver(world.app, second)
    world.clock.advance(CLAIM.total_seconds())
    await deliver(world.app, first)
    assert (await look(world, merged)).state is ImportState.DONE


async def test_an_edit_after_the_start_stays() -> None:
    """The import reports its row by line, and applies the others; who was edited is not missing from the file."""
    world = await imports_world()
    stored = await _by_mail(world)
    edited, missing = stored["p5@example.com"], stored["p249@example.com"]
    ref, job = await _started(world, people(0, 240, "HR"), ImportMode.OVERWRITE)
    for recipient in (edited, missing):
        research = {"department": "Research"}
        await world.app.edit_recipient(CONTOSO, BERLIN, recipient.id, research, active=None, by="anna")
    await deliver(world.app, job)
    after = await _by_mail(world)
    assert after["p5@example.com"].profile.department == "Research"
    assert after["p249@example.com"].status is Status.ACTIVE
    assert after["p6@example.com"].profile.department == "HR"
    assert _reported(await look(world, ref)) == [(7, "changed_since")]


async def test_an_edited_address_is_still_the_persons() -> None:
    """The file has the address from before the edit: it does not create the person a second time."""
    world = await imports_world()
    edited = (await _by_mail(world))["p5@example.com"]
    ref, job = await _started(world, people(0, 250, "HR"))
    new_address = {"mail": "new@example.com"}
    await world.app.edit_recipient(CONTOSO, BERLIN, edited.id, new_address, active=None, by="anna")
    await deliver(world.app, job)
    after = await _by_mail(world)
    assert len(after) == 250
    assert after["new@example.com"].profile.department == "IT"
    assert _reported(await look(world, ref)) == [(7, "changed_since")]


async def test_an_edit_before_an_approval_stays() -> None:
    """An approved import applies its rows again, but not over what was changed since its first start."""
    world = await imports_world()
    content = people(0, 100, "HR")
    ref, job = await _started(world, content, ImportMode.OVERWRITE)
    await deliver(world.app, job)
    held = await look(world, ref)
    assert held.outcome is not None
    assert (held.state, held.outcome.held) == (ImportState.HELD, 150)
    edited = (await _by_mail(world))["p5@example.com"]
    research = {"department": "Research"}
    await world.app.edit_recipient(CONTOSO, BERLIN, edited.id, research, active=None, by="anna")
    await start(world, ref, content, held.outcome.held_digest or "")
    await settle(world)
    done, after = await look(world, ref), await _by_mail(world)
    assert (done.state, _reported(done)) == (ImportState.DONE, [(7, "changed_since")])
    assert after["p5@example.com"].profile.department == "Research"
    assert sum(recipient.status is Status.ACTIVE for recipient in after.values()) == 100


async def test_an_import_in_a_request_stays_too() -> None:
    """It is newer than an uploaded one that was started before; a recipient that it created is not created twice."""
    world = await imports_world()
    ref, job = await _started(world, people(0, 260, "HR"))
    newer = b"name,mail,department\nPerson 3,p3@example.com,Sales\nPerson 255,p255@example.com,Sales\n"
    await world.app.import_csv(CONTOSO, BERLIN, BytesIO(newer), ImportMode.MERGE, "", "anna")
    await deliver(world.app, job)
    after = await _by_mail(world)
    assert {after[f"p{number}@example.com"].profile.department for number in (3, 255)} == {"Sales"}
    assert _reported(await look(world, ref)) == [(5, "changed_since"), (257, "changed_since")]
    assert len(await world.recipients("contoso", "berlin")) == 260


async def test_an_overwrite_in_a_request_does_not_overtake() -> None:
    """It would be the newer one, and cannot wait: it is refused until the uploaded file is imported."""
    world = await imports_world()
    _, job = await _started(world, people(240, 260))
    content = people(0, 245, "Sales")
    with pytest.raises(Conflict) as refused:
        await world.app.import_csv(CONTOSO, BERLIN, BytesIO(content), ImportMode.OVERWRITE, "", "anna")
    assert refused.value.code == "import_active"
    await deliver(world.app, job)
    await world.app.import_csv(CONTOSO, BERLIN, BytesIO(content), ImportMode.OVERWRITE, "", "anna")
    active = [kept for kept in await world.recipients("contoso", "berlin") if kept.status is Status.ACTIVE]
    assert len(active) == 245


async def test_another_location_does_not_wait() -> None:
    """Each location has an order of its own."""
    world = await imports_world()
    await world.ports.settings.put_location(CONTOSO, MUNICH, "Munich")
    await _started(world, people(0, 250, "HR"))
    new = await world.app.upload_import.create(CONTOSO, MUNICH, ImportMode.MERGE, "anna")
    content = people(0, 5)
    await world.app.upload_import.put_part(new.ref, 1, content)
    await start(world, new.ref, content)
    await settle(world)
    assert (await look(world, new.ref)).state is ImportState.DONE


async def test_a_claim_is_renewed_while_its_worker_lives(monkeypatch: pytest.MonkeyPatch) -> None:
    """Others keep away; afterwards the import has the ETag that the claim knows."""
    monkeypatch.setattr(claim, "_RENEWED_S", 0.001)
    world = await imports_world()
    ref, job = await _started(world, people(0, 5))
    imports = world.ports.imports
    held = await Claim.take(imports, world.clock, await imports.get(ref))
    first = held.stored.value.claimed_until
    assert first == world.clock.now() + CLAIM
    async with held.renewed():
        world.clock.advance(40)
        for _ in range(1_000):
            await asyncio.sleep(0.001)
            if (await look(world, ref)).claimed_until != first:
                break
        world.clock.advance(40)
        with pytest.raises(Transient) as waits:
            await deliver(world.app, job)
        assert waits.value.code == "import_claimed"
    assert await imports.get(ref) == held.stored
