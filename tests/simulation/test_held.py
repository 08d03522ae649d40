"""A held run: approved, rejected, expired; and whoever returned meanwhile is left out."""

import asyncio
import dataclasses

import msgspec
import pytest

from shared.bootstrap import App
from shared.domain.ids import LocationId, TenantId
from shared.domain.recipient import Reason, Status
from shared.domain.reconcile.candidate import Candidate
from shared.domain.reconcile.guard import digest
from shared.domain.run import Run, RunState
from shared.domain.sync.jobs import DeactivateJob
from shared.errors import Conflict, Contended, NeedsAttention, Rejected
from shared.telemetry import RequestCounters
from tests.simulation.importing import Interrupting
from tests.simulation.worlds import TEMPS, careful_world, full_world
from tests.support.builders import person, recipient_id_for, user
from tests.support.interleaving import interleaving
from tests.support.world import SETTINGS, World, deliver

CONTOSO = TenantId("contoso")
#: Twenty-five of thirty people: far beyond the guard.
LEAVERS = [person(number) for number in range(25)]


async def held_world() -> tuple[World, Run]:
    """Return a world whose last run holds the deactivation of most people, and that run."""
    world = await full_world()
    await world.sync("contoso", "first")
    world.directory().remove(*LEAVERS)
    run = await world.sync("contoso", "second")
    assert (run.state, run.counts.deactivated) == (RunState.HELD, 0)
    assert {report.held for report in run.locations.values()} == {25}
    return world, run


async def approve(world: World, run: Run, by: str = "person:t:o") -> Run:
    """Approve what a run holds, work it off, and return the run."""
    await world.app.review_held.approve(CONTOSO, run.id, run.held_digest or "", by)
    await world.drain()
    return await world.run("contoso", run.id)


async def active(world: World, location: str = "berlin") -> set[str]:
    """Return who is active at a location."""
    return {
        recipient.id for recipient in await world.recipients("contoso", location) if recipient.status is Status.ACTIVE
    }


async def test_what_is_approved_is_done() -> None:
    """Exactly the held set, with its reason, by the person who approved it; the tenant is free afterwards."""
    world, run = await held_world()
    done = await approve(world, run)
    assert (done.state, done.counts.deactivated, done.held_digest) == (RunState.DONE, 50, None)
    assert done.decision is not None
    assert (done.decision.approved, done.decision.by) == (True, "person:t:o")
    assert await active(world) == set(map(recipient_id_for, range(25, 30)))
    journal = [each async for each in world.ports.recipients.list_journal(CONTOSO, next(iter(done.locations)), run.id)]
    assert {entry.actor for entry in journal if entry.changes} == {"person:t:o"}
    assert {change.reason for entry in journal for change in entry.changes} == {Reason.ACCOUNT_DELETED}
    assert (await world.ports.sync_states.get(CONTOSO)).value.active_run is None
    assert (await world.sync("contoso", "third")).counts.deactivated == 0


async def test_what_an_earlier_delivery_has_stored_is_approved_with_the_rest() -> None:
    """It died before the run was held, and one who had left has returned: an approval could deactivate them as well."""
    world = await careful_world()
    await world.sync("fabrikam", "first")
    world.clock.advance(60)
    world.directory().members[TEMPS] = []
    await world.request("fabrikam", "second")
    while not isinstance(world.queue.messages[0], DeactivateJob):
        await deliver(world.app, world.queue.messages.pop(0))
    run, fabrikam = await world.newest("fabrikam"), TenantId("fabrikam")
    left = Candidate(recipient=recipient_id_for(1), object_id=person(1), reason=Reason.LEFT_GROUP)
    await world.ports.runs.record_held(fabrikam, run.id, LocationId("berlin"), [left])
    await world.drain()
    held = await world.ports.runs.list_held(fabrikam, run.id)
    run = await world.run("fabrikam", run.id)
    assert {location: report.held for location, report in run.locations.items()} == {
        "berlin": 1,
        "munich": 13,
        "paris": 0,
    }
    assert run.held_digest == digest((location, one) for location, people in held.items() for one in people)


async def test_whoever_has_returned_is_left_out() -> None:
    """Asked about once more when it is approved."""
    world, run = await held_world()
    world.directory().put(user(3), user(4))
    done = await approve(world, run)
    assert done.counts.deactivated == 46
    assert {recipient_id_for(3), recipient_id_for(4)} <= await active(world)


@pytest.mark.parametrize("times", [2, 3])
async def test_an_approval_may_be_sent_and_delivered_several_times(times: int) -> None:
    """It is one approval."""
    world, run = await held_world()
    for _ in range(times):
        await world.app.review_held.approve(CONTOSO, run.id, run.held_digest or "", "api")
    await world.drain(times=times)
    done = await world.run("contoso", run.id)
    assert (done.state, done.counts.deactivated) == (RunState.DONE, 50)


