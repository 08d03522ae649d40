"""Damaged answers: what is read is right, or an error of ours, and never less than there is."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import msgspec
import pytest

from infra.local.demo.simulator import Simulator
from infra.local.entra.server import EntraSimulator
from shared.adapters.entra import GraphDirectoryFactory, batches
from shared.domain.directory import Existence, Source
from shared.domain.ids import ObjectId
from shared.domain.retry_policy import EXISTENCE_CHECK
from shared.errors import SyncError
from shared.ports.directory import Directory
from tests.contracts.ports.directory.conftest import all_users, credentials
from tests.contracts.ports.directory.worlds import GraphWorld
from tests.support.builders import person
from tests.support.hostile_graph.breakages import BREAKAGES
from tests.support.hostile_graph.server import HostileGraph, Manner

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # the SDK warns of its own base classes

PEOPLE = [person(number) for number in range(12)]
OUTER, INNER, MISSING = (person(number) for number in (501, 502, 998))
Reading = Callable[[Directory], Awaitable[Any]]


async def _managers(directory: Directory) -> dict[str, object]:
    found: dict[str, object] = {}
    cursor: str | None = None
    while True:
        page = await directory.users(Source(), cursor, managers=True)
        found |= {person_: fields.get("manager") for person_, fields in page.changes if fields is not None}
        if page.next_cursor is None:
            return found
        cursor = page.next_cursor


async def _ids(reading: Awaitable[Any]) -> list[ObjectId]:
    return sorted({each.id for each in await reading})


async def _by_id(directory: Directory) -> dict[ObjectId, Existence]:
    users = await directory.users_by_id([*PEOPLE, person(999)])
    clear = {person_: Existence.FOUND if user else Existence.NOT_FOUND for person_, user in users.items()}
    return dict.fromkeys([*PEOPLE, person(999)], Existence.UNKNOWN) | clear


async def _assignments(directory: Directory) -> list[ObjectId]:
    page = await directory.assignments(person(997))
    return [each.principal_id for each in page.assignments]


READINGS: dict[str, Reading] = {
    "all users": lambda directory: all_users(directory, Source()),
    "members": lambda directory: all_users(directory, Source(group=OUTER)),
    "members of an empty group": lambda directory: all_users(directory, Source(group=person(503))),
    "members of a missing group": lambda directory: all_users(directory, Source(group=MISSING)),
    "members by id": lambda directory: all_users(directory, Source(group=OUTER, by_id=True)),
    "managers": _managers,
    "existence": lambda directory: directory.check_existence([*PEOPLE, person(999)], []),
    "existence in a group": lambda directory: directory.check_existence(PEOPLE, [Source(group=OUTER)]),
    "existence directly in a group": lambda directory: directory.check_existence(
        PEOPLE, [Source(group=OUTER, transitive=False)]
    ),
    "users by id": _by_id,
    "groups by id": lambda directory: _ids(directory.groups_by_id([OUTER, INNER, MISSING])),
    "groups of a user": lambda directory: _ids(directory.groups_of_user(PEOPLE[0])),
    "groups of a group": lambda directory: _ids(directory.groups_of_group(INNER)),
    "users by name": lambda directory: _ids(directory.find_users("user3@example.com")),
    "groups by name": lambda directory: _ids(directory.find_groups("Group")),
    "assignments": _assignments,
}
#: What each reading finds without damage, once it was read; the directory is the same in all tests.
TRUTH: dict[str, Any] = {}


@pytest.fixture
async def directory(
    hostile: HostileGraph,
    entra: EntraSimulator,
    simulator: Simulator,
    factory: GraphDirectoryFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[Directory]:
    """Twelve people: seven in a group, three in a nested one; and an empty group."""
    at_once = msgspec.structs.replace(EXISTENCE_CHECK, first_wait_s=0.0)
    monkeypatch.setattr(batches, "EXISTENCE_CHECK", at_once)
    await simulator.call("POST", "/directories", {"name": "empty", "users": 0, "groups": 0})
    async with factory.open(await credentials(entra, simulator, "empty")) as opened:
        world = GraphWorld(opened, simulator)
        for number in range(12):
            await world.add(number, guest=number == 1)
        await world.change(2, manager=PEOPLE[0])
        await world.group(2, *PEOPLE[5:8])
        await world.group(1, *PEOPLE[:5], *PEOPLE[8:10], INNER)
        await world.group(3)
        yield opened


async def result_of(reading: Reading, directory: Directory) -> Any:  # noqa: ANN401 - of any reading
    """Return what a reading finds; None if it ends with an error of ours."""
    try:
        return await reading(directory)
    except SyncError:
        return None


def agrees(found: Any, truth: Any) -> bool:  # noqa: ANN401 - of any reading
    """Return whether nothing is found that is not so: an error and an unknown existence claim nothing."""
    if found is None:
        return True
    if isinstance(truth, dict) and Existence.FOUND in truth.values():
        return all(found[each] in {truth[each], Existence.UNKNOWN} for each in truth)
    return bool(found == truth)


@pytest.mark.parametrize("manner", BREAKAGES.values(), ids=BREAKAGES)
async def test_a_damaged_answer_is_no_answer(directory: Directory, hostile: HostileGraph, manner: Manner) -> None:
    """For every way of reading, over pages and in batches."""
    if not TRUTH:
        TRUTH.update({name: await result_of(reading, directory) for name, reading in READINGS.items()})
    hostile.manner = manner
    for name, reading in READINGS.items():
        found = await result_of(reading, directory)
        assert agrees(found, TRUTH[name]), (name, found, TRUTH[name])
    assert hostile.changed


async def test_the_undamaged_answers(directory: Directory) -> None:
    """What the readings find, so that an error in place of each is noticed."""
    found = {name: await result_of(reading, directory) for name, reading in READINGS.items()}
    assert {name for name, result in found.items() if result is None} == {"members of a missing group", "assignments"}
    assert found["all users"].keys() == set(PEOPLE)
    assert found["members"].keys() == found["members by id"].keys() == set(PEOPLE[:10])
    assert found["managers"] == {**dict.fromkeys(PEOPLE), PEOPLE[2]: PEOPLE[0]}
    assert found["existence"][person(999)] is Existence.NOT_FOUND
    assert [found["existence in a group"][each] for each in PEOPLE].count(Existence.NOT_IN_SOURCE) == 2
    assert [found["existence directly in a group"][each] for each in PEOPLE].count(Existence.NOT_IN_SOURCE) == 5
    assert found["users by id"] == dict.fromkeys(PEOPLE, Existence.FOUND) | {person(999): Existence.NOT_FOUND}
    assert found["groups of a user"] == found["groups of a group"] == [OUTER]
    assert found["users by name"] == [PEOPLE[3]]
    assert len(found["groups by name"]) == 3
