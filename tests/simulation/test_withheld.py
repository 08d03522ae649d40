"""A directory that answers with null for what it showed before changes nothing, until it is decided what that means."""

import msgspec
import pytest

from shared.domain.directory import DirectoryUser, InactiveReason
from shared.domain.ids import LocationId, ObjectId, TenantId
from shared.domain.preferences.preferences import Mode, Preferences
from shared.domain.problem import Problem
from shared.domain.recipient import Reason
from shared.domain.run import Run, RunMode, RunState
from shared.domain.snapshots.withheld import MIN_PEOPLE
from shared.domain.sync.jobs import SyncRequest
from shared.errors import Conflict, NeedsAttention, Rejected, Transient
from shared.telemetry import RequestCounters
from tests.support.builders import person, user
from tests.support.fakes import FakeDirectory
from tests.support.world import World

CONTOSO = TenantId("contoso")
DESK = LocationId("desk")
PEOPLE = 30
UNKNOWN = InactiveReason.UNKNOWN
INCREMENTAL_AND_FULL = pytest.mark.parametrize("mode", RunMode)


def shown(number: int, **fields: object) -> DirectoryUser:
    """Return the n-th person with all values."""
    return user(number, **{"department": "Sales", "office_location": "Oslo", "mobile_phone": "+47 1", **fields})


async def world_of(
    mode: Mode = Mode.FULL, groups: dict[ObjectId, list[ObjectId]] | None = None, **options: object
) -> World:
    """Return a world after its first sync."""
    world = World()
    preferences = Preferences(mode=mode, **options)  # type: ignore[arg-type] # preferences by name
    people = [shown(number) for number in range(PEOPLE)]
    directory = await world.tenant(CONTOSO, people, preferences, {DESK: list(groups or {})})
    directory.members.update(groups or {})
    assert (await world.sync(CONTOSO, "first", RunMode.FULL)).state is RunState.DONE
    return world


def withhold(directory: FakeDirectory, **fields: object) -> None:
    """Replace values of all people."""
    directory.put(*(msgspec.structs.replace(one, **fields) for one in tuple(directory.people.values())))


def codes(run: Run) -> list[tuple[str, str]]:
    """Return what the problems of a run concern, and their codes."""
    return [(problem.concerns, problem.code) for problem in run.problems]


def problem_of(run: Run, code: str) -> Problem:
    """Return the problem with this code."""
    return next(problem for problem in run.problems if problem.code == code)


@INCREMENTAL_AND_FULL
async def test_nobodys_account_status(mode: RunMode) -> None:
    """With only basic profiles, disabled accounts do not come in, and no value is wiped."""
    world = await world_of()
    before = await world.recipients(CONTOSO, DESK)
    withhold(world.directory(), inactive=UNKNOWN, department=None, office_location=None, mobile_phone=None)
    world.directory().put(user(99, inactive=UNKNOWN))
    run = await world.sync(CONTOSO, "narrowed", mode)
    assert (run.state, codes(run)) == (RunState.FAILED, [("users", "account_status_withheld")])
    assert "in full" in problem_of(run, "account_status_withheld").detail
    assert await world.recipients(CONTOSO, DESK) == before
    withhold(world.directory(), inactive=None, department="Law", office_location="Oslo", mobile_phone="+47 1")
    run = await world.sync(CONTOSO, "granted again", mode)
    assert (run.state, run.counts.updated, run.counts.created, run.problems) == (RunState.DONE, PEOPLE, 1, ())


@INCREMENTAL_AND_FULL
async def test_a_property_that_people_had(mode: RunMode) -> None:
    """The source is unreadable by name and number of people; nothing is written, not even what is shown."""
    world = await world_of()
    before = await world.recipients(CONTOSO, DESK)
    withhold(world.directory(), department=None, display_name="New Name")
    run = await world.sync(CONTOSO, "narrowed", mode)
    assert run.state is RunState.FAILED
    problem = problem_of(run, "properties_withheld")
    assert (problem.concerns, problem.properties) == ("users", ("department",))
    assert f"department ({PEOPLE} people)" in problem.detail
    assert await world.recipients(CONTOSO, DESK) == before