async def test_approvals_at_the_same_time_are_one() -> None:
    """Each of them answers, the run ends, and the tenant is free; also beside a rejection that comes too late."""
    world, run = await held_world()
    app = App(interleaving(world.ports), SETTINGS)
    digest = run.held_digest or ""
    approved = await asyncio.gather(*(app.review_held.approve(CONTOSO, run.id, digest, "api") for _ in range(4)))
    assert {each.state for each in approved} == {RunState.DEACTIVATING}
    with pytest.raises(Rejected):
        await app.review_held.reject(CONTOSO, run.id, "api")
    await world.drain()
    assert (await world.run("contoso", run.id)).state is RunState.DONE
    assert (await world.ports.sync_states.get(CONTOSO)).value.active_run is None


async def test_an_approval_that_meets_a_rejection_frees_the_tenant() -> None:
    """One of the two counts, and the other one says so."""
    for turns in range(8):
        world, run = await held_world()
        app = App(interleaving(world.ports), SETTINGS)

        async def reject(app: App = app, run: Run = run, turns: int = turns) -> Run:
            for _ in range(turns):
                await asyncio.sleep(0)
            return await app.review_held.reject(CONTOSO, run.id, "api")

        await asyncio.gather(
            app.review_held.approve(CONTOSO, run.id, run.held_digest or "", "api"), reject(), return_exceptions=True
        )
        await world.drain()
        decided = await world.run("contoso", run.id)
        assert (decided.state, decided.decision is not None) == (RunState.DONE, True)
        assert (await world.ports.sync_states.get(CONTOSO)).value.active_run is None


async def test_an_approved_run_without_the_tenant_takes_it_again_or_ends() -> None:
    """As runs were left by an approval that released the tenant although it had been stored."""
    world, run = await held_world()
    await world.app.review_held.approve(CONTOSO, run.id, run.held_digest or "", "api")
    world.queue.messages.clear()
    state, etag = await world.ports.sync_states.get(CONTOSO)
    await world.ports.sync_states.replace(CONTOSO, msgspec.structs.replace(state, active_run=None), etag)
    assert (await approve(world, run)).counts.deactivated == 50
    world, run = await held_world()
    await world.app.review_held.approve(CONTOSO, run.id, run.held_digest or "", "api")
    world.queue.messages.clear()
    state, etag = await world.ports.sync_states.get(CONTOSO)
    left = msgspec.structs.replace(state, active_run=None, fencing_token=state.fencing_token + 1)
    await world.ports.sync_states.replace(CONTOSO, left, etag)
    with pytest.raises(Conflict) as refused:
        await approve(world, run)
    assert refused.value.code == "held_expired"
    ended = await world.run("contoso", run.id)
    assert (ended.state, ended.problems[0].code) == (RunState.SUPERSEDED, "held_expired")


async def test_what_is_rejected_is_dropped() -> None:
    """Nobody is deactivated; the next run finds the same people, and asks again."""
    world, run = await held_world()
    rejected = await world.app.review_held.reject(CONTOSO, run.id, "api")
    assert (rejected.state, rejected.held_digest, rejected.decision is not None) == (RunState.DONE, None, True)
    assert await world.app.review_held.reject(CONTOSO, run.id, "api") == rejected
    assert len(await active(world)) == 30
    with pytest.raises(Rejected) as refused:
        await world.app.review_held.approve(CONTOSO, run.id, run.held_digest or "", "api")
    assert refused.value.code == "not_held"
    again = await world.sync("contoso", "third")
    assert (again.state, again.held_digest) == (RunState.HELD, run.held_digest)


async def test_only_the_very_set_can_be_approved() -> None:
    """Another digest names other people."""
    world, run = await held_world()
    with pytest.raises(Rejected) as refused:
        await world.app.review_held.approve(CONTOSO, run.id, "another", "api")
    assert refused.value.code == "digest_mismatch"
    done = await world.sync("contoso", "third")
    with pytest.raises(Rejected) as refused:
        await world.app.review_held.reject(CONTOSO, (await world.app.run_history.list_runs(CONTOSO))[0][-1].id, "api")
    assert refused.value.code == "not_held"
    assert done.state is RunState.HELD


async def test_a_held_run_expires_with_the_next_one() -> None:
    """And with a change of configuration; while another run is under way nobody can approve either."""
    world, run = await held_world()
    world.clock.advance(60)
    await world.request("contoso", "third")
    await deliver(world.app, world.queue.messages.pop(0))
    with pytest.raises(Conflict) as refused:
        await world.app.review_held.approve(CONTOSO, run.id, run.held_digest or "", "api")
    assert refused.value.code == "held_expired"
    await world.drain()
    newest = await world.newest("contoso")
    await world.app.locations.put(CONTOSO, next(iter(run.locations)), "Renamed")
    await world.app.restart_on_change.invalidate_running_work(CONTOSO)
    with pytest.raises(Conflict) as refused:
        await world.app.review_held.approve(CONTOSO, newest.id, newest.held_digest or "", "api")
    assert refused.value.code == "held_expired"


