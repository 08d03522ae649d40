"""A group that the directory does not have any more: unread for a day, then empty, under the guard."""

from collections.abc import Sequence
from datetime import timedelta

import pytest

from shared.domain.ids import LocationId, ObjectId, TenantId
from shared.domain.recipient import Reason, Status
from shared.domain.run import Run, RunState
from shared.domain.unread_source import GONE_AFTER
from shared.errors import NeedsAttention, Transient
from tests.simulation.worlds import TEMPS, careful_world
from tests.support.builders import person
from tests.support.world import World

FABRIKAM, MUNICH = TenantId("fabrikam"), LocationId("munich")
#: In no other group of the location.
ONLY_TEMPS = {person(number) for number in range(12, 25)}


async def missing_world() -> World:
    """Return a world from which the group of temps has just been deleted, and a run that found out."""
    world = await careful_world()
    await world.sync("fabrikam", "first")
    del world.directory().members[TEMPS]
    await missed(world, "second")
    return world


async def missed(world: World, request: str) -> Run:
    """Sync, and require that the group counts as unread."""
    run = await world.sync("fabrikam", request)
    assert (run.state, [problem.code for problem in run.problems]) == (RunState.DONE, ["group_not_found"])
    assert await left(world) == set()
    return run


async def left(world: World) -> set[ObjectId | None]:
    """Return the people who were deactivated at the location of the group."""
    found = await world.recipients("fabrikam", "munich")
    return {each.object_id for each in found if each.status is Status.DEACTIVATED_BY_SYNC}


async def test_a_group_that_is_missing_for_a_day_is_empty() -> None:
    """Not before, and only within the guard: its people leave once that is approved. The report names the group."""
    world = await missing_world()
    world.clock.advance(GONE_AFTER.total_seconds() - 3 * 60)
    await missed(world, "third")
    world.clock.advance(2 * 60)
    run = await world.sync("fabrikam", "fourth")
    assert (run.state, run.locations[MUNICH].held) == (RunState.HELD, len(ONLY_TEMPS))
    assert {problem.code for problem in run.problems} == {"guard", "group_gone"}
    await world.app.review_held.approve(FABRIKAM, run.id, run.held_digest or "", "api")
    await world.drain()
    assert await left(world) == ONLY_TEMPS
    reasons = {each.reason for each in await world.recipients("fabrikam", "munich") if each.reason}
    assert reasons == {Reason.LEFT_GROUP.value}
    after = await world.sync("fabrikam", "fifth")
    assert (after.state, after.counts.deactivated) == (RunState.DONE, 0)
    assert [problem.code for problem in after.problems] == ["group_gone"]


async def test_a_group_that_returns_brings_its_people_back() -> None:
    """And being missing begins again."""
    world = await missing_world()
    world.clock.advance(GONE_AFTER.total_seconds())
    run = await world.sync("fabrikam", "third")
    await world.app.review_held.approve(FABRIKAM, run.id, run.held_digest or "", "api")
    await world.drain()
    world.directory().members[TEMPS] = sorted(ONLY_TEMPS)
    back = await world.sync("fabrikam", "fourth")
    assert (back.state, back.counts.reactivated, await left(world)) == (RunState.DONE, len(ONLY_TEMPS), set())
    del world.directory().members[TEMPS]
    await missed(world, "fifth")


@pytest.mark.parametrize("answer", [None, Transient("down", code="503"), NeedsAttention("no", code="403")])
async def test_a_404_alone_proves_nothing(monkeypatch: pytest.MonkeyPatch, answer: Exception | None) -> None:
    """If the list of groups has the group, or cannot be read, the day does not begin."""
    world = await careful_world()
    await world.sync("fabrikam", "first")
    groups_by_id = world.directory().groups_by_id

    async def otherwise(groups: Sequence[ObjectId]) -> object:
        if answer is not None:
            raise answer
        world.directory().members[TEMPS] = []
        found = await groups_by_id(groups)
        del world.directory().members[TEMPS]
        return found

    monkeypatch.setattr(world.directory(), "groups_by_id", otherwise)
    del world.directory().members[TEMPS]
    await missed(world, "second")
    world.clock.advance(2 * GONE_AFTER.total_seconds())
    await missed(world, "third")
    monkeypatch.setattr(world.directory(), "groups_by_id", groups_by_id)
    await missed(world, "fourth")
    world.clock.advance(GONE_AFTER.total_seconds())
    assert (await world.sync("fabrikam", "fifth")).state is RunState.HELD


async def test_another_answer_in_between_begins_again() -> None:
    """A refused group may exist."""
    world = await missing_world()
    world.clock.advance(timedelta(hours=20).total_seconds())
    world.directory().members[TEMPS] = sorted(ONLY_TEMPS)
    await world.sync("fabrikam", "third")
    del world.directory().members[TEMPS]
    await missed(world, "fourth")
    world.clock.advance(timedelta(hours=20).total_seconds())
    await missed(world, "fifth")
    world.clock.advance(timedelta(hours=4).total_seconds())
    assert (await world.sync("fabrikam", "sixth")).state is RunState.HELD


async def test_a_location_whose_only_group_is_gone() -> None:
    """All its people are held, because no one would be left."""
    world = await careful_world()
    await world.sync("fabrikam", "first")
    mapped = (await world.ports.settings.list_locations(FABRIKAM))[2]
    (leads,) = [group.id for group in mapped.groups]
    del world.directory().members[leads]
    await world.sync("fabrikam", "second")
    world.clock.advance(GONE_AFTER.total_seconds())
    run = await world.sync("fabrikam", "third")
    assert run.state is RunState.HELD
    await world.app.review_held.approve(FABRIKAM, run.id, run.held_digest or "", "api")
    await world.drain()
    assert {each.status for each in await world.recipients("fabrikam", "paris")} == {Status.DEACTIVATED_BY_SYNC}
