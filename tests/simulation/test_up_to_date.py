"""A run in which nothing has changed ends where it has read: it compares nothing, and trusts nobody who wrote since."""

import contextlib
from io import BytesIO

import msgspec
import pytest

from shared.domain.ids import LocationId, TenantId
from shared.domain.imports.row_decisions import ImportMode
from shared.domain.run import RunMode, RunState, TenantState
from shared.telemetry import RequestCounters
from shared.workflows.recipients.fenced_writer import acquire_for_manual_change
from tests.simulation.worlds import full_world
from tests.support.builders import person, user
from tests.support.fakes import FakeSyncStateStore, directories_of
from tests.support.world import Crash, Fuse, World, deliver, drain_with_retries

CONTOSO = TenantId("contoso")
BERLIN = LocationId("berlin")


async def _jobs(world: World, request: str, mode: RunMode = RunMode.INCREMENTAL) -> list[str]:
    """Do a run, and return the names of the messages that it took."""
    world.clock.advance(60)
    await world.request("contoso", request, mode)
    names = []
    while world.queue.messages:
        message = world.queue.messages.pop(0)
        names.append(type(message).__name__)
        await deliver(world.app, message)
    return names


async def test_nothing_changed_takes_two_messages() -> None:
    """The request and the fetch; the report has every location with its recipients, and none was compared."""
    world = await full_world()
    first = await world.sync("contoso", "first")
    assert await _jobs(world, "second") == ["SyncRequest", "FetchJob"]
    run = await world.newest("contoso")
    assert run.state is RunState.DONE
    assert {name: report.active for name, report in run.locations.items()} == {
        name: report.active for name, report in first.locations.items()
    }
    assert not any(report.compared for report in run.locations.values())
    state = (await world.ports.sync_states.get(CONTOSO)).value
    assert (state.active_run, state.summary.run, state.summary.recipients) == (None, run.id, 60)
    assert await _jobs(world, "third") == ["SyncRequest", "FetchJob"]


async def test_a_full_run_compares_everything() -> None:
    """Whatever is settled."""
    world = await full_world()
    await world.sync("contoso", "first")
    assert (await _jobs(world, "second", RunMode.FULL)).count("ReconcileJob") == 2
    assert await _jobs(world, "third") == ["SyncRequest", "FetchJob"]


async def test_a_run_ends_with_its_last_location_unless_somebody_left() -> None:
    """Only then is there a message more, and only that one asks the directory: reconcile jobs never do."""
    world = await full_world()
    await world.sync("contoso", "first")
    world.directory().put(user(40))
    assert await _jobs(world, "second") == ["SyncRequest", "FetchJob", "ReconcileJob", "ReconcileJob"]
    assert (await world.newest("contoso")).state is RunState.DONE
    world.directory().remove(person(40))
    world.clock.advance(60)
    await world.request("contoso", "third")
    asked: dict[str, int] = {}
    while world.queue.messages:
        message, before = world.queue.messages.pop(0), directories_of(world.ports).logins
        await deliver(world.app, message)
        name = type(message).__name__
        asked[name] = asked.get(name, 0) + directories_of(world.ports).logins - before
    assert asked == {"SyncRequest": 0, "FetchJob": 1, "ReconcileJob": 0, "DeactivateJob": 1}
    run = await world.newest("contoso")
    assert (run.state, run.counts.deactivated) == (RunState.DONE, 2)


async def test_whoever_writes_by_hand_has_the_location_compared() -> None:
    """A run after an import compares; the one after that has nothing to do again."""
    world = await full_world()
    await world.sync("contoso", "first")
    text = b"external_id,display_name\n7,Guest\n"
    await world.app.import_csv(CONTOSO, BERLIN, BytesIO(text), ImportMode.MERGE, "", "anna")
    assert (await world.ports.sync_states.get(CONTOSO)).value.up_to_date is None
    assert (await _jobs(world, "second")).count("ReconcileJob") == 2
    run = await world.newest("contoso")
    assert run.locations[BERLIN].active == 31
    assert await _jobs(world, "third") == ["SyncRequest", "FetchJob"]
    assert (await world.newest("contoso")).locations[BERLIN].active == 31


