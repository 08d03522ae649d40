"""The mapping as people see it."""

from shared.domain.directory import Source
from shared.domain.ids import TenantId
from shared.domain.run import RunMode
from shared.errors import NeedsAttention
from tests.simulation.worlds import LEADS, STAFF, TEMPS, groups_world

FABRIKAM = TenantId("fabrikam")


async def test_before_the_first_run_only_names_are_known() -> None:
    """And a group that the directory lost has none."""
    world = await groups_world()
    del world.directory().members[LEADS]
    shown = {str(mapping.id): mapping.groups for mapping in await world.app.show_mapping(FABRIKAM)}
    told = [(each.id, each.display_name, each.members, each.problem) for each in shown["munich"]]
    assert told == [(STAFF, STAFF, None, None), (TEMPS, TEMPS, None, None)]
    assert shown["paris"][0].display_name is None


async def test_a_group_that_could_not_be_read_says_why() -> None:
    """With the members that it had when it was read last; the others are fine."""
    world = await groups_world()
    await world.sync("fabrikam", "first")
    world.directory().broken[Source(group=TEMPS).id] = (0, NeedsAttention("Hidden.", code="hidden_membership"))
    del world.directory().members[LEADS]
    await world.sync("fabrikam", "second", RunMode.FULL)
    shown = {
        str(mapping.id): {group.id: group for group in mapping.groups}
        for mapping in await world.app.show_mapping(FABRIKAM)
    }
    temps = shown["munich"][TEMPS]
    assert (temps.members, temps.problem and temps.problem.code) == (17, "hidden_membership")
    assert shown["munich"][STAFF].problem is None
    leads = shown["paris"][LEADS]
    assert (leads.members, leads.problem and leads.problem.code) == (14, "group_not_found")


async def test_a_directory_that_cannot_be_asked_leaves_names_out() -> None:
    """Everything else is shown."""
    world = await groups_world()
    await world.sync("fabrikam", "first")
    world.directory().secret = "another"
    shown = await world.app.show_mapping(FABRIKAM)
    assert {group.display_name for each in shown for group in each.groups} == {None}
    assert all(group.members for each in shown for group in each.groups)
