"""What a run must read, how much of it, and who is wanted then."""

import pytest

from shared.domain.directory import DirectoryUser, Source
from shared.domain.ids import LocationId
from shared.domain.preferences.filters import Attribute
from shared.domain.preferences.group_mapping import GroupMapping, Location, sources_of
from shared.domain.preferences.location_rule import LocationRule, LocationRuleEntry
from shared.domain.preferences.preferences import Mode, Preferences
from shared.domain.reconcile.absence import EVERYONE, union_of_sources
from tests.support.builders import person, snapshot, user

BERLIN, PARIS = LocationId("berlin"), LocationId("paris")
SALES, STAFF = GroupMapping(id=person(901)), GroupMapping(id=person(902))
BOTH = [Location(id=BERLIN, name="Berlin", groups=(SALES, STAFF)), Location(id=PARIS, name="Paris", groups=(STAFF,))]


def rule(*locations: LocationId) -> LocationRule:
    """Return a rule that puts people at these locations."""
    places = tuple(LocationRuleEntry(value=location, location=location) for location in locations)
    return LocationRule(attribute=Attribute("officeLocation"), entries=places)


@pytest.mark.parametrize(
    ("preferences", "by_id"),
    [
        (Preferences(mode=Mode.GROUPS), set()),
        (Preferences(mode=Mode.GROUPS, location_rule=rule(BERLIN, PARIS)), {SALES, STAFF}),
        (Preferences(mode=Mode.GROUPS, location_rule=rule(BERLIN)), {SALES}),
        (Preferences(mode=Mode.GROUPS, location_rule=rule(PARIS)), set()),
    ],
)
def test_groups_are_read_by_id_where_the_whole_directory_tells_the_rest(
    preferences: Preferences, by_id: set[GroupMapping]
) -> None:
    """At every location that they feed: elsewhere one change of anybody would have it compared."""
    sources, _ = sources_of(preferences, BOTH)
    expected = {user.source().id for user in by_id}
    assert {name for name, source in sources.items() if source.by_id} == expected
    assert set(sources) >= {SALES.source().id, STAFF.source().id}


def test_managers_alone_leave_groups_as_they_are() -> None:
    """The whole directory is read then, but feeds nobody: that it could not be read must not make anybody absent."""
    attributes = Preferences().attributes
    preferences = Preferences(mode=Mode.GROUPS, attributes=type(attributes)(manager=True))
    sources, feeds = sources_of(preferences, BOTH)
    assert EVERYONE in sources
    assert not any(source.by_id for source in sources.values())
    assert all(EVERYONE not in each for each in feeds.values())


def test_the_whole_directory_says_who_the_members_are() -> None:
    """Also of those whom the rule puts elsewhere; whom it does not have nobody knows, and they are not wanted."""
    group = Source(group=person(901), by_id=True).id
    read = {
        group: snapshot(group, *(DirectoryUser.only(person(number)) for number in (1, 2, 9))),
        EVERYONE: snapshot(EVERYONE, *map(user, (1, 2, 3))),
    }
    found = union_of_sources([group, EVERYONE], read, lambda each: each.id == person(3))
    assert found == {person(number): user(number) for number in (1, 2, 3)}
    assert union_of_sources([group, EVERYONE], {group: read[group]}) == {}


@pytest.mark.parametrize("by_id", [901, 902])
def test_a_bare_id_does_not_hide_what_another_group_says(by_id: int) -> None:
    """Whichever group comes first, and also where the whole directory could not be read."""
    bare, full = Source(group=person(by_id), by_id=True).id, Source(group=person(1803 - by_id)).id
    read = {bare: snapshot(bare, DirectoryUser.only(person(1))), full: snapshot(full, user(1))}
    assert union_of_sources([EVERYONE, bare, full], read) == {person(1): user(1)}