async def test_nobody_claims_a_location_and_leaves_it_settled() -> None:
    """Not even when somebody else writes the state between reading and writing it."""
    world = await full_world()
    await world.sync("contoso", "first")

    class Contended(FakeSyncStateStore):
        """A store in which the first swap of a state comes too late."""

        late = True

        async def replace(self, tenant: TenantId, state: TenantState, etag: str | None) -> str:
            if self.late:
                self.late = False
                await self.replace(tenant, *await self.get(tenant))
            return await super().replace(tenant, state, etag)

    assert isinstance(world.ports.sync_states, FakeSyncStateStore)
    contended = Contended(world.ports.sync_states.rows)
    await acquire_for_manual_change(contended, world.ports.recipients, CONTOSO, BERLIN, "attempt")
    assert not contended.late
    assert (await contended.get(CONTOSO)).value.up_to_date is None


async def test_a_change_of_configuration_has_everything_compared() -> None:
    """New preferences are other inputs, and another fencing token."""
    world = await full_world()
    await world.sync("contoso", "first")
    preferences = await world.ports.settings.get_preferences(CONTOSO)
    await world.ports.settings.put_preferences(CONTOSO, preferences)
    await world.app.restart_on_change.invalidate_running_work(CONTOSO)
    assert (await _jobs(world, "second")).count("ReconcileJob") == 2


async def test_what_is_held_is_not_settled() -> None:
    """Whoever waits for approval is found again by the next run."""
    world = await full_world()
    await world.sync("contoso", "first")
    for number in range(29):
        world.directory().remove(person(number))
    held = await world.sync("contoso", "second")
    assert held.state is RunState.HELD
    assert (await _jobs(world, "third")).count("ReconcileJob") == 2
    assert (await world.newest("contoso")).state is RunState.HELD


async def test_a_lost_report_has_everything_compared() -> None:
    """The numbers of recipients come from the report of the run that settled them."""
    world = await full_world()
    first = await world.sync("contoso", "first")
    stored = await world.ports.runs.get(CONTOSO, first.id)
    shorter = msgspec.structs.replace(stored.value, locations={})
    await world.ports.runs.replace(shorter, stored.etag)
    assert (await _jobs(world, "second")).count("ReconcileJob") == 2


@pytest.mark.parametrize("after", [False, True], ids=["before the effect", "after the effect"])
@pytest.mark.parametrize("lost", [False, True], ids=["delivered again", "message lost"])
async def test_killed_at_every_call(after: bool, lost: bool) -> None:  # noqa: FBT001 - parameters of the test
    """Wherever the worker dies, the run ends as it would have, and the tenant is free."""
    calls = 0
    while True:
        world = await full_world()
        await world.sync("contoso", "first")
        before = await world.everything("contoso")
        world.clock.advance(60)
        await world.request("contoso", "second")
        fuse = Fuse(calls, after=after)
        app = world.fragile(fuse)
        if lost:
            while world.queue.messages:
                with contextlib.suppress(Crash):
                    await world.drain(app)
            for _ in range(4):
                world.clock.advance(1_000)
                await world.app.watchdog(RequestCounters())
                await world.drain()
        else:
            await drain_with_retries(world, app)
        run = await world.newest("contoso")
        state = (await world.ports.sync_states.get(CONTOSO)).value
        assert run.state is RunState.DONE, f"killed at call {calls}"
        assert {report.active for report in run.locations.values()} == {30}, f"killed at call {calls}"
        assert await world.everything("contoso") == before, f"killed at call {calls}"
        assert state.active_run is None, f"killed at call {calls}"
        assert state.summary.run == run.id, f"killed at call {calls}"
        if not fuse.blown:
            break
        calls += 1
    assert calls > 15, "the fuse has been everywhere"
