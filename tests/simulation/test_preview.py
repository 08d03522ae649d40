"""A preview says what a run would do, and does nothing of it."""

import msgspec
import pytest

from shared.domain.ids import LocationId, TenantId
from shared.domain.preferences.preferences import Mode, Preferences
from shared.domain.recipient import ChangeKind, Reason
from shared.domain.run import Run, RunMode, RunState
from shared.errors import Conflict, Transient
from tests.simulation.worlds import full_world, groups_world
from tests.support.builders import person, user
from tests.support.world import World, deliver

CONTOSO, FABRIKAM = TenantId("contoso"), TenantId("fabrikam")


async def preview(world: World, tenant: TenantId, preferences: Preferences | None = None) -> Run:
    """Preview, and return the run."""
    world.clock.advance(60)
    asked = await world.app.request_run.preview(tenant, RunMode.INCREMENTAL, preferences)
    await world.drain()
    return await world.run(tenant, asked.id)


async def changes(world: World, tenant: TenantId, run: Run) -> set[tuple[str, str, str, str | None]]:
    """Return a run's changes."""
    found, _ = await world.app.run_history.list_changes(tenant, run.id)
    return {(each.location, each.kind, each.reason, each.object_id) for each in found}


async def changed_world() -> World:
    """Return a world after its first sync, in whose directory somebody joined, changed and left since."""
    world = await full_world()
    await world.sync("contoso", "first")
    world.clock.advance(60)  # runs of one millisecond have no order
    world.directory().put(user(30), user(1, display_name="New Name"))
    world.directory().remove(person(3))
    return world


async def test_a_preview_says_what_the_next_run_does() -> None:
    """The same counts, the same people at the same locations; recipients and fences stay as they are."""
    world = await changed_world()
    before = await world.everything("contoso")
    fence = await world.ports.recipients.get_fence(CONTOSO, LocationId("berlin"))
    seen = await preview(world, CONTOSO)
    assert (seen.state, seen.preview, seen.problems) == (RunState.DONE, True, ())
    assert await world.everything("contoso") == before
    assert await world.ports.recipients.get_fence(CONTOSO, LocationId("berlin")) == fence
    run = await world.sync("contoso", "second")
    assert (seen.counts, {name: location.active for name, location in seen.locations.items()}) == (
        run.counts,
        {name: location.active for name, location in run.locations.items()},
    )
    assert await changes(world, CONTOSO, seen) == await changes(world, CONTOSO, run)
    assert ("berlin", ChangeKind.DEACTIVATED, Reason.ACCOUNT_DELETED, person(3)) in await changes(world, CONTOSO, seen)


async def test_a_change_of_mode_is_seen_before_it_is_saved() -> None:
    """How many recipients there would be, at each location; the stored preferences stay."""
    world = await groups_world()
    await world.sync("fabrikam", "first")
    stored = await world.ports.settings.get_preferences(FABRIKAM)
    seen = await preview(world, FABRIKAM, Preferences(mode=Mode.FULL))
    assert {report.active for report in seen.locations.values()} == {30}
    assert len(seen.locations) == 3
    assert seen.counts.created == sum(30 - len(found) for found in (await world.everything("fabrikam")).values())
    assert await world.ports.settings.get_preferences(FABRIKAM) == stored


async def test_a_preview_says_that_a_run_would_be_held() -> None:
    """With whom it would hold; and what it would hold is no loss that counts."""
    world = await full_world()
    await world.sync("contoso", "first")
    world.directory().remove(*(person(number) for number in range(25)))
    seen = await preview(world, CONTOSO)
    assert (seen.state, seen.counts.deactivated, seen.held_digest) == (RunState.DONE, 50, None)
    assert {problem.code for problem in seen.problems} == {"guard"}
    run = await world.sync("contoso", "second")
    assert run.state is RunState.HELD
    assert "after" not in run.problems[0].detail
    await preview(world, CONTOSO)
    await world.app.review_held.approve(CONTOSO, run.id, run.held_digest or "", "api")
    await world.drain()
    assert (await world.run("contoso", run.id)).counts.deactivated == 50


async def test_a_preview_waits_for_nobody_and_nobody_becomes_one() -> None:
    """Refused while a run is under way; a run that was asked for meanwhile is a run."""
    world = await changed_world()
    world.clock.advance(60)
    await world.request("contoso", "second")
    await deliver(world.app, world.queue.messages.pop(0))
    with pytest.raises(Conflict) as refused:
        await world.app.request_run.preview(CONTOSO, RunMode.INCREMENTAL, None)
    assert refused.value.code == "run_active"
    await world.drain()
    world.clock.advance(60)
    seen = await world.app.request_run.preview(CONTOSO, RunMode.INCREMENTAL, None)
    await deliver(world.app, world.queue.messages.pop(0))
    asked = await world.app.request_run(CONTOSO, RunMode.INCREMENTAL)
    await world.drain()
    assert (await world.run("contoso", seen.id)).state is RunState.DONE
    assert not (await world.run("contoso", asked.id)).preview
    assert (await world.run("contoso", asked.id)).state is RunState.DONE


async def test_a_preview_that_comes_too_late_is_closed() -> None:
    """It could not be planned, and before its message was delivered another run began."""
    world = await changed_world()
    world.clock.advance(60)

    async def busy(*_: object) -> None:
        raise Transient("busy", code="storage_busy")

    request_run = msgspec.structs.replace(world.app.request_run, plan=busy)
    seen = await request_run.preview(CONTOSO, RunMode.INCREMENTAL, None)
    late = world.queue.messages.pop(0)
    await world.request("contoso", "second")
    await deliver(world.app, world.queue.messages.pop(0))
    await deliver(world.app, late)
    closed = await world.run("contoso", seen.id)
    assert (closed.state, closed.problems[0].code) == (RunState.SUPERSEDED, "run_active")
    await world.drain()


async def test_a_change_of_configuration_ends_a_preview_and_asks_for_nothing() -> None:
    """Nobody asked for a run."""
    world = await changed_world()
    seen = await world.app.request_run.preview(CONTOSO, RunMode.INCREMENTAL, None)
    await deliver(world.app, world.queue.messages.pop(0))
    await world.app.restart_on_change.invalidate_running_work(CONTOSO)
    await world.drain()
    assert (await world.newest("contoso")).id == seen.id
    assert (await world.run("contoso", seen.id)).state is RunState.SUPERSEDED


async def test_a_preview_that_cannot_be_asked_for_is_not_left_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """It has failed, as the caller is told."""
    world = await changed_world()

    async def dead(*_: object, **__: object) -> None:
        raise Transient("no queue", code="storage_unreachable")

    monkeypatch.setattr(world.queue, "send", dead)
    world.clock.advance(60)
    with pytest.raises(Transient):
        await world.app.request_run.preview(CONTOSO, RunMode.INCREMENTAL, None)
    assert (await world.newest("contoso")).state is RunState.FAILED
