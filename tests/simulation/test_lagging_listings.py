"""Listings from a replica that lags behind what was read before."""

import pytest

from shared.domain.directory import DirectoryUser, InactiveReason
from shared.domain.ids import LocationId, ObjectId, TenantId
from shared.domain.preferences.attribute_map import Attributes
from shared.domain.preferences.preferences import GuardLimits, Mode, Preferences
from shared.domain.recipient import Status
from shared.domain.reconcile.absence import EVERYONE
from shared.domain.run import RunMode, RunState
from shared.errors import Transient
from tests.simulation.worlds import TEMPS, groups_world
from tests.support.builders import loaded, person, user
from tests.support.world import World, drain_with_retries

CONTOSO, DESK = TenantId("contoso"), LocationId("desk")
PEOPLE = 12
LENIENT = GuardLimits(max_share=1, max_people=1_000_000, small_max_share=1)
INCREMENTAL_AND_FULL = pytest.mark.parametrize("mode", RunMode)


async def world_of(*, feed: bool = True, managers: bool = False) -> World:
    """Return a world after its first sync."""
    world = World()
    preferences = Preferences(mode=Mode.FULL, guard=LENIENT, attributes=Attributes(manager=managers))
    directory = await world.tenant(CONTOSO, [user(number) for number in range(PEOPLE)], preferences, {DESK: []})
    directory.no_feed = not feed
    assert (await world.sync(CONTOSO, "first")).counts.created == PEOPLE
    return world


async def active(world: World) -> set[str | None]:
    """Return the people who are active recipients."""
    recipients = await world.recipients(CONTOSO, DESK)
    return {recipient.object_id for recipient in recipients if recipient.status is Status.ACTIVE}


async def snapshot(world: World) -> dict[ObjectId, DirectoryUser]:
    """Return the people of the current snapshot."""
    manifest = await world.ports.snapshots.find_current(CONTOSO, EVERYONE)
    assert manifest is not None
    return await loaded(world.ports.snapshots, CONTOSO, manifest)


@INCREMENTAL_AND_FULL
async def test_who_has_just_left_does_not_come_back(mode: RunMode) -> None:
    """Deleted and disabled people, whether the listing is that of the day or follows an expired link."""
    world = await world_of()
    directory = world.directory()
    directory.lag()
    directory.remove(person(3))
    directory.put(user(4, inactive=InactiveReason.DISABLED))
    assert (await world.sync(CONTOSO, "by changes")).counts.deactivated == 2
    directory.delta_expired = mode is RunMode.INCREMENTAL
    run = await world.sync(CONTOSO, "listed", mode)
    assert (run.state, run.counts.reactivated, run.counts.created, run.problems) == (RunState.DONE, 0, 0, ())
    assert await active(world) == {person(number) for number in range(PEOPLE)} - {person(3), person(4)}
    assert await snapshot(world) == directory.people


@INCREMENTAL_AND_FULL
async def test_who_has_just_joined_stays(mode: RunMode) -> None:
    """New and enabled people stay recipients, and stay known: a later change of one property finds the others."""
    world = await world_of()
    directory = world.directory()
    directory.put(user(4, inactive=InactiveReason.DISABLED))
    assert (await world.sync(CONTOSO, "disabled")).counts.deactivated == 1
    directory.lag()
    directory.put(user(50), user(4))
    run = await world.sync(CONTOSO, "by changes")
    assert (run.counts.created, run.counts.reactivated) == (1, 1)
    directory.delta_expired = mode is RunMode.INCREMENTAL
    run = await world.sync(CONTOSO, "listed", mode)
    assert (run.state, run.counts.deactivated, run.problems) == (RunState.DONE, 0, ())
    assert await active(world) == directory.people.keys()
    assert await snapshot(world) == directory.people


async def test_a_directory_without_a_feed() -> None:
    """Each sync lists everything, now from this replica and then from that one."""
    world = await world_of(feed=False)
    directory = world.directory()
    directory.put(user(50))
    directory.remove(person(3))
    run = await world.sync(CONTOSO, "current")
    assert (run.counts.created, run.counts.deactivated) == (1, 1)
    directory.remove(person(50))
    directory.put(user(3))
    directory.lag()
    directory.put(user(50))
    directory.remove(person(3))
    for request in ("lagging", "lagging again"):
        run = await world.sync(CONTOSO, request)
        assert (run.counts.created, run.counts.reactivated, run.counts.deactivated) == (0, 0, 0)
    assert await active(world) == directory.people.keys()


