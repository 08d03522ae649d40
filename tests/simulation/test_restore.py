"""Storage was restored so that tenants' states are older than their recipients: the next run goes on immediately."""

import copy
from typing import Any

import pytest

from shared.adapters.stores.table_names import TENANTS
from shared.domain.ids import LocationId, TenantId
from shared.domain.preferences.preferences import Mode, Preferences
from shared.domain.run import Run, RunMode, RunState
from tests.support.builders import person, user
from tests.support.fakes.on_tables import ports_on
from tests.support.fakes.table_service import MemoryTables
from tests.support.world import World

CONTOSO, BERLIN = TenantId("contoso"), LocationId("berlin")
PEOPLE = [user(number) for number in range(10)]


async def _restored(lost: int) -> World:
    """Return a world whose state is as many runs older than its recipients."""
    tables = MemoryTables()
    world = World(ports_on(tables))
    directory = await world.tenant(CONTOSO, PEOPLE, Preferences(mode=Mode.FULL), {"berlin": [], "munich": []})
    await world.sync(CONTOSO, "first")
    stored: dict[Any, Any] = copy.deepcopy(tables._tables[TENANTS])
    for number in range(lost):
        directory.put(user(1, display_name=f"Name {number}"))
        await world.sync(CONTOSO, f"lost-{number}", RunMode.FULL)
    tables._tables[TENANTS] = stored
    directory.put(user(1, display_name="Newest Name"), user(10))
    directory.remove(person(3))
    return world


@pytest.mark.parametrize("lost", [2, 5])
async def test_a_run_goes_on_after_a_restore(lost: int) -> None:
    """Neither the watchdog nor a deadline is needed, however many generations were lost; the operator is told once."""
    world = await _restored(lost)
    await world.sync(CONTOSO, "after")
    runs = {run.requested_by: run.state async for run in world.ports.runs.list_runs(CONTOSO)}
    assert runs["configuration"] is RunState.DONE
    assert not (await world.ports.sync_states.get(CONTOSO)).value.is_busy
    for location in ("berlin", "munich"):
        active = {each.profile.display_name for each in await world.recipients(CONTOSO, location) if not each.reason}
        assert len(active) == 10
        assert "Newest Name" in active
    entries = [entry async for entry in world.ports.operator_log.list_entries()]
    assert [(entry.code, entry.tenant) for entry in entries] == [("generation_restored", CONTOSO)]
    assert (await world.sync(CONTOSO, "later")).state is RunState.DONE
    assert len([entry async for entry in world.ports.operator_log.list_entries()]) == 1


async def test_a_run_that_the_restored_state_does_not_name_ends() -> None:
    """Its state was lost, so that no job and no watchdog would end it."""
    world = await _restored(2)
    lost = Run(
        id=world.ports.ids.new_run_id(),
        tenant=CONTOSO,
        mode=RunMode.FULL,
        state=RunState.FETCHING,
        requested_at=world.clock.now(),
        requested_by="queue",
    )
    await world.ports.runs.insert(lost)
    await world.sync(CONTOSO, "after")
    runs = [run async for run in world.ports.runs.list_runs(CONTOSO)]
    assert all(run.state.ended for run in runs)
    assert next(run for run in runs if run.id == lost.id).state is RunState.SUPERSEDED
    assert RunState.DONE in {run.state for run in runs if run.requested_by == "configuration"}


async def test_an_edit_works_after_a_restore() -> None:
    """It is not taken for a lost race with another edit."""
    world = await _restored(3)
    recipient = (await world.recipients(CONTOSO, "berlin"))[0].id
    world.clock.advance(60)
    edited = await world.app.edit_recipient(CONTOSO, BERLIN, recipient, {"department": "HR"}, active=None, by="anna")
    assert edited.profile.department == "HR"
    assert (await world.newest(CONTOSO)).requested_by == "anna"
    assert (await world.sync(CONTOSO, "after")).state is RunState.DONE
