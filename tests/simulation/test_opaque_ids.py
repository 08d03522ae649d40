"""Syncs of directories whose ids are any text, of two connections with the same ids, and of inconclusive listings."""

import msgspec
import pytest

from shared.domain.directory import DirectoryUser
from shared.domain.ids import MAIN, ConnectionId, LocationId, ObjectId, TenantId, recipient_id_of
from shared.domain.preferences.attribute_map import Attributes
from shared.domain.preferences.group_mapping import GroupMapping
from shared.domain.preferences.preferences import GuardLimits, Mode, Preferences
from shared.domain.recipient import Reason, Recipient, Status
from shared.domain.reconcile.fence import JournalEntry
from shared.domain.run import RunMode, RunState
from shared.domain.snapshots import partitions
from shared.domain.versioned import Versioned
from tests.support.builders import person, user
from tests.support.ids import HOSTILE
from tests.support.samples import NOW, RUN
from tests.support.world import World

CONTOSO, HALL, DESK = TenantId("contoso"), LocationId("hall"), LocationId("desk")
OTHER = ConnectionId("other")
GENEROUS = GuardLimits(max_share=1, max_people=1_000, small_max_share=1)
#: Ids of groups, which differ from those of people as little as those from each other.
STAFF, TEMPS = ObjectId("Staff/#?@:%"), ObjectId("staff/#?@:%")
DIRECT_STAFF = GroupMapping(id=STAFF, transitive=False)


def named(who: ObjectId, **fields: str) -> DirectoryUser:
    """Return a person with a hostile id and an address of their own."""
    number = HOSTILE.index(who)
    values = {"display_name": f"Person {number}", "mail": f"p{number}@example.com", **fields}
    return DirectoryUser(who, f"p{number}@example.com", **values)  # type: ignore[arg-type]


async def active(world: World, location: LocationId = HALL) -> set[ObjectId | None]:
    """Return the object ids of the active recipients, each of which has the id that is derived from it."""
    found = await world.recipients(CONTOSO, location)
    assert all(
        each.id == recipient_id_of(MAIN, each.object_id or ObjectId("")) for each in found if each.connection == MAIN
    )
    return {each.object_id for each in found if each.status is Status.ACTIVE and each.connection == MAIN}


@pytest.mark.parametrize("mode", [Mode.FULL, Mode.GROUPS])
async def test_any_text_is_an_id(mode: Mode, monkeypatch: pytest.MonkeyPatch) -> None:
    """Joins, changes, departures and returns end as they should, read as changes and read anew, in parts of few."""
    monkeypatch.setattr(partitions, "PARTITION_PEOPLE", 4)
    world = World()
    preferences = Preferences(mode=mode, guard=GENEROUS)
    directory = await world.tenant("contoso", [named(who) for who in HOSTILE], preferences, {"hall": [], "desk": []})
    directory.members = {STAFF: [*HOSTILE[:12], TEMPS], TEMPS: list(HOSTILE[10:])}
    await world.app.locations.put_mapping(CONTOSO, HALL, [GroupMapping(id=STAFF)])
    await world.app.locations.put_mapping(
        CONTOSO, DESK, [GroupMapping(id=TEMPS), GroupMapping(id=STAFF, transitive=False)]
    )
    first = await world.sync("contoso", "first")
    assert (first.state, first.counts.created, first.problems) == (RunState.DONE, 2 * len(HOSTILE), ())
    assert await active(world) == await active(world, DESK) == set(HOSTILE)
    if mode is Mode.GROUPS:
        groups = {recipient.object_id: recipient.groups for recipient in await world.recipients("contoso", "desk")}
        assert groups[HOSTILE[0]] == (STAFF,)
        assert groups[HOSTILE[11]] == (STAFF, TEMPS)
    directory.remove(HOSTILE[0], HOSTILE[18])
    directory.put(named(HOSTILE[1], department="IT"), named(HOSTILE[19], department="HR"))
    second = await world.sync("contoso", "second")
    assert (second.state, second.counts.updated, second.counts.deactivated) == (RunState.DONE, 4, 4)
    assert await active(world) == set(HOSTILE) - {HOSTILE[0], HOSTILE[18]}
    directory.put(named(HOSTILE[18]))
    directory.members[STAFF].append(HOSTILE[18])
    third = await world.sync("contoso", "third", RunMode.FULL)
    assert (third.state, third.counts.reactivated) == (RunState.DONE, 2)
    fourth = await world.sync("contoso", "fourth", RunMode.FULL)
    assert fourth.counts == type(fourth.counts)()


async def test_a_person_with_any_id_is_explained_and_undone() -> None:
    """By their very id, not by one that differs in case; and a run that changed them can be undone."""
    world = World()
    directory = await world.tenant(
        "contoso", [named(who) for who in HOSTILE], Preferences(mode=Mode.FULL), {"hall": []}
    )
    await world.sync("contoso", "first")
    for who in HOSTILE[1:4]:
        answer = await world.app.explain(CONTOSO, who)
        assert answer.user is not None
        (explained,) = answer.locations
        assert (answer.user.object_id, explained.recipient) == (who, recipient_id_of(MAIN, who))
    directory.put(named(HOSTILE[3], department="IT"))
    run = await world.sync("contoso", "second")
    await world.app.undo(CONTOSO, run.id, "anna")
    (restored,) = [
        recipient for recipient in await world.recipients("contoso", "hall") if recipient.object_id == HOSTILE[3]
    ]
    assert restored.profile.department is None