async def test_members_of_groups() -> None:
    """A person who has left a group does not return, and one who has joined it stays."""
    world = await groups_world()
    await world.sync("fabrikam", "first")
    directory = world.directory()
    directory.members[TEMPS].remove(person(20))
    directory.members[TEMPS].append(person(27))
    run = await world.sync("fabrikam", "current")
    assert (run.counts.created, run.counts.deactivated) == (1, 1)
    before = await world.everything("fabrikam")
    directory.members[TEMPS].remove(person(27))
    directory.members[TEMPS].append(person(20))
    directory.lag()
    directory.members[TEMPS].remove(person(20))
    directory.members[TEMPS].append(person(27))
    run = await world.sync("fabrikam", "lagging")
    assert (run.counts.created, run.counts.reactivated, run.counts.deactivated) == (0, 0, 0)
    assert await world.everything("fabrikam") == before


async def test_without_a_clear_answer_the_last_reading_counts() -> None:
    """The report says about how many people."""
    world = await world_of()
    directory = world.directory()
    directory.put(user(50))
    assert (await world.sync(CONTOSO, "joined")).counts.created == 1
    directory.lag()
    directory.put(user(51))
    directory.remove(person(3))
    assert (await world.sync(CONTOSO, "by changes")).counts.created == 1
    directory.silent_about |= {person(3), person(51)}
    run = await world.sync(CONTOSO, "listed", RunMode.FULL)
    assert (run.counts.created, run.counts.reactivated, run.counts.deactivated) == (0, 0, 0)
    (problem,) = run.problems
    assert (problem.concerns, problem.code) == ("users", "unconfirmed")
    assert "2 people" in problem.detail
    assert await snapshot(world) == directory.people


async def test_a_directory_that_fails_while_people_are_read_by_id(monkeypatch: pytest.MonkeyPatch) -> None:
    """The message is put back, and no page is read twice."""
    world = await world_of()
    directory = world.directory()
    directory.lag()
    directory.put(user(50))
    directory.remove(person(3))
    run = await world.sync(CONTOSO, "by changes")
    assert (run.counts.created, run.counts.deactivated) == (1, 1)
    by_id, failures = directory.users_by_id, [Transient("Wait.", code="throttled", retry_after_s=30)] * 2

    async def failing(people: list[ObjectId]) -> object:
        if failures:
            raise failures.pop()
        return await by_id(people)

    monkeypatch.setattr(directory, "users_by_id", failing)
    requests = directory.requests
    world.clock.advance(60)
    await world.request(CONTOSO, "listed", RunMode.FULL)
    await drain_with_retries(world, world.app)
    run = await world.newest(CONTOSO)
    assert (run.state, run.counts.created, run.counts.deactivated, run.problems) == (RunState.DONE, 0, 0, ())
    assert directory.requests - requests == 1 + PEOPLE // directory.page_size + 1
    assert await snapshot(world) == directory.people


async def test_managers_of_confirmed_people(monkeypatch: pytest.MonkeyPatch) -> None:
    """They are those of the last reading: reading by id does not show them."""
    world = await world_of(managers=True)
    directory = world.directory()
    directory.put(user(50, manager=person(1)))
    assert (await world.sync(CONTOSO, "joined")).counts.created == 1
    log = directory._log[:-1]  # as the replica has it
    monkeypatch.setattr(directory, "_log", log)
    run = await world.sync(CONTOSO, "listed", RunMode.FULL)
    assert (run.state, run.counts.updated, run.counts.deactivated) == (RunState.DONE, 0, 0)
    assert (await snapshot(world))[person(50)] == user(50, manager=person(1))


async def test_more_people_than_can_be_read_by_id(monkeypatch: pytest.MonkeyPatch) -> None:
    """The listing counts; departures are verified before anyone is deactivated, as always."""
    monkeypatch.setattr("shared.workflows.snapshots.merger.MAX_READ_BY_ID", 3)
    world = await world_of()
    directory = world.directory()
    directory.lag()
    directory.put(*(user(number) for number in range(50, 54)))
    assert (await world.sync(CONTOSO, "joined")).counts.created == 4
    run = await world.sync(CONTOSO, "listed", RunMode.FULL)
    assert (run.state, run.counts.deactivated) == (RunState.DONE, 0)
    assert await active(world) == directory.people.keys()


async def test_an_unchanged_directory_is_not_asked() -> None:
    """Listing it again takes no request by id; nor does a change of other properties."""
    world = await world_of()
    directory = world.directory()
    for request in ("unchanged", "changed"):
        requests = directory.requests
        await world.sync(CONTOSO, request, RunMode.FULL)
        assert directory.requests - requests == 1 + PEOPLE // directory.page_size  # the cursor, and the pages
        directory.put(user(3, department="Law"))
