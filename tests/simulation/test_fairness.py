"""What a broken or an enormous customer may take of a worker."""

from collections.abc import Sequence

import msgspec
import pytest

from shared.domain.connections.connection_health import HealthState
from shared.domain.directory import ChangesPage
from shared.domain.ids import LocationId, TenantId
from shared.domain.run import RunMode, RunState
from shared.domain.sync.jobs import Job, ReconcileJob
from shared.errors import NeedsAttention, Transient
from shared.runtime.bulkhead import Bulkhead
from shared.telemetry import count_requests
from shared.workflows.sync import reconcile
from tests.simulation.worlds import LEADS, full_world, groups_world
from tests.support.fakes import FakeDirectory
from tests.support.world import World, deliver

CONTOSO, BERLIN = TenantId("contoso"), LocationId("berlin")
OUT_OF_ORDER = Transient("503", code="graph_failing")


async def drained(world: World) -> list[tuple[str, float]]:
    """Work everything off, and return the names of the messages that were sent meanwhile with their delays."""
    sent: list[tuple[str, float]] = []
    while world.queue.messages:
        before = len(world.queue.messages) - 1
        await deliver(world.app, world.queue.messages.pop(0))
        new: Sequence[Job] = world.queue.messages[before:]
        sent += [(type(each).__name__, world.queue.last_delay_s) for each in new]
    return sent


async def test_a_directory_out_of_order_is_asked_three_times_and_later_each_time() -> None:
    """Then the run has failed, the schedule waits, and nobody was hurt."""
    world = await full_world()
    await world.sync("contoso", "first")
    before = await world.everything("contoso")
    world.directory().unreadable_changes = OUT_OF_ORDER
    world.clock.advance(60)
    await world.request("contoso", "second")
    assert await drained(world) == [("FetchJob", 0), ("FetchJob", 60), ("FetchJob", 120)]
    run = await world.newest("contoso")
    assert (run.state, [problem.code for problem in run.problems]) == (RunState.FAILED, ["graph_failing"])
    assert (await world.ports.connections.get_health(CONTOSO)).value.state is HealthState.FAILING
    assert await world.everything("contoso") == before


class _Slow(FakeDirectory):
    """Says nothing to the first request for changes."""

    asked = 0

    async def changes(self, cursor: str) -> ChangesPage:
        """Return what has changed, if asked twice."""
        self.asked += 1
        if self.asked == 1:
            raise TimeoutError
        return await super().changes(cursor)


async def test_a_directory_that_is_late_is_read_by_the_next_message() -> None:
    """Silence is no failure yet."""
    world = await full_world()
    await world.sync("contoso", "first")
    world.directory().__class__ = _Slow
    world.clock.advance(60)
    await world.request("contoso", "second")
    assert await drained(world) == [("FetchJob", 0), ("FetchJob", 60)]
    assert (await world.newest("contoso")).state is RunState.DONE


async def test_a_run_that_could_read_nothing_ends_there() -> None:
    """No location is read or taken for it, so that the next run finds them as they were."""
    world = await full_world()
    await world.sync("contoso", "first")
    fence = await world.ports.recipients.get_fence(CONTOSO, BERLIN)
    world.directory().unreadable_changes = NeedsAttention("403", code="Authorization_RequestDenied")
    world.clock.advance(60)
    await world.request("contoso", "second")
    assert await drained(world) == [("FetchJob", 0)]
    failed = await world.newest("contoso")
    assert (failed.state, failed.problems[0].concerns) == (RunState.FAILED, "users")
    assert await world.ports.recipients.get_fence(CONTOSO, BERLIN) == fence
    world.directory().unreadable_changes = None
    run = await world.sync("contoso", "third")
    assert run.state is RunState.DONE
    assert not any(report.compared for report in run.locations.values())


async def test_a_location_without_sources_is_decided_about_whatever_could_be_read() -> None:
    """Its people leave although the only group that is left could not be read."""
    world = await groups_world()
    await world.sync("fabrikam", "first")
    for location in ("berlin", "munich"):
        await world.ports.settings.delete_location(TenantId("fabrikam"), LocationId(location))
    await world.ports.settings.put_location(TenantId("fabrikam"), LocationId("rome"), "rome")
    world.directory().members.pop(LEADS)
    world.clock.advance(60)
    await world.request("fabrikam", "second")
    names = [name for name, _ in await drained(world)]
    assert names.count("ReconcileJob") == 2
    assert (await world.newest("fabrikam")).state is RunState.FAILED


async def test_a_large_comparison_without_a_place_waits_in_the_queue(monkeypatch: pytest.MonkeyPatch) -> None:
    """The location's fence stays as it is, and each further attempt sends no request. Small ones need no slot."""
    world = await full_world()
    await world.sync("contoso", "first")
    monkeypatch.setattr(reconcile, "LARGE_PEOPLE", 30)
    large = Bulkhead(1)
    world.app.reconcile = msgspec.structs.replace(world.app.reconcile, large=large)
    world.clock.advance(60)
    await world.request("contoso", "second", RunMode.FULL)
    while not isinstance(job := world.queue.messages.pop(0), ReconcileJob):
        await deliver(world.app, job)
    fence = await world.ports.recipients.get_fence(CONTOSO, job.location)
    with large.acquire():
        await deliver(world.app, job)
        waiting = world.queue.messages.pop()
        assert world.queue.last_delay_s > 0
        with pytest.raises(Transient) as caught, count_requests() as counters:
            await deliver(world.app, waiting)
        assert caught.value.retry_after_s is not None
        assert counters.storage_requests == 0
    assert await world.ports.recipients.get_fence(CONTOSO, job.location) == fence
    monkeypatch.setattr(reconcile, "LARGE_PEOPLE", 31)
    await deliver(world.app, job)
    await world.drain()
    assert (await world.newest("contoso")).state is RunState.DONE
