"""One person is one recipient, and two people are never one: files and accounts that come, go and return."""

import io
from collections.abc import Sequence

import pytest

from shared.domain.directory import DirectoryUser, Source
from shared.domain.ids import LocationId, ObjectId, TenantId
from shared.domain.imports.row_decisions import ImportMode
from shared.domain.preferences.preferences import Mode, Preferences
from shared.domain.recipient import Origin, Reason, Recipient, Status
from shared.domain.run import Run, RunMode, RunState
from shared.errors import RequestRefused
from tests.simulation.worlds import STAFF, TEMPS
from tests.support.builders import person, user
from tests.support.fakes import FakeDirectory
from tests.support.world import World

CONTOSO, DESK = TenantId("contoso"), LocationId("desk")
#: Accounts of Ann: the first is deleted, the second has the same address.
FIRST, SECOND, OTHER = person(1), person(2), person(3)
FILL = [user(number) for number in range(10, 40)]


def ann(number: int = 1, **fields: object) -> DirectoryUser:
    """Return an account of Ann."""
    return user(number, **{"mail": "ann@example.com", "display_name": "Ann", **fields})


async def a_world(
    *users: DirectoryUser,
    mode: Mode = Mode.FULL,
    may_update: bool = True,
    members: Sequence[ObjectId] = (),
    file: str = "name,mail\nAnn,ann@example.com\n",
) -> World:
    """Return a world whose location has a file of Ann, and whose directory has been read."""
    world = World()
    preferences = Preferences(mode=mode, allow_directory_to_update_csv=may_update)
    groups = [STAFF, TEMPS] if mode is Mode.GROUPS else []
    directory = await world.tenant("contoso", [*FILL, *users], preferences, {"desk": groups})
    directory.members = {STAFF: [each.id for each in FILL], TEMPS: list(members)}
    await import_file(world, file)
    await world.sync("contoso", "first")
    return world


async def import_file(world: World, text: str, mode: ImportMode = ImportMode.MERGE) -> None:
    """Import a file."""
    await world.app.import_csv(CONTOSO, DESK, io.BytesIO(text.encode()), mode, "", "anna")


async def anns(world: World) -> list[Recipient]:
    """Return the active recipients that are not those of other people."""
    others = {each.id for each in FILL}
    found = await world.recipients("contoso", "desk")
    return [each for each in found if each.status is Status.ACTIVE and each.object_id not in others]


def count_checks(world: World, monkeypatch: pytest.MonkeyPatch) -> list[list[ObjectId]]:
    """Return a list to which the people of every check of accounts will be added; memberships are checked too."""
    checks: list[list[ObjectId]] = []
    check = world.directory().check_existence

    async def counted(people: Sequence[ObjectId], groups: Sequence[Source]) -> object:
        if not groups:
            checks.append(list(people))
        return await check(people, groups)

    monkeypatch.setattr(world.directory(), "check_existence", counted)
    return checks


@pytest.mark.parametrize("pause", [False, True], ids=["between two syncs", "with a sync in between"])
@pytest.mark.parametrize("mode", Mode)
async def test_an_account_that_is_deleted_and_created_again(mode: Mode, pause: bool) -> None:  # noqa: FBT001 - a case
    """Its recipient is matched with the new one, takes its values, and stays the only one."""
    world = await a_world(ann(), mode=mode, members=[FIRST])
    (before,) = await anns(world)
    assert (before.origin, before.object_id) == (Origin.CSV, FIRST)
    world.directory().remove(FIRST)
    if pause:
        await world.sync("contoso", "pause")
        (freed,) = await anns(world)
        assert (freed.id, freed.object_id) == (before.id, None)
    world.directory().put(ann(2, department="IT"))
    world.directory().members[TEMPS].append(SECOND)
    run = await world.sync("contoso", "second")
    (after,) = await anns(world)
    assert (after.id, after.origin, after.object_id) == (before.id, Origin.CSV, SECOND)
    assert after.profile.department == "IT"
    assert (run.counts.updated, run.locations[DESK].active) == (1, len(FILL) + 1)
    again = await world.sync("contoso", "third", RunMode.FULL)
    assert (again.counts.updated, again.counts.created, await anns(world)) == (0, 0, [after])


