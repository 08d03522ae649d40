"""Deleted locations: their rows go in steps, under crashes, and none of a new location of the id goes with them."""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from itertools import count

import pytest

from shared.domain.ids import LocationId, ObjectId, TenantId
from shared.domain.preferences.preferences import Mode, Preferences
from shared.domain.recipient import Change, ChangeKind, Reason
from shared.domain.reconcile.fence import Fence
from shared.domain.reconcile.write import Write
from shared.errors import BeingErased, NotFound, Superseded
from shared.ports.recipients import Deleted
from shared.ports.tenant_data import ALL_ROWS, Allowed
from shared.telemetry import RequestCounters
from shared.workflows.recipients.fenced_writer import prepare_for_manual_change
from shared.workflows.tenants import location_deletion, locations
from tests.support.builders import csv_recipient, person, user
from tests.support.fakes.on_tables import ports_on
from tests.support.fakes.table_service import MemoryTables
from tests.support.world import Crash, Fuse, World

FABRIKAM, DESK, ROOF = TenantId("fabrikam"), LocationId("desk"), LocationId("roof")
GROUP = ObjectId(person(100))
PEOPLE = 25


async def filled_world() -> World:
    """Return a world with a tenant that has synced two locations, on real stores."""
    world = World(ports_on(MemoryTables()))
    users = [user(number) for number in range(1, PEOPLE + 1)]
    preferences = Preferences(mode=Mode.GROUPS)
    directory = await world.tenant("fabrikam", users, preferences, {"desk": [GROUP], "roof": [GROUP]})
    directory.members = {GROUP: [person(number) for number in range(1, PEOPLE + 1)]}
    await world.sync("fabrikam", "first")
    return world


async def left_at(world: World, location: LocationId) -> int:
    """Return the number of recipients that are left at a location."""
    return len([recipient async for recipient in world.ports.recipients.list_recipients(FABRIKAM, location)])


async def active(world: World) -> int:
    """Return the number of active recipients in the tenant's summary."""
    return (await world.ports.sync_states.get(FABRIKAM)).value.summary.recipients


async def test_a_large_location_is_deleted_in_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """A request, a repeated one and each look of the watchdog delete some rows. The id is free when nothing is left."""
    world = await filled_world()
    monkeypatch.setattr(location_deletion, "STEP_ROWS", 10)
    monkeypatch.setattr(location_deletion, "IN_WATCHDOG_S", 0)
    monkeypatch.setattr(locations, "IN_REQUEST_S", 0)
    app = world.app
    begun = await app.locations.delete(FABRIKAM, DESK)
    assert begun is not None
    assert begun.rows == 10
    assert [location.id for location in await app.locations.list_all(FABRIKAM)] == [ROOF]
    with pytest.raises(NotFound):
        await app.locations.get(FABRIKAM, DESK)
    with pytest.raises(NotFound):
        await app.locations.put_mapping(FABRIKAM, DESK, [])
    again = await app.locations.delete(FABRIKAM, DESK)
    assert again == await app.location_deletion.get(FABRIKAM, DESK)
    assert again is not None
    assert again.rows == 20
    with pytest.raises(BeingErased):
        await app.locations.put(FABRIKAM, DESK, "Desk")
    await world.sync("fabrikam", "meanwhile")
    for _ in range(3):
        await app.watchdog(RequestCounters())
    with pytest.raises(NotFound) as gone:
        await app.location_deletion.get(FABRIKAM, DESK)
    assert gone.value.code == "deletion_not_found"
    assert (await left_at(world, DESK), await left_at(world, ROOF), await active(world)) == (0, PEOPLE, PEOPLE)
    assert not (await world.ports.sync_states.get(FABRIKAM)).value.is_busy
    await app.locations.put(FABRIKAM, DESK, "Desk")


async def test_the_summary_counts_without_a_deleted_location() -> None:
    """It does not wait for the next sync."""
    world = await filled_world()
    assert await active(world) == 2 * PEOPLE
    assert await world.app.locations.delete(FABRIKAM, DESK) is None
    assert await active(world) == PEOPLE


