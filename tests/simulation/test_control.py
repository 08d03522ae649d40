"""A tenant's runs among themselves: requests that wait, changes of settings, and the watchdog."""

from shared.domain.ids import LocationId, TenantId
from shared.domain.preferences.preferences import Mode, Preferences
from shared.domain.run import RunMode, RunState
from shared.telemetry import RequestCounters
from shared.workflows.recipients.fenced_writer import FencedWriter
from tests.simulation.worlds import full_world
from tests.support.world import deliver


async def test_the_watchdog_leaves_a_job_alone_that_is_slow_but_works() -> None:
    """Only a run whose jobs have stood still for the whole time is taken up again."""
    world = await full_world()
    await world.request("contoso", "first")
    await deliver(world.app, world.queue.messages.pop(0))
    await deliver(world.app, world.queue.messages.pop(0))
    working = world.queue.messages.copy()
    run = await world.newest("contoso")
    plan = await world.ports.runs.get_plan(run.tenant, run.id)
    attempt = await FencedWriter.acquire(
        world.ports.recipients, run.tenant, LocationId("berlin"), fencing_token=plan.fencing_token, attempt="working"
    )
    for _ in range(3):
        world.clock.advance(1_000)
        await attempt.commit_fingerprint(input_fingerprint=None, active=0)
        await world.app.watchdog(RequestCounters())
        assert world.queue.messages == working
    world.clock.advance(1_000)
    await world.app.watchdog(RequestCounters())
    assert world.queue.messages == [*working, *working]
    await world.drain()
    assert (await world.newest("contoso")).counts.created == 60


async def test_switching_off_forgets_a_waiting_request() -> None:
    """After off is off: neither the active run nor what waited for its end comes back, and the watchdog is quiet."""
    world = await full_world()
    await world.request("contoso", "first")
    await deliver(world.app, world.queue.messages.pop(0))
    await world.request("contoso", "second", RunMode.FULL)
    await deliver(world.app, world.queue.messages.pop())
    await world.app.connect.disconnect(TenantId("contoso"))
    await world.drain()
    world.clock.advance(2_000)
    await world.app.watchdog(RequestCounters())
    assert world.queue.messages == []
    assert await world.everything("contoso") == {"berlin": [], "munich": []}
    assert [run.state async for run in world.ports.runs.list_runs(TenantId("contoso"))] == [RunState.SUPERSEDED]


async def test_a_run_past_its_deadline_is_given_up() -> None:
    """It ends as failed with the reason, the tenant is free, and the next run does the work."""
    world = await full_world()
    await world.request("contoso", "first")
    await deliver(world.app, world.queue.messages.pop(0))
    world.queue.messages.clear()
    world.clock.advance(7 * 3600)
    await world.app.watchdog(RequestCounters())
    given_up = await world.newest("contoso")
    assert (given_up.state, given_up.problems[0].code) == (RunState.FAILED, "deadline")
    run = await world.sync("contoso", "second")
    assert (run.state, run.counts.created) == (RunState.DONE, 60)


async def test_a_change_of_settings_supersedes_the_run_and_asks_for_a_new_one() -> None:
    """After the change has returned, nothing decided before it is written; the new run follows the new settings."""
    world = await full_world()
    await world.request("contoso", "first")
    await deliver(world.app, world.queue.messages.pop(0))
    await deliver(world.app, world.queue.messages.pop(0))
    stale = list(world.queue.messages)
    world.clock.advance(1)
    await world.ports.settings.put_preferences(TenantId("contoso"), Preferences(mode=Mode.FULL, include_guests=False))
    await world.app.restart_on_change.invalidate_running_work(TenantId("contoso"))
    for message in stale:
        await deliver(world.app, message)
    assert await world.everything("contoso") == {"berlin": [], "munich": []}
    world.clock.advance(1)
    await world.drain()
    runs = [run.state async for run in world.ports.runs.list_runs(TenantId("contoso"))]
    assert runs == [RunState.DONE, RunState.SUPERSEDED]
    assert len(await world.recipients("contoso", "berlin")) == 30


async def test_a_request_during_a_run_waits_and_starts_one_run_afterwards() -> None:
    """Requests coalesce: however many come, one more run follows, in the fuller mode."""
    world = await full_world()
    await world.request("contoso", "first")
    await deliver(world.app, world.queue.messages.pop(0))
    for name, mode in (("second", RunMode.INCREMENTAL), ("third", RunMode.FULL), ("fourth", RunMode.INCREMENTAL)):
        await world.request("contoso", name, mode)
    world.clock.advance(1)
    await world.drain()
    runs = [run async for run in world.ports.runs.list_runs(TenantId("contoso"))]
    assert [(run.state, run.mode) for run in runs] == [
        (RunState.DONE, RunMode.FULL),
        (RunState.DONE, RunMode.INCREMENTAL),
    ]