async def test_leaving_a_group_is_not_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    """The account is checked once, exists, and stays that of the recipient, also when the person returns."""
    world = await a_world(ann(), mode=Mode.GROUPS, members=[FIRST])
    checks = count_checks(world, monkeypatch)
    world.directory().members[TEMPS].remove(FIRST)
    await world.sync("contoso", "second")
    assert checks == [[FIRST]]
    (left,) = await anns(world)
    assert (left.object_id, left.groups) == (FIRST, ())
    await world.sync("contoso", "third", RunMode.FULL)
    assert checks == [[FIRST]]
    world.directory().members[TEMPS].append(FIRST)
    await world.sync("contoso", "fourth")
    (back,) = await anns(world)
    assert (back.object_id, back.groups) == (FIRST, (TEMPS,))
    assert checks == [[FIRST]]


async def test_an_address_that_another_person_has_now() -> None:
    """The first still exists, so the second gets a recipient of their own."""
    world = await a_world(ann(), mode=Mode.GROUPS, members=[FIRST])
    world.directory().put(ann(mail="ann.married@example.com"), ann(2, display_name="Ann Other"))
    world.directory().members[TEMPS][:] = [SECOND]
    await world.sync("contoso", "second")
    first, second = await anns(world)
    assert (first.origin, first.object_id) == (Origin.CSV, FIRST)
    assert (second.origin, second.object_id, second.profile.display_name) == (Origin.DIRECTORY, SECOND, "Ann Other")
    after = await world.sync("contoso", "third", RunMode.FULL)
    assert (after.counts.created, after.counts.updated, len(await anns(world))) == (0, 0, 2)


async def test_without_an_answer_the_second_account_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is named with the reason, and the next sync asks again."""
    world = await a_world(ann())
    check = world.directory().check_existence

    async def refused(*_: object) -> None:
        raise RequestRefused("403", code="403")

    world.directory().remove(FIRST)
    world.directory().put(ann(2))
    monkeypatch.setattr(world.directory(), "check_existence", refused)
    run = await world.sync("contoso", "second")
    assert (run.state, [problem.concerns for problem in run.problems]) == (RunState.DONE, ["deactivate"])
    assert [each.object_id for each in await anns(world)] == [FIRST]
    assert (await reasons(world, run))[SECOND] is Reason.EARLIER_ACCOUNT
    monkeypatch.setattr(world.directory(), "check_existence", check)
    await world.sync("contoso", "third")
    assert [each.object_id for each in await anns(world)] == [SECOND]


async def reasons(world: World, run: Run) -> dict[str | None, Reason]:
    """Return why people were skipped."""
    changes, _ = await world.app.run_history.list_changes(CONTOSO, run.id)
    return {change.object_id: Reason(change.reason) for change in changes if change.kind == "skipped"}


async def test_files_that_the_directory_must_not_update() -> None:
    """The recipient is freed, but not joined with the second account, which gets none of its own either."""
    world = await a_world(ann())
    await world.app.preferences.put(CONTOSO, Preferences(mode=Mode.FULL))
    world.directory().remove(FIRST)
    world.directory().put(ann(2))
    await world.sync("contoso", "second")
    (only,) = await anns(world)
    assert (only.origin, only.object_id) == (Origin.CSV, None)
    run = await world.sync("contoso", "third", RunMode.FULL)
    assert (len(await anns(world)), (await reasons(world, run))[SECOND]) == (1, Reason.CSV_OWNS)


async def test_recipients_of_the_directory_are_not_joined_by_address() -> None:
    """The first account's recipient leaves, and the second account gets its own."""
    world = await a_world(ann(), file="name,mail\nBob,bob@example.com\n")
    world.directory().remove(FIRST)
    world.directory().put(ann(2))
    await world.sync("contoso", "second")
    found = {each.object_id: each for each in await world.recipients("contoso", "desk")}
    assert (found[FIRST].status, found[FIRST].reason) == (Status.DEACTIVATED_BY_SYNC, Reason.ACCOUNT_DELETED.value)
    assert (found[SECOND].status, found[SECOND].origin) == (Status.ACTIVE, Origin.DIRECTORY)
    assert found[FIRST].id != found[SECOND].id


