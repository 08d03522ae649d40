"""A group that was refused for a week: given up in one step, with a preview and under the guard."""

import pytest

from shared.domain.directory import Source, UsersPage
from shared.domain.ids import LocationId, SourceId, TenantId
from shared.domain.run import RunState
from shared.domain.unread_source import UNMAPPED_AFTER, UnreadSource
from shared.errors import NeedsAttention, NotFound, Rejected, Transient
from tests.simulation.worlds import LEADS, STAFF, TEMPS, careful_world
from tests.support.world import World, deliver

FABRIKAM, MUNICH = TenantId("fabrikam"), LocationId("munich")


async def refused(world: World, request: str) -> None:
    """Sync while the group of temps is refused."""
    world.directory().broken[Source(group=TEMPS).id] = (0, NeedsAttention("no", code="Authorization_RequestDenied"))
    await world.sync("fabrikam", request)


async def refused_world(days: float = UNMAPPED_AFTER.days) -> World:
    """Return a world whose group of temps was refused for a number of days."""
    world = await careful_world()
    await world.sync("fabrikam", "first")
    await refused(world, "refused")
    world.clock.advance(days * 24 * 3600)
    return world


async def shown(world: World) -> bool:
    """Return whether the group can be unmapped, as the portal shows it."""
    places = {place.id: place for place in await world.app.show_mapping(FABRIKAM)}
    (temps,) = [group for group in places[MUNICH].groups if group.id == TEMPS]
    assert (temps.refused_since is not None) or not temps.can_be_unmapped
    return temps.can_be_unmapped


async def test_a_preview_says_who_would_leave() -> None:
    """And changes nothing; the group stays mapped."""
    world = await refused_world()
    assert await shown(world)
    preview = await world.app.unmap_group.preview(FABRIKAM, TEMPS, "anna")
    await world.drain()
    seen = await world.run("fabrikam", preview.id)
    assert (seen.state, seen.preview, seen.locations[MUNICH].counts.deactivated) == (RunState.DONE, True, 13)
    assert "guard" in {problem.code for problem in seen.problems}
    assert await shown(world)


async def test_unmapping_is_under_the_guard() -> None:
    """One step removes the group everywhere and starts a sync, which is held; only an approval deactivates."""
    world = await refused_world()
    run = await world.app.unmap_group(FABRIKAM, TEMPS, "anna")
    await world.drain()
    held = await world.run("fabrikam", run.id)
    assert (held.state, held.requested_by, held.locations[MUNICH].held) == (RunState.HELD, "anna", 13)
    mapped = {place.id: [group.id for group in place.groups] for place in await world.app.show_mapping(FABRIKAM)}
    assert mapped == {"berlin": [STAFF], "munich": [STAFF], "paris": [LEADS]}
    await world.app.review_held.approve(FABRIKAM, run.id, held.held_digest or "", "anna")
    await world.drain()
    assert (await world.run("fabrikam", run.id)).counts.deactivated == 13
    assert (await world.ports.sync_states.get(FABRIKAM)).value.unread == {}


async def test_a_group_that_is_not_refused_long_enough() -> None:
    """Not before seven days, not after it was read again, and not one that is mapped nowhere."""
    world = await refused_world(days=6.9)
    assert not await shown(world)
    for call in (world.app.unmap_group, world.app.unmap_group.preview):
        with pytest.raises(Rejected) as early:
            await call(FABRIKAM, TEMPS, "anna")
        assert early.value.code == "group_not_refused"
        with pytest.raises(NotFound) as unknown:
            await call(FABRIKAM, MUNICH, "anna")  # type: ignore[arg-type] # no group
        assert unknown.value.code == "group_not_mapped"
    await world.sync("fabrikam", "read")
    await refused(world, "again")
    world.clock.advance(24 * 3600)
    assert not await shown(world)


async def test_runs_without_an_answer_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """A directory that does not respond neither begins the week nor ends it."""
    world = await careful_world()
    await world.sync("fabrikam", "first")
    users, down = world.directory().users, [True]

    async def silent(source: Source, cursor: str | None = None, *, managers: bool = False) -> UsersPage:
        if source.group == TEMPS and down:
            raise Transient("down", code="503")
        return await users(source, cursor, managers=managers)

    async def known() -> dict[SourceId, UnreadSource]:
        world.clock.advance(60)
        await world.request("fabrikam", f"at {world.clock.now()}")
        while world.queue.messages:
            await deliver(world.app, world.queue.messages.pop(0), last_delivery=True)
        assert [problem.code for problem in (await world.newest("fabrikam")).problems] == ["503"]
        return (await world.ports.sync_states.get(FABRIKAM)).value.unread

    monkeypatch.setattr(world.directory(), "users", silent)
    assert await known() == {}
    down.clear()
    await refused(world, "refused")
    down.append(True)
    since = await known()
    world.clock.advance(UNMAPPED_AFTER.total_seconds())
    assert await known() == since != {}
    assert await shown(world)


async def test_a_change_of_settings_keeps_the_week() -> None:
    """The group is still refused."""
    world = await refused_world()
    await world.app.locations.put(FABRIKAM, MUNICH, "Munich, new")
    await world.app.restart_on_change.invalidate_running_work(FABRIKAM)
    assert await shown(world)
