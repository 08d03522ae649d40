"""Locations from an attribute, through whole runs."""

import msgspec
import pytest

from shared.domain.directory import Source, UsersPage
from shared.domain.ids import LocationId, TenantId
from shared.domain.preferences.filters import Attribute
from shared.domain.preferences.location_rule import LocationRule, LocationRuleEntry
from shared.domain.preferences.preferences import GuardLimits, Mode, Preferences
from shared.domain.reconcile.absence import EVERYONE
from shared.domain.run import RunMode, RunState
from shared.domain.sync.jobs import FetchJob
from shared.errors import NeedsAttention, Rejected, Transient
from tests.simulation.worlds import STAFF
from tests.support.builders import person, user
from tests.support.world import World, deliver

TENANT, BERLIN = TenantId("contoso"), LocationId("berlin")
RULE = LocationRule(
    attribute=Attribute("officeLocation"),
    entries=(
        LocationRuleEntry(value="Berlin*", location=BERLIN),
        LocationRuleEntry(value="Munich", location=LocationId("munich")),
    ),
)
LENIENT = GuardLimits(max_share=1, max_people=1_000, small_max_share=1)
PREFERENCES = Preferences(mode=Mode.GROUPS, location_rule=RULE, guard=LENIENT)


async def office_world(preferences: Preferences = PREFERENCES) -> World:
    """Return ten people in Berlin, five in Munich, five in Ulm; three of Ulm are in a group mapped to Berlin."""
    offices = ["Berlin 1"] * 10 + ["Munich"] * 5 + ["Ulm"] * 5
    people = [user(number, office_location=office) for number, office in enumerate(offices)]
    world = World()
    directory = await world.tenant("contoso", people, preferences, {"berlin": [STAFF], "munich": [], "paris": []})
    directory.members = {STAFF: [person(number) for number in (15, 16, 17)]}
    return world


async def active(world: World) -> dict[str, int]:
    """Return how many active recipients each location has."""
    found = await world.everything("contoso")
    return {name: sum(person.status.value == "active" for person in people) for name, people in found.items()}


async def test_people_are_where_their_attribute_says_and_where_their_groups_do() -> None:
    """Each once, with the groups that put them there; values that name nothing are reported once."""
    world = await office_world()
    run = await world.sync("contoso", "first")
    assert await active(world) == {"berlin": 13, "munich": 5, "paris": 0}
    groups = {recipient.object_id: recipient.groups for recipient in await world.recipients("contoso", "berlin")}
    assert (groups[person(0)], groups[person(15)]) == ((), (STAFF,))
    assert [(problem.concerns, problem.code) for problem in run.problems] == [("officeLocation", "unmatched_location")]
    assert "'Ulm' (5)" in run.problems[0].detail


async def test_the_whole_directory_is_read_first() -> None:
    """Its pages follow one another, so that whatever else is read can be read meanwhile."""
    world = await office_world()
    await world.request("contoso", "first")
    await deliver(world.app, world.queue.messages.pop(0))
    jobs = [message for message in world.queue.messages if isinstance(message, FetchJob)]
    assert [job.source == EVERYONE for job in jobs] == [True, False]


async def test_who_moves_leaves_one_location_and_is_at_another() -> None:
    """With the reason that names the attribute; a group still holds whom it holds."""
    world = await office_world()
    await world.sync("contoso", "first")
    world.directory().put(*(user(number, office_location="Munich") for number in (0, 15)))
    run = await world.sync("contoso", "second")
    assert run.state is RunState.DONE
    assert await active(world) == {"berlin": 12, "munich": 7, "paris": 0}
    left = next(
        recipient for recipient in await world.recipients("contoso", "berlin") if recipient.object_id == person(0)
    )
    assert left.reason == "attribute_changed"


async def test_who_has_come_back_since_the_read_stays() -> None:
    """A held run is approved after somebody's office was put right again."""
    strict = Preferences(mode=Mode.GROUPS, location_rule=RULE, guard=GuardLimits(max_share=0, max_people=0))
    world = await office_world(strict)
    await world.sync("contoso", "first")
    world.directory().put(user(0, office_location="Ulm"), user(1, office_location="Ulm"))
    held = await world.sync("contoso", "second")
    assert held.state is RunState.HELD
    world.directory().put(user(0, office_location="Berlin 2"))
    await world.app.review_held.approve(TENANT, held.id, held.held_digest or "", "somebody")
    await world.drain()
    assert await active(world) == {"berlin": 12, "munich": 5, "paris": 0}


