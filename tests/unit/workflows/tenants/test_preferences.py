"""Preferences are checked, and a change of them ends what runs on the old ones."""

import pytest

from shared.bootstrap import App, Ports
from shared.domain.ids import TenantId
from shared.domain.preferences.preferences import GuardLimits, Mode, Preferences
from shared.domain.run import RunMode, RunState
from shared.domain.sync.jobs import SyncRequest
from shared.errors import Rejected
from shared.telemetry import RequestCounters
from tests.support.builders import user
from tests.support.world import World


async def _epoch(ports: Ports, tenant: TenantId) -> int:
    return (await ports.sync_states.get(tenant)).value.config_version


async def test_preferences_advance_the_epoch_when_they_change(app: App, ports: Ports, contoso: TenantId) -> None:
    """The same preferences again change nothing."""
    full = Preferences(mode=Mode.FULL)
    for expected in (1, 1):
        assert (await app.preferences.put(contoso, full)).value == full
        assert await _epoch(ports, contoso) == expected
    assert (await app.preferences.get(contoso)).value == full


@pytest.mark.parametrize(
    ("guard", "field"),
    [
        (GuardLimits(max_share=1.5), "maxShare"),
        (GuardLimits(max_share=-0.1), "maxShare"),
        (GuardLimits(small_max_share=float("nan")), "smallMaxShare"),
        (GuardLimits(max_people=-1), "maxPeople"),
        (GuardLimits(small_from=-1), "smallFrom"),
    ],
)
async def test_a_guard_without_sense_is_refused(
    app: App, ports: Ports, contoso: TenantId, guard: GuardLimits, field: str
) -> None:
    """A share beyond 1 would switch the guard off unseen; the field is named and nothing stored."""
    with pytest.raises(Rejected, match=field) as refused:
        await app.preferences.put(contoso, Preferences(guard=guard))
    assert refused.value.code == "invalid_preferences"
    assert (await app.preferences.get(contoso)).value == Preferences()
    assert await _epoch(ports, contoso) == 0


async def test_a_change_that_died_before_its_epoch_advances_it_when_sent_again() -> None:
    """While a run is active, even preferences that are stored already end it; it may have begun on older ones."""
    world = World()
    await world.tenant("contoso", [user(1)], Preferences(mode=Mode.FULL), {"desk": []})
    tenant = TenantId("contoso")
    await world.app.plan(
        SyncRequest(tenant=tenant, mode=RunMode.FULL, request="x", requested_by="test"), RequestCounters()
    )
    run = (await world.ports.sync_states.get(tenant)).value.active_run
    assert run is not None
    world.clock.advance(1)  # runs of one millisecond have no order
    changed = Preferences(mode=Mode.FULL, include_guests=False)
    await world.ports.settings.put_preferences(tenant, changed)  # stored, and then the process died
    await world.app.preferences.put(tenant, changed)
    assert (await world.run("contoso", run)).state is RunState.SUPERSEDED
    await world.drain()
    assert (await world.newest("contoso")).state is RunState.DONE