async def test_an_approval_without_a_directory_holds_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody can say who has returned, so nobody is deactivated, and it can be approved again."""
    world, run = await held_world()
    check_existence = world.directory().check_existence

    async def refused(*_: object) -> None:
        raise NeedsAttention("not allowed", code="Authorization_RequestDenied")

    monkeypatch.setattr(world.directory(), "check_existence", refused)
    still = await approve(world, run)
    assert (still.state, still.held_digest, still.decision) == (RunState.HELD, run.held_digest, None)
    assert {problem.code for problem in still.problems} >= {"guard", "Authorization_RequestDenied"}
    assert len(await active(world)) == 30
    monkeypatch.setattr(world.directory(), "check_existence", check_existence)
    assert (await approve(world, still)).counts.deactivated == 50


async def test_an_approved_exodus_is_no_drip() -> None:
    """The next person who leaves is not held because of those whom somebody has approved."""
    world, run = await held_world()
    await approve(world, run)
    world.directory().remove(person(25))
    after = await world.sync("contoso", "third")
    assert (after.state, after.counts.deactivated) == (RunState.DONE, 2)


async def test_an_approval_whose_message_is_lost_is_taken_up_again() -> None:
    """By the watchdog, like any stage of a run."""
    world, run = await held_world()
    await world.app.review_held.approve(CONTOSO, run.id, run.held_digest or "", "api")
    world.queue.messages.clear()
    for _ in range(3):
        world.clock.advance(1_000)
        await world.app.watchdog(RequestCounters())
        await world.drain()
    assert (await world.run("contoso", run.id)).counts.deactivated == 50


async def test_a_tenant_that_was_taken_in_vain_is_freed() -> None:
    """The process died between taking the tenant and noting the approval: the run can still be approved."""
    world, run = await held_world()
    state, etag = await world.ports.sync_states.get(CONTOSO)
    taken = type(state)(
        fencing_token=state.fencing_token,
        config_version=state.config_version,
        requests=state.requests,
        active_run=run.id,
        active_since=world.clock.now(),
    )
    await world.ports.sync_states.replace(CONTOSO, taken, etag)
    world.clock.advance(1_000)
    await world.app.watchdog(RequestCounters())
    assert (await world.ports.sync_states.get(CONTOSO)).value.active_run is None
    assert (await approve(world, run)).counts.deactivated == 50


async def test_what_was_held_after_the_approval_awaits_another_one() -> None:
    """A delivery that another one had overtaken stored more people than the approved set has."""
    world = await careful_world()
    await world.sync("fabrikam", "first")
    world.clock.advance(60)
    world.directory().members[TEMPS] = []
    fabrikam, run = TenantId("fabrikam"), await world.sync("fabrikam", "second")
    left = Candidate(recipient=recipient_id_for(1), object_id=person(1), reason=Reason.LEFT_GROUP)
    await world.ports.runs.record_held(fabrikam, run.id, LocationId("berlin"), [left])
    await world.app.review_held.approve(fabrikam, run.id, run.held_digest or "", "anna")
    await world.drain()
    again = await world.run("fabrikam", run.id)
    assert (again.state, again.counts.deactivated) == (RunState.HELD, 0)
    assert again.held_digest != run.held_digest
    await world.app.review_held.approve(fabrikam, run.id, again.held_digest or "", "anna")
    await world.drain()
    assert (await world.run("fabrikam", run.id)).counts.deactivated == 13


async def test_an_overtaken_delivery_does_not_end_what_was_approved() -> None:
    """It has asked the directory before the run was held, and goes on once it is approved."""
    world = await full_world()
    await world.sync("contoso", "first")
    world.directory().remove(*LEAVERS)
    await world.request("contoso", "second")
    while not isinstance(world.queue.messages[0], DeactivateJob):
        await deliver(world.app, world.queue.messages.pop(0))
    (job,) = [message for message in world.queue.messages if isinstance(message, DeactivateJob)]
    world.queue.messages.clear()

    async def approved() -> None:
        await deliver(world.app, job)
        run = await world.run("contoso", job.run)
        await world.app.review_held.approve(CONTOSO, run.id, run.held_digest or "", "anna")

    overtaken = Interrupting(world.ports.runs, "replace", 1, approved)
    with pytest.raises(Contended):
        await deliver(App(dataclasses.replace(world.ports, runs=overtaken), SETTINGS), job)
    await world.drain()
    done = await world.run("contoso", job.run)
    assert (done.state, done.counts.deactivated) == (RunState.DONE, 50)


async def test_what_a_failed_run_found_is_found_again() -> None:
    """It ended before its deactivations. The next run has the same inputs, and does not take the locations for done."""
    world = await full_world()
    await world.sync("contoso", "first")
    world.clock.advance(60)
    world.directory().remove(*LEAVERS)
    await world.request("contoso", "second")
    while not isinstance(world.queue.messages[0], DeactivateJob):
        await deliver(world.app, world.queue.messages.pop(0))
    world.queue.messages.clear()
    world.clock.advance(SETTINGS.run_deadline_s)
    await world.app.watchdog(RequestCounters())
    assert (await world.newest("contoso")).state is RunState.FAILED
    again = await world.sync("contoso", "third")
    assert (again.state, {report.held for report in again.locations.values()}) == (RunState.HELD, {25})
