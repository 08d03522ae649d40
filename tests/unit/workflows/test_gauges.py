"""The state of the deployment as metrics, reported by each watchdog."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from shared.domain.connections.connection_health import Health, HealthState
from shared.domain.ids import RunId, TenantId
from shared.domain.preferences.preferences import Mode, Preferences
from shared.domain.run import RunState, Summary
from shared.errors import Transient
from shared.workflows.tenants.summary import revise
from tests.support.builders import user
from tests.support.telemetry import Exported, exported
from tests.support.world import World

FULL = Preferences(mode=Mode.FULL)


@pytest.fixture
def kept() -> Iterator[Exported]:
    """Everything that is exported."""
    with exported() as exporting:
        yield exporting


async def test_tenants_by_state(kept: Exported) -> None:
    """Every state has a value, also that without tenants."""
    world = World()
    for name in ("one", "two", "three", "four"):
        await world.tenant(name, [user(1)], FULL, {})
    await world.ports.connections.delete(TenantId("four"))
    await world.ports.connections.replace_health(TenantId("three"), Health(state=HealthState.NEEDS_ATTENTION), None)
    await world.app.gauges()
    found = {state: kept.total("recipient_sync.tenants", state=state) for state in ("on", "failing", "off")}
    assert found == {"on": 2, "failing": 0, "off": 1}
    assert kept.total("recipient_sync.tenants", state="needs_attention") == 1


async def test_held_runs_and_their_age(kept: Exported) -> None:
    """The oldest counts."""
    world = World()
    for name, hours in (("one", 30), ("two", 2)):
        await world.tenant(name, [user(1)], FULL, {})
        at = world.clock.now() - timedelta(hours=hours)
        held = Summary(run=RunId("r"), state=RunState.HELD, finished_at=at, held=RunId("r"))
        await revise(world.ports.sync_states, TenantId(name), lambda _, held=held: held)  # type: ignore[misc]
    await world.app.gauges()
    assert kept.total("recipient_sync.held_runs") == 2
    assert kept.total("recipient_sync.held_runs.age") == 30 * 3600


async def test_the_age_of_messages(kept: Exported) -> None:
    """Counted from when they were due; a queue without messages has the age 0."""
    world = World()
    world.queue.due["fetch-jobs"] = world.clock.now() - timedelta(seconds=90)
    world.queue.due["import-jobs"] = world.clock.now() + timedelta(seconds=90)
    await world.app.gauges()
    queues = ("fetch-jobs", "reconcile-jobs", "import-jobs", "sync-requests")
    assert [kept.total("recipient_sync.queue.age", queue=queue) for queue in queues] == [90, 0, 0, 0]
    assert ("recipient_sync.queue.age", {"queue": "reconcile-jobs"}, 0) in kept.points()


async def test_a_failure_is_told(kept: Exported, monkeypatch: pytest.MonkeyPatch) -> None:
    """The watchdog does not fail; an event says why a value is missing."""
    world = World()

    async def busy(_: str) -> None:
        raise Transient("busy", code="storage_busy")

    monkeypatch.setattr(world.queue, "oldest_due", busy)
    await world.app.gauges()
    assert "gauges_failed code=storage_busy" in [line.log_record.body for line in kept.logs()]