async def test_an_unread_directory_deactivates_nobody_whom_the_rule_put_there() -> None:
    """Nor anybody of the groups at that location: absence from both would have to be known."""
    world = await office_world()
    await world.sync("contoso", "first")
    world.directory().put(user(0, office_location="Ulm"))
    world.directory().members[STAFF].clear()
    world.directory().broken[EVERYONE] = (0, NeedsAttention("not allowed", code="Authorization_RequestDenied"))
    await world.sync("contoso", "second", RunMode.FULL)
    assert await active(world) == {"berlin": 13, "munich": 5, "paris": 0}


async def test_members_whom_the_listing_missed_stay() -> None:
    """A group that is read by id names somebody whom the whole directory did not have: nobody loses by that."""
    world = await office_world()
    await world.sync("contoso", "first")
    directory = world.directory()
    listed = directory.users

    async def without_one(source: Source, cursor: str | None = None) -> UsersPage:
        page = await listed(source, cursor)
        if source.group is not None:
            return page
        return msgspec.structs.replace(page, users=[user for user in page.users if user.id != person(15)])

    directory.users = without_one  # type: ignore[method-assign, assignment] # one listing that misses a user
    run = await world.sync("contoso", "second", RunMode.FULL)
    assert (run.state, run.counts.deactivated) == (RunState.DONE, 0)
    assert await active(world) == {"berlin": 13, "munich": 5, "paris": 0}


async def test_explaining_knows_members_by_id(monkeypatch: pytest.MonkeyPatch) -> None:
    """Their name comes from the whole directory as it was last read, where it cannot be asked now."""
    world = await office_world()
    await world.sync("contoso", "first")
    with monkeypatch.context() as away:
        away.setattr(type(world.directory()), "find_users", _unreachable)
        answer = await world.app.explain(TENANT, "user15@example.com")
    assert answer.in_directory is None
    assert answer.user is not None
    assert answer.user.display_name == "User 15"
    assert [location.groups for location in answer.locations if location.location == BERLIN] == [(STAFF,)]


async def _unreachable(*_: object) -> None:
    raise Transient("Microsoft Graph could not be reached; try again.", code="graph_unreachable")


async def test_taking_the_rule_away_lets_go_of_whom_only_it_held() -> None:
    """Those whom a group holds stay; a location without anything left lets all go."""
    world = await office_world()
    await world.sync("contoso", "first")
    await world.app.preferences.put(TENANT, Preferences(mode=Mode.GROUPS, guard=LENIENT))
    run = await world.sync("contoso", "second")
    assert run.state is RunState.HELD  # everybody of Munich would go
    await world.app.review_held.approve(TENANT, run.id, run.held_digest or "", "somebody")
    await world.drain()
    assert await active(world) == {"berlin": 3, "munich": 0, "paris": 0}


async def test_explaining_names_the_rule() -> None:
    """In, out, and through a group."""
    world = await office_world()
    await world.sync("contoso", "first")
    told = {}
    for number in (0, 15, 19):
        answer = await world.app.explain(TENANT, person(number))
        told[number] = {
            str(location.location): (location.is_recipient, location.reason) for location in answer.locations
        }
    assert told[0]["berlin"] == (True, "by_attribute")
    assert told[15]["berlin"] == (True, "in_group")
    assert told[19]["berlin"] == (False, "left_group")


async def test_a_rule_cannot_name_a_location_that_there_is_not() -> None:
    """Neither saved nor previewed."""
    world = await office_world(Preferences())
    lost = Preferences(
        location_rule=msgspec.structs.replace(
            RULE, entries=(LocationRuleEntry(value="x", location=LocationId("rome")),)
        )
    )
    with pytest.raises(Rejected) as refused:
        await world.app.preferences.put(TENANT, lost)
    assert refused.value.code == "invalid_preferences"
    with pytest.raises(Rejected):
        await world.app.request_run.preview(TENANT, RunMode.INCREMENTAL, lost)


async def test_values_are_listed_with_where_they_lead() -> None:
    """Of the whole directory once it was read; before the first run there are none."""
    world = await office_world()
    assert await world.app.recipient_queries.attribute_values(TENANT, Attribute("officeLocation")) == []
    await world.sync("contoso", "first")
    found = await world.app.recipient_queries.attribute_values(TENANT, Attribute("officeLocation"))
    assert [(each.value, each.people, each.location) for each in found] == [
        ("Berlin 1", 10, "berlin"),
        ("Munich", 5, "munich"),
        ("Ulm", 5, None),
    ]