async def add_people_of_another_connection(world: World, location: LocationId, *people: DirectoryUser) -> None:
    """Store recipients as a sync of another connection would have."""
    store = world.ports.recipients
    fence = await store.get_fence(CONTOSO, location)
    taken = msgspec.structs.replace(fence.value, attempt="other", operation=1, input_fingerprint=None)
    made = [recipient_of_other(person) for person in people]
    journal = JournalEntry(run=RUN, actor="sync", at=NOW, changes=())
    await store.write(CONTOSO, location, made, journal, Versioned(taken, fence.etag))


def recipient_of_other(found: DirectoryUser) -> Recipient:
    """Return the recipient that the other connection's directory makes."""
    profile = Attributes().to_profile(found)
    return Recipient(
        id=recipient_id_of(OTHER, found.id),
        origin="directory",  # type: ignore[arg-type]
        status=Status.ACTIVE,
        profile=profile,
        object_id=found.id,
        connection=OTHER,
        last_applied=profile,
    )


@pytest.mark.parametrize("mode", [Mode.FULL, Mode.GROUPS])
async def test_absence_in_one_connection_proves_nothing_about_another(mode: Mode) -> None:
    """Both have people 1 to 3. Person 2 leaves this one, person 9 was never in it; the other one's people stay."""
    world = World()
    preferences = Preferences(mode=mode, guard=GENEROUS)
    directory = await world.tenant(
        "contoso", [user(number) for number in range(1, 5)], preferences, {"hall": [person(90)]}
    )
    directory.members[person(90)] = [person(number) for number in range(1, 5)]
    theirs = [user(number, display_name="Theirs") for number in (1, 2, 3, 9)]
    await add_people_of_another_connection(world, HALL, *theirs)
    first = await world.sync("contoso", "first")
    assert (first.counts.created, first.counts.updated, first.counts.deactivated) == (4, 0, 0)
    directory.remove(person(2))
    for request, read in (("second", RunMode.INCREMENTAL), ("third", RunMode.FULL)):
        run = await world.sync("contoso", request, read)
        assert (run.state, run.counts.updated, run.problems) == (RunState.DONE, 0, ())
        assert await active(world) == {person(1), person(3), person(4)}
        found = [recipient for recipient in await world.recipients("contoso", "hall") if recipient.connection == OTHER]
        assert found == [recipient_of_other(each) for each in theirs]
    await world.app.locations.put_mapping(CONTOSO, HALL, [])
    await world.sync("contoso", "fourth")
    assert (
        sum(
            recipient.connection == OTHER and recipient.status is Status.ACTIVE
            for recipient in await world.recipients("contoso", "hall")
        )
        == 4
    )


@pytest.mark.parametrize("mode", [Mode.FULL, Mode.GROUPS])
async def test_from_an_inconclusive_listing_no_absence_is_concluded(mode: Mode) -> None:
    """It adds and updates people. The same people, listed conclusively, are what the absent ones leave by."""
    world = World()
    preferences = Preferences(mode=mode, guard=GENEROUS)
    directory = await world.tenant(
        "contoso", [user(number) for number in range(6)], preferences, {"hall": [person(90)]}
    )
    directory.members[person(90)] = [person(number) for number in range(6)]
    await world.sync("contoso", "first")
    directory.conclusive = False
    directory.remove(person(5))
    directory.put(user(6), user(1, department="IT"))
    directory.members[person(90)].append(person(6))
    for request in ("second", "third"):
        run = await world.sync("contoso", request, RunMode.FULL)
        assert (run.state, run.counts.deactivated, run.problems) == (RunState.DONE, 0, ())
        assert await active(world) == {person(number) for number in range(7)}
    incremental = await world.sync("contoso", "fourth")
    assert incremental.counts.deactivated == 0
    directory.conclusive = True
    last = await world.sync("contoso", "fifth", RunMode.FULL)
    assert last.counts.deactivated == 1
    (gone,) = [
        recipient for recipient in await world.recipients("contoso", "hall") if recipient.status is not Status.ACTIVE
    ]
    assert (gone.object_id, gone.reason) == (person(5), Reason.ACCOUNT_DELETED)


async def test_a_group_that_is_listed_inconclusively_keeps_whom_it_held() -> None:
    """A person whom it does not list may still be in it, and is shown so."""
    world = World()
    directory = await world.tenant(
        "contoso", [user(1), user(2)], Preferences(mode=Mode.GROUPS, guard=GENEROUS), {"hall": [person(90), person(91)]}
    )
    directory.members = {person(90): [person(1), person(2)], person(91): [person(1)]}
    await world.sync("contoso", "first")
    directory.conclusive = False
    directory.members[person(90)].remove(person(1))
    await world.sync("contoso", "second")
    groups = {recipient.object_id: recipient.groups for recipient in await world.recipients("contoso", "hall")}
    assert groups == {person(1): (person(90), person(91)), person(2): (person(90),)}
    directory.conclusive = True
    await world.sync("contoso", "third")
    groups = {recipient.object_id: recipient.groups for recipient in await world.recipients("contoso", "hall")}
    assert groups == {person(1): (person(91),), person(2): (person(90),)}