@INCREMENTAL_AND_FULL
async def test_a_cleared_property_is_accepted_in_one_step(mode: RunMode) -> None:
    """The accepted run writes it; the acceptance does not outlive that run."""
    world = await world_of()
    withhold(world.directory(), department=None)
    refused = await world.sync(CONTOSO, "cleared", mode)
    world.clock.advance(1)
    started = await world.app.accept_cleared(CONTOSO, refused.id, "ann")
    assert (started.mode, started.accepted, started.requested_by) == (RunMode.FULL, {"users": ("department",)}, "ann")
    await world.drain()
    accepted = await world.run(CONTOSO, started.id)
    assert (accepted.state, accepted.counts.updated, accepted.problems) == (RunState.DONE, PEOPLE, ())
    assert {one.profile.department for one in await world.recipients(CONTOSO, DESK)} == {None}
    withhold(world.directory(), department="Law")
    assert (await world.sync(CONTOSO, "filled", mode)).counts.updated == PEOPLE
    withhold(world.directory(), department=None)
    assert codes(await world.sync(CONTOSO, "cleared again", mode)) == [("users", "properties_withheld")]


async def test_what_cannot_be_accepted() -> None:
    """A run without such a problem, one that is not the last, and any while another run is active."""
    world = await world_of()
    fine = await world.newest(CONTOSO)
    with pytest.raises(Rejected, match="could be accepted"):
        await world.app.accept_cleared(CONTOSO, fine.id, "ann")
    withhold(world.directory(), department=None)
    first = await world.sync(CONTOSO, "cleared")
    second = await world.sync(CONTOSO, "cleared again")
    with pytest.raises(Conflict) as refused:
        await world.app.accept_cleared(CONTOSO, first.id, "ann")
    assert refused.value.code == "run_outdated"
    await world.request(CONTOSO, "active")
    message = world.queue.messages.pop(0)
    assert isinstance(message, SyncRequest)
    await world.app.plan(message, RequestCounters())
    with pytest.raises(Conflict) as refused:
        await world.app.accept_cleared(CONTOSO, second.id, "ann")
    assert refused.value.code == "run_active"


async def test_an_acceptance_does_not_wait_for_another_run() -> None:
    """A run that began in between may have read something else: the accepting one ends, and says so."""
    world = await world_of()
    withhold(world.directory(), department=None)
    refused = await world.sync(CONTOSO, "cleared")
    world.clock.advance(1)

    async def busy(*_: object) -> None:
        raise Transient("busy", code="storage_busy")

    request_run = msgspec.structs.replace(world.app.request_run, plan=busy)
    started = await msgspec.structs.replace(world.app.accept_cleared, request_run=request_run)(
        CONTOSO, refused.id, "ann"
    )
    await world.request(CONTOSO, "between")
    world.queue.messages.reverse()
    await world.drain()
    ended = await world.run(CONTOSO, started.id)
    assert (ended.state, codes(ended)) == (RunState.SUPERSEDED, [("run", "run_active")])


async def test_a_property_that_is_taken_from_few_people_at_a_time() -> None:
    """Changes show null only of those who change: after some rounds everything is listed, and judged as a whole."""
    world = await world_of()
    directory = world.directory()
    runs, hidden = [], set[ObjectId]()
    for number in range(PEOPLE):
        hidden.add(person(number))
        directory.put(shown(number, department=None, job_title=f"Title {number}"))
        if len(hidden) == MIN_PEOPLE:  # the narrowed permission shows it of no one
            everyone = tuple(directory.people.values())
            directory.people.update((one.id, msgspec.structs.replace(one, department=None)) for one in everyone)
        runs.append(await world.sync(CONTOSO, f"round-{number}"))
        if runs[-1].problems:
            break
    assert len(runs) == MIN_PEOPLE
    assert codes(runs[-1]) == [("users", "properties_withheld")]
    assert f"department ({PEOPLE} people)" in problem_of(runs[-1], "properties_withheld").detail
    departments = [one.profile.department for one in await world.recipients(CONTOSO, DESK)]
    assert departments.count(None) == MIN_PEOPLE - 1


