"""The worlds that tests of runs begin with: a tenant in full mode, and one in groups mode."""

from shared.domain.ids import ObjectId, TenantId
from shared.domain.preferences.preferences import GuardLimits, Mode, Preferences
from tests.support.builders import person, user
from tests.support.world import World

FULL = Preferences(mode=Mode.FULL)
GROUPS = Preferences(mode=Mode.GROUPS)
STAFF, TEMPS, LEADS = (ObjectId(f"00000000-0000-4000-a000-{number:012d}") for number in range(3))
PEOPLE = [user(number) for number in range(30)]


async def full_world() -> World:
    """Return a world with one tenant in full mode, 30 people and two locations."""
    world = World()
    await world.tenant("contoso", PEOPLE, FULL, {"berlin": [], "munich": []})
    return world


async def groups_world() -> World:
    """Return a world with nested, overlapping and cyclic groups mapped to three locations."""
    world = World()
    directory = await world.tenant(
        "fabrikam", PEOPLE, GROUPS, {"berlin": [STAFF], "munich": [STAFF, TEMPS], "paris": [LEADS]}
    )
    directory.members = {
        STAFF: [*(person(number) for number in range(12)), LEADS],
        TEMPS: [person(number) for number in range(8, 25)],
        LEADS: [person(25), person(26), STAFF],
    }
    return world


async def careful_world() -> World:
    """Return the same world, with a guard that holds more than five people of a location."""
    world = await groups_world()
    guard = GuardLimits(max_people=5)
    await world.app.preferences.put(TenantId("fabrikam"), Preferences(mode=Mode.GROUPS, guard=guard))
    return world
