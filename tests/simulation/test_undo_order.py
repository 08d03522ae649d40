"""Undo with workers whose clocks differ: what counts as newer is the order of writing."""

import pytest

from shared.domain.ids import LocationId, TenantId
from shared.domain.recipient import Recipient
from shared.domain.run import RunKind, RunMode
from tests.simulation.worlds import full_world
from tests.support.builders import user
from tests.support.world import World

CONTOSO, BERLIN = TenantId("contoso"), LocationId("berlin")


async def _edit(world: World, recipient: Recipient, department: str) -> None:
    await world.app.edit_recipient(
        CONTOSO, BERLIN, recipient.id, {"department": department}, active=None, by="person:t:o"
    )


async def _departments(world: World) -> dict[str, str | None]:
    return {each.id: each.profile.department for each in await world.recipients("contoso", "berlin")}


@pytest.mark.parametrize("skew_s", [-3_600, 3_600], ids=["an hour behind", "an hour ahead"])
async def test_a_newer_edit_stays_whatever_the_clocks_say(skew_s: float) -> None:
    """The edit of a worker with another clock stays, and what nothing newer has changed is restored."""
    world = await full_world()
    await world.sync("contoso", "first")
    world.directory().put(*(user(number, department="Sales") for number in range(3)))
    undone = await world.sync("contoso", "second", RunMode.FULL)
    kept, restored, _ = [
        each for each in await world.recipients("contoso", "berlin") if each.profile.department == "Sales"
    ]
    world.clock.advance(skew_s)
    await _edit(world, kept, "Research")
    world.clock.advance(-skew_s + 60)
    await world.app.undo(CONTOSO, undone.id, "person:t:o")
    departments = await _departments(world)
    assert (departments[kept.id], departments[restored.id]) == ("Research", None)


@pytest.mark.parametrize("skew_s", [-3_600, 3_600], ids=["an hour behind", "an hour ahead"])
async def test_an_older_edit_does_not_count_as_newer(skew_s: float) -> None:
    """It was written before the run, by a worker with another clock: the run is undone, and the edit is there again."""
    world = await full_world()
    await world.sync("contoso", "first")
    (edited, *_) = await world.recipients("contoso", "berlin")
    world.clock.advance(7_200 + skew_s)
    await _edit(world, edited, "Research")
    world.clock.advance(-skew_s)
    world.directory().put(user(0, department="Sales"))
    await world.sync("contoso", "second", RunMode.FULL)
    undone = next(run for run in [run async for run in world.ports.runs.list_runs(CONTOSO)] if run.kind is RunKind.SYNC)
    assert (await _departments(world))[edited.id] == "Sales"
    world.clock.advance(60)
    await world.app.undo(CONTOSO, undone.id, "person:t:o")
    assert (await _departments(world))[edited.id] == "Research"


async def test_the_first_of_two_undone_edits_does_not_win() -> None:
    """Of two edits of one recipient, under the same fencing token, the older one cannot be undone any more."""
    world = await full_world()
    await world.sync("contoso", "first")
    (edited, *_) = await world.recipients("contoso", "berlin")
    await _edit(world, edited, "Research")
    first = (await world.newest("contoso")).id
    world.clock.advance(-600)
    await _edit(world, edited, "Sales")
    world.clock.advance(1_200)
    await world.app.undo(CONTOSO, first, "person:t:o")
    assert (await _departments(world))[edited.id] == "Sales"
