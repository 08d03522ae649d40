"""Rounds of changes that name people only in part, twice, or in a contradictory way."""

import pytest

from shared.domain.directory import ChangesPage, DirectoryUser
from shared.domain.ids import LocationId, ObjectId, TenantId
from shared.domain.preferences.attribute_map import Attributes
from shared.domain.preferences.preferences import GuardLimits, Mode, Preferences
from shared.domain.recipient import Recipient
from shared.domain.retry_policy import UNCLEAR
from shared.domain.run import RunMode, RunState
from shared.domain.sync.jobs import FetchJob
from shared.errors import Conflict, Transient
from shared.workflows.snapshots import draft
from tests.support.builders import person, recipient_id_for, user
from tests.support.fakes import FakeDirectory
from tests.support.world import World, deliver, drain_with_retries

CONTOSO, DESK = TenantId("contoso"), LocationId("desk")
PEOPLE = 12
LENIENT = GuardLimits(max_share=1, max_people=1_000_000, small_max_share=1)


def known(number: int, **fields: object) -> DirectoryUser:
    """Return the n-th person with some values."""
    return user(number, **{"department": "Sales", "office_location": "Oslo", **fields})


async def world_of(**attributes: bool) -> World:
    """Return a world after its first sync."""
    world = World()
    preferences = Preferences(mode=Mode.FULL, guard=LENIENT, attributes=Attributes(**attributes))  # type: ignore[arg-type]
    await world.tenant(CONTOSO, [known(number) for number in range(PEOPLE)], preferences, {DESK: []})
    assert (await world.sync(CONTOSO, "first")).counts.created == PEOPLE
    return world


def know(directory: FakeDirectory, *users: DirectoryUser) -> None:
    """Let users be in the directory without being named by its changes."""
    directory.people.update((user.id, user) for user in users)


async def recipient(world: World, number: int) -> Recipient:
    """Return the n-th person's recipient."""
    return await world.ports.recipients.get(CONTOSO, DESK, recipient_id_for(number))


async def test_an_unknown_person_is_read_by_id() -> None:
    """A change that introduces them with one property does not make all others null."""
    world = await world_of()
    directory = world.directory()
    know(directory, known(50, job_title="Cook"))
    directory.report(person(50), {"user_principal_name": "user50@example.com", "job_title": "Cook"})
    run = await world.sync(CONTOSO, "partial")
    assert (run.state, run.counts.created) == (RunState.DONE, 1)
    profile = (await recipient(world, 50)).profile
    assert (profile.department, profile.office_location, profile.job_title) == ("Sales", "Oslo", "Cook")


async def test_a_person_who_returns_keeps_a_manual_edit() -> None:
    """Removed in one round and named in part in the next, they are read by id."""
    world = await world_of()
    directory = world.directory()
    await world.app.edit_recipient(CONTOSO, DESK, recipient_id_for(3), {"mobile_phone": "+47 9"}, active=None, by="ann")
    before = directory.people[person(3)]
    directory.remove(person(3))
    assert (await world.sync(CONTOSO, "removed")).counts.deactivated == 1
    know(directory, before)
    directory.report(person(3), {"display_name": "User 3"})
    run = await world.sync(CONTOSO, "returned")
    assert (run.counts.reactivated, run.counts.created) == (1, 0)
    profile = (await recipient(world, 3)).profile
    assert (profile.department, profile.mobile_phone) == ("Sales", "+47 9")


@pytest.mark.parametrize("removed_first", [True, False])
async def test_a_removal_and_a_return_in_one_round(*, removed_first: bool) -> None:
    """In either order, and with a partial item: the person is read by id, and stays as they are."""
    world = await world_of()
    directory = world.directory()
    know(directory, known(3, job_title="Cook"))
    items = [None, {"job_title": "Cook"}]
    for fields in items if removed_first else reversed(items):
        directory.report(person(3), fields)  # type: ignore[arg-type] # text values
    run = await world.sync(CONTOSO, "contradictory")
    assert (run.state, run.counts.updated, run.counts.deactivated) == (RunState.DONE, 1, 0)
    profile = (await recipient(world, 3)).profile
    assert (profile.department, profile.job_title) == ("Sales", "Cook")