async def test_a_second_recipient_of_a_person_is_reported() -> None:
    """A file that comes later names an address that only the directory knows: both stay, until one is deactivated."""
    world = await a_world(ann(user_principal_name="a.smith@example.com"), file="name,mail\nBob,bob@example.com\n")
    await import_file(world, "name,mail\nAnn,a.smith@example.com\n")
    run = await world.sync("contoso", "second", RunMode.FULL)
    assert (await reasons(world, run))[FIRST] is Reason.SECOND_RECIPIENT
    (second,) = [each for each in await anns(world) if each.profile.mail == "a.smith@example.com"]
    await world.app.edit_recipient(CONTOSO, DESK, second.id, {}, active=False, by="anna")
    run = await world.sync("contoso", "third", RunMode.FULL)
    assert (await reasons(world, run), len(await anns(world))) == ({}, 2)


@pytest.mark.parametrize(
    "fields",
    [
        {"mail": "ANN@Example.com"},
        {"mail": "a.smith@example.com", "aliases": ("ann@example.com",)},
        {"mail": "a.smith@example.com", "user_principal_name": "Ann@example.com"},
        {"mail": "a.smith@example.com", "other_mails": ("ann@example.com",)},
        {"mail": "a.smith@example.com", "employee_id": "E-7"},
    ],
    ids=["mail", "proxy address", "user principal name", "other mail", "employee id"],
)
async def test_each_value_finds_the_recipient(fields: dict[str, object]) -> None:
    """One active recipient, of the file."""
    world = await a_world(user(1, **fields), file="name,mail,employee id\nAnn,ann@example.com,e-7\n")
    (only,) = await anns(world)
    assert (only.origin, only.object_id) == (Origin.CSV, FIRST)


async def test_the_order_of_the_values() -> None:
    """The address of a person comes before another's proxy address, and that before a user principal name."""
    people = [
        user(1, user_principal_name="ann@example.com"),
        user(2, aliases=("ann@example.com",)),
        ann(3, employee_id="other"),
        user(4, employee_id="7"),
    ]
    for first in (OTHER, SECOND, FIRST, person(4)):
        world = await a_world(*people, file="name,mail,employee id\nAnn,ann@example.com,7\n")
        (matched,) = [each.object_id for each in await anns(world) if each.origin is Origin.CSV]
        assert matched == first
        people = [each for each in people if each.id != first]


async def test_a_value_that_two_people_have_does_not_count() -> None:
    """One of them may be disabled. The employee id then decides between them, and no other person."""
    pair = [ann(1, employee_id="7"), ann(2, employee_id="8")]
    text = "name,mail,employee id\nAnn,ann@example.com,{}\n"
    world = await a_world(*pair, file=text.format("8"))
    assert {each.object_id: each.origin for each in await anns(world)} == {
        FIRST: Origin.DIRECTORY,
        SECOND: Origin.CSV,
    }
    for number in ("", "9"):
        world = await a_world(*pair, user(3, employee_id="9"), file=text.format(number))
        assert {each.object_id for each in await anns(world)} == {None, OTHER}
        run = await world.newest("contoso")
        assert await reasons(world, run) == dict.fromkeys([FIRST, SECOND], Reason.AMBIGUOUS_EMAIL)


async def test_a_person_at_another_location_counts() -> None:
    """Two people of the tenant have the employee id, one of them elsewhere: nothing is merged, until one is left."""
    world = World()
    preferences = Preferences(mode=Mode.GROUPS, allow_directory_to_update_csv=True)
    people = [*FILL, user(1, employee_id="7"), user(2, employee_id="7")]
    directory: FakeDirectory = await world.tenant("contoso", people, preferences, {"desk": [STAFF], "gate": [TEMPS]})
    directory.members = {STAFF: [FIRST, *(each.id for each in FILL)], TEMPS: [SECOND, *(each.id for each in FILL)]}
    await import_file(world, "name,employee id\nAnn,7\n")
    run = await world.sync("contoso", "first")
    assert (await reasons(world, run))[FIRST] is Reason.AMBIGUOUS_EMAIL
    assert [each.object_id for each in await anns(world)] == [None]
    directory.put(user(2, employee_id="8"))
    await world.sync("contoso", "second")
    assert [(each.object_id, each.origin) for each in await anns(world)] == [(FIRST, Origin.CSV)]


async def test_runs_without_news_ask_about_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """Matched or not, a recipient costs no request to the directory."""
    world = await a_world(ann(), file="name,mail\nAnn,ann@example.com\nBob,bob@example.com\n")
    checks = count_checks(world, monkeypatch)
    for number in range(3):
        world.directory().put(user(10, department=f"D{number}"))
        assert (await world.sync("contoso", f"run {number}", RunMode.FULL)).counts.updated == 1
    assert checks == []