async def test_an_account_status_that_is_taken_from_few_people_at_a_time() -> None:
    """The same: in the end no account status is shown."""
    world = await world_of()
    directory = world.directory()
    for number in range(MIN_PEOPLE - 1):
        directory.put(shown(number, inactive=UNKNOWN))
        assert (await world.sync(CONTOSO, f"round-{number}")).problems == ()
    everyone = tuple(directory.people.values())
    directory.people.update((one.id, msgspec.structs.replace(one, inactive=UNKNOWN)) for one in everyone)
    directory.put(shown(20, inactive=UNKNOWN))
    run = await world.sync(CONTOSO, "too many")
    assert (run.state, codes(run)) == (RunState.FAILED, [("users", "account_status_withheld")])


async def test_a_property_that_is_really_cleared_of_few_people_at_a_time() -> None:
    """The listing shows that others have it, so it is cleared; it is listed once, not in every later round."""
    world = await world_of()
    directory = world.directory()
    listings = []
    for number in range(MIN_PEOPLE + 5):
        requests = directory.requests
        directory.put(shown(number, department=None))
        run = await world.sync(CONTOSO, f"round-{number}")
        assert (run.state, run.counts.updated, run.problems) == (RunState.DONE, 1, ())
        if directory.requests - requests > 1:
            listings.append(number)
    assert listings == [MIN_PEOPLE - 1]


async def test_a_property_that_changes_still_show() -> None:
    """One person who keeps it, or gets another value, proves that it is shown: nothing is listed."""
    world = await world_of()
    directory = world.directory()
    for number in range(MIN_PEOPLE + 5):
        requests = directory.requests
        directory.put(shown(number, department=None), shown(29, department=f"Department {number}"))
        assert (await world.sync(CONTOSO, f"round-{number}")).counts.updated == 2
        assert directory.requests - requests == 1


async def test_newcomers_with_the_property_do_not_prove_it() -> None:
    """It is judged by those who had it, over all pages, not by who else is in the source."""
    world = await world_of()
    withhold(world.directory(), department=None)
    world.directory().put(shown(200), shown(201))
    run = await world.sync(CONTOSO, "narrowed", RunMode.FULL)
    assert codes(run) == [("users", "properties_withheld")]


@INCREMENTAL_AND_FULL
async def test_one_who_keeps_it_proves_that_it_is_shown(mode: RunMode) -> None:
    """The others were cleared, and are."""
    world = await world_of()
    withhold(world.directory(), department=None)
    world.directory().put(shown(7))
    run = await world.sync(CONTOSO, "cleared", mode)
    assert (run.state, run.counts.updated) == (RunState.DONE, PEOPLE - 1)


@INCREMENTAL_AND_FULL
async def test_one_persons_unknown_status(mode: RunMode) -> None:
    """No change of who is known, none is created, neither is deactivated; both are counted."""
    world = await world_of()
    before = await world.recipients(CONTOSO, DESK)
    world.directory().put(shown(3, inactive=UNKNOWN, display_name="New Name"), user(40, inactive=UNKNOWN))
    run = await world.sync(CONTOSO, "unknown", mode)
    assert (run.state, run.counts.skipped, run.counts.updated, run.counts.created) == (RunState.DONE, 2, 0, 0)
    assert await world.recipients(CONTOSO, DESK) == before
    changes, _ = await world.app.run_history.list_changes(CONTOSO, run.id)
    assert {(change.object_id, change.reason) for change in changes} == {
        (person(3), Reason.STATUS_UNKNOWN),
        (person(40), Reason.STATUS_UNKNOWN),
    }
    world.directory().put(shown(3, inactive=InactiveReason.DISABLED))
    run = await world.sync(CONTOSO, "disabled", mode)
    assert run.counts.deactivated == 1


async def test_an_unreadable_group_leaves_the_others_alone() -> None:
    """Only the source that withholds is unreadable; recipients of another group change as always."""
    large, small = person(500), person(501)
    groups = {large: [person(number) for number in range(20)], small: [person(number) for number in range(20, 24)]}
    world = await world_of(Mode.GROUPS, groups)
    withhold(world.directory(), department=None)
    run = await world.sync(CONTOSO, "narrowed")
    assert (run.state, codes(run)) == (RunState.DONE, [(f"group:{large}", "properties_withheld")])
    departments = {one.object_id: one.profile.department for one in await world.recipients(CONTOSO, DESK)}
    assert [departments[person(number)] for number in (0, 19, 20, 23)] == ["Sales", "Sales", None, None]


