"""A group that cannot be read protects only the people that it may contain: deleted and disabled ones leave."""

from collections.abc import Sequence

import msgspec
import pytest

from shared.domain.directory import InactiveReason, Source
from shared.domain.ids import ObjectId, TenantId
from shared.domain.recipient import Reason, Status
from shared.domain.reconcile import questions
from shared.domain.run import RunMode, RunState
from shared.errors import NeedsAttention, NotFound, RequestRefused
from tests.simulation.worlds import TEMPS, groups_world
from tests.support.builders import person, user
from tests.support.world import World

FABRIKAM = TenantId("fabrikam")
#: In the group of temps only.
TEMP, OTHER_TEMP, FORMER_TEMP = person(20), person(21), person(22)


def refuse_temps(world: World) -> None:
    """Let the next listing of the group of temps be refused."""
    world.directory().broken[Source(group=TEMPS).id] = (0, NeedsAttention("no", code="Authorization_RequestDenied"))


async def left(world: World, location: str = "munich") -> dict[ObjectId | None, str | None]:
    """Return the people who were deactivated at a location, with the reason."""
    found = await world.recipients("fabrikam", location)
    return {each.object_id: each.reason for each in found if each.status is Status.DEACTIVATED_BY_SYNC}


@pytest.mark.parametrize("gone", [False, True], ids=["refused", "not found"])
async def test_deleted_and_disabled_people_leave_although_a_group_cannot_be_read(gone: bool) -> None:  # noqa: FBT001 - a case
    """All others stay, even a person who has left the group and is in no other."""
    world = await groups_world()
    await world.sync("fabrikam", "first")
    world.directory().remove(TEMP)
    world.directory().put(user(21, inactive=InactiveReason.DISABLED))
    if gone:
        del world.directory().members[TEMPS]
    else:
        world.directory().members[TEMPS].remove(FORMER_TEMP)
        refuse_temps(world)
    run = await world.sync("fabrikam", "second")
    code = "group_not_found" if gone else "Authorization_RequestDenied"
    assert (run.state, [problem.code for problem in run.problems]) == (RunState.DONE, [code])
    expected = {TEMP: Reason.ACCOUNT_DELETED.value, OTHER_TEMP: Reason.ACCOUNT_DISABLED.value}
    assert await left(world) == expected
    assert run.counts.deactivated == 2
    refuse_temps(world)
    again = await world.sync("fabrikam", "third")
    assert (again.counts.deactivated, await left(world)) == (0, expected)


async def test_a_disabled_person_in_a_group_that_was_read_leaves() -> None:
    """The listing says so, and the check confirms it; a filter or a setting alone does not."""
    world = await groups_world()
    await world.sync("fabrikam", "first")
    world.directory().put(user(9, inactive=InactiveReason.DISABLED))
    refuse_temps(world)
    await world.sync("fabrikam", "second")
    assert await left(world) == {person(9): Reason.ACCOUNT_DISABLED.value}


async def test_the_guard_holds_them() -> None:
    """They are approved as any others. A person who has returned by then stays, even in no group at all."""
    world = await groups_world()
    await world.sync("fabrikam", "first")
    world.directory().remove(*(person(number) for number in range(3, 25)))
    refuse_temps(world)
    run = await world.sync("fabrikam", "second")
    assert (run.state, run.counts.deactivated) == (RunState.HELD, 0)
    world.directory().put(user(20))
    await world.app.review_held.approve(FABRIKAM, run.id, run.held_digest or "", "api")
    await world.drain()
    assert set(await left(world)) == {person(number) for number in range(3, 25) if number != 20}


async def test_a_run_asks_about_a_bounded_number_and_later_runs_about_the_rest(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Two locations share it; in the end every account that does not exist has left."""
    monkeypatch.setattr(questions, "MAX_QUESTIONS", 4)
    world = await groups_world()
    await world.sync("fabrikam", "first")
    world.directory().remove(TEMP, person(24))
    asked: list[int] = []
    check_existence = world.directory().check_existence

    async def noted(people: Sequence[ObjectId], groups: Sequence[Source]) -> object:
        asked.append(len(people))
        return await check_existence(people, groups)

    monkeypatch.setattr(world.directory(), "check_existence", noted)
    for number in range(4):  # thirteen temps are in no other group
        refuse_temps(world)
        await world.sync("fabrikam", f"run {number}")
    assert set(await left(world)) == {TEMP, person(24)}
    assert asked == [4, 4, 4, 4]


async def test_a_check_without_evidence_keeps_them(monkeypatch: pytest.MonkeyPatch) -> None:
    """The run says that it could not check."""
    world = await groups_world()
    await world.sync("fabrikam", "first")
    world.directory().remove(TEMP)
    refuse_temps(world)

    async def refused(*_: object) -> None:
        raise RequestRefused("403", code="403")

    monkeypatch.setattr(world.directory(), "check_existence", refused)
    run = await world.sync("fabrikam", "second")
    assert (run.state, await left(world)) == (RunState.DONE, {})
    assert {problem.concerns for problem in run.problems} == {f"group:{TEMPS}", "deactivate"}


async def test_a_run_that_could_read_nothing_asks_about_no_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its connection may be broken."""
    world = await groups_world()
    await world.sync("fabrikam", "first")
    world.directory().remove(TEMP)

    async def refused(*_: object, **__: object) -> None:
        raise NotFound("no", code="group_not_found")

    monkeypatch.setattr(world.directory(), "users", refused)
    run = await world.sync("fabrikam", "second")
    assert (run.state, await left(world)) == (RunState.FAILED, {})


async def test_people_without_the_preference_stay() -> None:
    """Deactivation of missing people is switched off."""
    world = await groups_world()
    await world.sync("fabrikam", "first")
    preferences = await world.ports.settings.get_preferences(FABRIKAM)
    await world.app.preferences.put(FABRIKAM, msgspec.structs.replace(preferences, deactivate_missing=False))
    world.directory().remove(TEMP)
    refuse_temps(world)
    await world.sync("fabrikam", "second")
    assert await left(world) == {}


async def test_a_preview_names_them() -> None:
    """And changes nothing."""
    world = await groups_world()
    await world.sync("fabrikam", "first")
    world.directory().remove(TEMP)
    refuse_temps(world)
    preview = await world.app.request_run.preview(FABRIKAM, RunMode.INCREMENTAL, None)
    await world.drain()
    assert ((await world.run("fabrikam", preview.id)).counts.deactivated, await left(world)) == (1, {})