async def test_several_items_about_one_person_are_merged() -> None:
    """On several pages; no request by id is needed."""
    world = await world_of()
    directory = world.directory()
    for fields in ({"job_title": "Cook"}, {"department": "Kitchen"}, {"job_title": "Chef"}):
        directory.report(person(3), fields)  # type: ignore[arg-type] # text values
    requests = directory.requests
    run = await world.sync(CONTOSO, "three items")
    assert (run.state, run.counts.updated, directory.requests - requests) == (RunState.DONE, 1, 2)
    profile = (await recipient(world, 3)).profile
    assert (profile.job_title, profile.department, profile.office_location) == ("Chef", "Kitchen", "Oslo")


async def test_who_is_not_found_is_not_there() -> None:
    """An unknown person, and one who was removed and named again."""
    world = await world_of()
    directory = world.directory()
    del directory.people[person(3)]
    directory.report(person(50), {"user_principal_name": "user50@example.com"})
    directory.report(person(3), None)
    directory.report(person(3), {"job_title": "Cook"})
    run = await world.sync(CONTOSO, "not there")
    assert (run.state, run.counts.created, run.counts.deactivated) == (RunState.DONE, 0, 1)
    assert len(await world.recipients(CONTOSO, DESK)) == PEOPLE


async def test_a_manager_that_was_reported_is_kept() -> None:
    """Reading by id does not show managers."""
    world = await world_of(manager=True)
    directory = world.directory()
    know(directory, known(50))
    directory.report(person(50), {"user_principal_name": "user50@example.com", "manager": person(1)})
    assert (await world.sync(CONTOSO, "partial")).counts.created == 1
    assert (await recipient(world, 50)).profile.manager_name == "User 1"


async def test_without_a_clear_answer_the_round_is_repeated() -> None:
    """The old link is kept. Once the directory answers, the round is complete."""
    world = await world_of()
    directory = world.directory()
    know(directory, known(50))
    directory.silent_about.add(person(50))
    directory.report(person(50), {"user_principal_name": "user50@example.com"})
    directory.put(known(3, department="Law"))
    world.clock.advance(60)
    await world.request(CONTOSO, "unclear")
    await deliver(world.app, world.queue.messages.pop(0))
    for repeated in range(1, UNCLEAR.attempts):
        await deliver(world.app, world.queue.messages.pop(0))
        (job,) = world.queue.messages
        assert isinstance(job, FetchJob)
        assert (job.unclear_rounds, world.queue.last_delay_s) == (repeated, UNCLEAR.first_wait_s)
        assert (await recipient(world, 3)).profile.department == "Sales"
    directory.silent_about.clear()
    await world.drain()
    run = await world.newest(CONTOSO)
    assert (run.state, run.counts.created, run.counts.updated, run.problems) == (RunState.DONE, 1, 1, ())


async def test_after_three_unclear_rounds_everything_is_listed() -> None:
    """The person in doubt stays as they were, the report says so, and the next run goes on with changes."""
    world = await world_of()
    directory = world.directory()
    know(directory, known(50))
    directory.silent_about.add(person(50))
    directory.report(person(50), {"user_principal_name": "user50@example.com"})
    directory.put(known(3, department="Law"))
    listings = count_listings(directory)
    run = await world.sync(CONTOSO, "unclear")
    assert (run.state, run.counts.created, run.counts.updated) == (RunState.DONE, 0, 1)
    assert [(problem.concerns, problem.code) for problem in run.problems] == [("users", "unconfirmed")]
    assert listings == [None]
    directory.silent_about.clear()
    run = await world.sync(CONTOSO, "by changes")
    assert (run.counts.created, run.problems, listings) == (0, (), [None])
    directory.put(known(50, department="Law"))
    assert (await world.sync(CONTOSO, "answered")).counts.created == 1


async def test_no_clear_answer_about_people_named_by_id() -> None:
    """It is not taken for an outage of the directory: after three rounds everything is listed."""
    world = await world_of()
    directory = world.directory()
    directory.put(known(3, department="Law"))
    directory.only_ids.add(person(3))
    directory.silent_about.add(person(3))
    listings = count_listings(directory)
    run = await world.sync(CONTOSO, "unclear")
    assert (run.state, run.counts.updated, run.problems, listings) == (RunState.DONE, 1, (), [None])