async def test_members_who_were_all_replaced() -> None:
    """Values of people who have left are not missing from those who came."""
    group = person(500)
    world = await world_of(Mode.GROUPS, {group: [person(number) for number in range(12)]}, deactivate_missing=False)
    world.directory().put(*(user(number) for number in range(100, 112)))
    world.directory().members[group] = [person(number) for number in range(100, 112)]
    run = await world.sync(CONTOSO, "replaced")
    assert (run.state, run.counts.created, run.problems) == (RunState.DONE, 12, ())


@INCREMENTAL_AND_FULL
async def test_a_lost_permission_is_named(mode: RunMode) -> None:
    """It fails nothing as long as what is read is read; also a run that finds nothing changed names it."""
    world = await world_of()
    world.directory().roles = frozenset({"User.Read.All"})
    for request in ("lost", "unchanged"):
        run = await world.sync(CONTOSO, request, mode)
        assert (run.state, codes(run)) == (RunState.DONE, [("permissions", "permission_lost")])
        assert "GroupMember.Read.All" in run.problems[0].detail
    world.directory().roles = frozenset({"User.Read.All", "Group.Read.All"})
    assert (await world.sync(CONTOSO, "granted", mode)).problems == ()


async def test_a_lost_permission_explains_a_refusal() -> None:
    """The refused source and the permission are both in the report."""
    world = await world_of()
    directory = world.directory()
    directory.roles = frozenset({"User.ReadBasic.All", "GroupMember.Read.All"})
    directory.broken["main:users"] = (0, NeedsAttention("Refused (403).", code="Authorization_RequestDenied"))  # type: ignore[index]
    run = await world.sync(CONTOSO, "refused", RunMode.FULL)
    assert run.state is RunState.FAILED
    assert codes(run) == [("users", "Authorization_RequestDenied"), ("permissions", "permission_lost")]
    assert "User.Read.All" in run.problems[1].detail


async def _refuse(_: object) -> None:
    raise NeedsAttention("Refused (403).", code="Authorization_RequestDenied")


@pytest.mark.parametrize("listed", [True, False])
async def test_a_lost_permission_is_named_although_the_group_is_missing(
    monkeypatch: pytest.MonkeyPatch,
    listed: bool,  # noqa: FBT001 - a case
) -> None:
    """A run whose only group is not found looks at the token too, also if the list of groups is refused."""
    group = person(500)
    world = await world_of(Mode.GROUPS, {group: [person(1)]})
    world.directory().roles = frozenset({"GroupMember.Read.All"})
    del world.directory().members[group]
    if not listed:
        monkeypatch.setattr(world.directory(), "groups_by_id", _refuse)
    run = await world.sync(CONTOSO, "missing")
    assert {code for _, code in codes(run)} == {"group_not_found", "permission_lost"}


async def test_what_is_read_is_not_called_lost() -> None:
    """A token of another login service may name no roles; a source that was read proves its own permissions."""
    world = await world_of()
    for roles in ((), ("GroupMember.Read.All",)):
        world.directory().roles = frozenset(roles)
        assert (await world.sync(CONTOSO, f"read with {len(roles)}", RunMode.FULL)).problems == ()


async def test_a_listing_that_takes_several_messages() -> None:
    """It is judged as a whole, from what was stored of it."""
    world = World()
    people = [shown(number) for number in range(PEOPLE)]
    await world.tenant(CONTOSO, people, Preferences(mode=Mode.FULL), {DESK: []})
    await world.sync(CONTOSO, "first", RunMode.FULL)
    before = await world.recipients(CONTOSO, DESK)
    withhold(world.directory(), department=None)
    _interrupt(world)
    run = await world.sync(CONTOSO, "narrowed", RunMode.FULL)
    assert codes(run) == [("users", "properties_withheld")]
    assert await world.recipients(CONTOSO, DESK) == before


def _interrupt(world: World) -> None:
    """Let each page of a listing use up the time of its message."""
    listing = world.directory().users

    async def slowly(*arguments: object, **options: object) -> object:
        world.clock.advance(1_000)
        return await listing(*arguments, **options)  # type: ignore[arg-type] # passed on as they came

    world.directory().users = slowly  # type: ignore[method-assign,assignment]