@pytest.mark.parametrize("after", [False, True])
async def test_a_deletion_that_dies_anywhere_is_finished(*, after: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """At every call, before or after its effect: the watchdog erases the rest, and the id can be used."""
    monkeypatch.setattr(location_deletion, "STEP_ROWS", 10)
    for calls in count():
        world = await filled_world()
        fuse = Fuse(calls, after=after)
        with suppress(Crash):
            await world.fragile(fuse).locations.delete(FABRIKAM, DESK)
        await world.app.watchdog(RequestCounters())
        await world.drain()
        state = (await world.ports.sync_states.get(FABRIKAM)).value
        assert not state.is_busy, calls
        listed = {location.id for location in await world.app.locations.list_all(FABRIKAM)}
        assert await left_at(world, DESK) == (PEOPLE if DESK in listed else 0), calls
        await world.app.locations.put(FABRIKAM, DESK, "Desk")
        if not fuse.blown:
            assert DESK not in listed
            return


async def _delete(world: World) -> None:
    assert await world.app.locations.delete(FABRIKAM, DESK) is None


async def _pause(world: World) -> None:
    await world.app.emergency_stop.pause(FABRIKAM, "operator")


async def _configure(world: World) -> None:
    await world.app.preferences.put(FABRIKAM, Preferences(deactivate_missing=False))


@pytest.mark.parametrize("end", [_delete, _pause, _configure])
async def test_a_location_that_was_never_written_is_not_written_afterwards(
    end: Callable[[World], Awaitable[None]],
) -> None:
    """A writer found no fence, and its first batch arrives after an answer that says that nothing is written."""
    world = World(ports_on(MemoryTables()))
    await world.tenant("fabrikam", [], Preferences(), {"desk": []})
    recipients, states = world.ports.recipients, world.ports.sync_states
    assert (await recipients.get_fence(FABRIKAM, DESK)).etag is None
    writer = await prepare_for_manual_change(states, recipients, FABRIKAM, DESK, "first")
    await end(world)
    recipient = csv_recipient("Ann")
    change = Change(kind=ChangeKind.CREATED, reason=Reason.NEW, recipient=recipient.id)
    with pytest.raises(Superseded):
        await writer.write(
            [Write(recipient=recipient, change=change)],
            run=world.ports.ids.new_run_id(),
            actor="anna",
            at=world.ports.clock.now(),
        )
    assert await left_at(world, DESK) == 0


async def test_the_fence_of_a_deleted_location_says_nothing_about_it() -> None:
    """Only its token and the number of its batches stay, which keep late writes out."""
    world = await filled_world()
    before = (await world.ports.recipients.get_fence(FABRIKAM, DESK)).value
    assert before.active == PEOPLE
    await _delete(world)
    fence = (await world.ports.recipients.get_fence(FABRIKAM, DESK)).value
    assert fence.fencing_token > before.fencing_token
    assert fence == Fence(fencing_token=fence.fencing_token, sequence=before.sequence)


async def test_a_stopped_worker_deletes_nothing_of_a_new_location(monkeypatch: pytest.MonkeyPatch) -> None:
    """It was stopped before it listed rows, while others completed the deletion and the location was created again."""
    world = await filled_world()
    recipients, app = world.ports.recipients, world.app
    delete_location = recipients.delete_location

    async def stopped(
        tenant: TenantId, location: LocationId, limit: int = ALL_ROWS, allowed: Allowed | None = None
    ) -> Deleted:
        monkeypatch.setattr(recipients, "delete_location", delete_location)
        assert await app.locations.delete(FABRIKAM, DESK) is None
        await app.locations.put(FABRIKAM, DESK, "New")
        await app.locations.put_mapping(FABRIKAM, DESK, (await app.locations.get(FABRIKAM, ROOF)).value.groups)
        await world.sync("fabrikam", "again")
        assert await left_at(world, DESK) == PEOPLE
        return await delete_location(tenant, location, limit, allowed)

    monkeypatch.setattr(recipients, "delete_location", stopped)
    assert await app.locations.delete(FABRIKAM, DESK) is None
    assert await left_at(world, DESK) == PEOPLE
    assert (await app.locations.get(FABRIKAM, DESK)).value.name == "New"