async def test_too_many_people_to_read_by_id(monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything is listed instead."""
    monkeypatch.setattr("shared.workflows.snapshots.merger.MAX_READ_BY_ID", 4)
    assert draft.MAX_READ_BY_ID == 1_000
    world = await world_of()
    directory = world.directory()
    know(directory, *(known(number) for number in range(50, 55)))
    for number in range(50, 55):
        directory.report(person(number), {"job_title": "Cook"})
    listings = count_listings(directory)
    run = await world.sync(CONTOSO, "many")
    assert (run.state, run.counts.created, listings) == (RunState.DONE, 5, [None])


async def test_an_item_without_a_name() -> None:
    """A known person keeps theirs; an unknown one is read by id."""
    world = await world_of()
    directory = world.directory()
    know(directory, known(3, department="Law"), known(50))
    directory.report(person(3), {"department": "Law"})
    directory.report(person(50), {"department": "Sales"})
    listings = count_listings(directory)
    run = await world.sync(CONTOSO, "nameless")
    assert (run.state, run.counts.created, run.counts.updated, listings) == (RunState.DONE, 1, 1, [])
    assert (await recipient(world, 3)).profile.mail == "user3@example.com"


async def test_a_round_in_several_messages_that_is_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the first messages have read is forgotten, and read again from the old link."""
    world = await world_of()
    directory = world.directory()
    know(directory, known(50))
    directory.silent_about.add(person(50))
    directory.report(person(50), {"user_principal_name": "user50@example.com"})
    directory.put(*(known(number, department="Law") for number in range(8)))
    changes, cursors = directory.changes, list[str]()

    async def slowly(cursor: str) -> ChangesPage:
        world.clock.advance(1_000)
        cursors.append(cursor)
        if cursors.count(cursor) == 2:
            directory.silent_about.clear()
        return await changes(cursor)

    monkeypatch.setattr(directory, "changes", slowly)
    run = await world.sync(CONTOSO, "in pieces")
    assert (run.state, run.counts.created, run.counts.updated) == (RunState.DONE, 1, 8)
    assert cursors == sorted(set(cursors), key=cursors.index) * 2


async def test_a_directory_that_fails_while_people_are_read_by_id(monkeypatch: pytest.MonkeyPatch) -> None:
    """The message is put back, and no page is read twice."""
    world = await world_of()
    directory = world.directory()
    know(directory, known(50))
    directory.report(person(50), {"user_principal_name": "user50@example.com"})
    by_id, failures = directory.users_by_id, [Transient("Wait.", code="throttled", retry_after_s=30)]

    async def failing(people: list[ObjectId]) -> object:
        if failures:
            raise failures.pop()
        return await by_id(people)

    changes, cursors = directory.changes, list[str]()

    async def counted(cursor: str) -> ChangesPage:
        cursors.append(cursor)
        return await changes(cursor)

    directory.put(*(known(number, department="Law") for number in range(6)))
    monkeypatch.setattr(directory, "users_by_id", failing)
    monkeypatch.setattr(directory, "changes", counted)
    world.clock.advance(60)
    await world.request(CONTOSO, "fails once")
    await drain_with_retries(world, world.app)
    run = await world.newest(CONTOSO)
    assert (run.state, run.counts.created, run.counts.updated, run.problems) == (RunState.DONE, 1, 6, ())
    assert len(cursors) == len(set(cursors)) > 1
    assert (await world.sync(CONTOSO, "by changes")).counts.updated == 0


async def test_unclear_answers_while_the_listing_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    """A full run that follows changes instead ends after three rounds; the old link stays for the next run."""
    world = await world_of()
    directory = world.directory()
    know(directory, known(50))
    directory.silent_about.add(person(50))
    directory.report(person(50), {"user_principal_name": "user50@example.com"})

    async def broken(*_: object, **__: object) -> object:
        raise Conflict("The directory returned the same page twice.", code="link_loop")

    with monkeypatch.context() as listing:
        listing.setattr(directory, "users", broken)
        run = await world.sync(CONTOSO, "full", RunMode.FULL)
    assert (run.state, [problem.code for problem in run.problems]) == (RunState.FAILED, ["link_loop"])
    directory.silent_about.clear()
    run = await world.sync(CONTOSO, "by changes")
    assert (run.state, run.counts.created) == (RunState.DONE, 1)


def count_listings(directory: FakeDirectory) -> list[str | None]:
    """Return the cursors of the listings that begin from now on."""
    users, begun = directory.users, list[str | None]()

    async def counted(source: object, cursor: str | None = None, **options: bool) -> object:
        if cursor is None:
            begun.append(cursor)
        return await users(source, cursor, **options)  # type: ignore[arg-type] # passed on as they came

    directory.users = counted  # type: ignore[method-assign,assignment]
    return begun
