"""What every `Directory` does, in memory and through Graph's SDK, so that the workflows' fake cannot lie."""

from collections.abc import AsyncIterator
from typing import Any, Final, Protocol

import pytest

from infra.local.demo.simulator import Simulator
from infra.local.entra.server import EntraSimulator
from shared.adapters.entra import GraphDirectoryFactory
from shared.adapters.entra.schema import TEXT_PATHS
from shared.domain.directory import DirectoryUser, Existence, Source
from shared.domain.ids import ObjectId
from shared.errors import NotFound
from shared.ports.directory import Directory
from tests.contracts.ports.directory.conftest import credentials, everybody
from tests.support.builders import person, user
from tests.support.fakes.directory import FakeDirectory
from tests.support.graph_user import properties_of

NOBODY = person(999)
NO_GROUP = person(998)


class World(Protocol):
    """A directory, and how its people and groups change."""

    @property
    def directory(self) -> Directory:
        """What reads them."""

    async def add(self, number: int, **changes: Any) -> ObjectId:  # noqa: ANN401 - values of properties
        """The n-th person is there, as said."""

    async def change(self, number: int, **changes: Any) -> None:  # noqa: ANN401 - as above
        """The n-th person is changed."""

    async def remove(self, number: int) -> None:
        """The n-th person is gone."""

    async def group(self, number: int, *members: ObjectId) -> Source:
        """The n-th group has these members, people or groups."""


class FakeWorld:
    """The fake."""

    def __init__(self) -> None:
        self.directory = FakeDirectory()

    async def add(self, number: int, **changes: Any) -> ObjectId:  # noqa: ANN401
        """In a dict."""
        self.directory.put(user(number, **changes))
        return person(number)

    async def change(self, number: int, **changes: Any) -> None:  # noqa: ANN401
        """In the dict."""
        await self.add(number, **changes)

    async def remove(self, number: int) -> None:
        """Out of the dict."""
        self.directory.remove(person(number))

    async def group(self, number: int, *members: ObjectId) -> Source:
        """In another dict."""
        self.directory.members[person(500 + number)] = list(members)
        return Source(group=person(500 + number))


class GraphWorld:
    """The adapter in front of the simulator, in an empty directory."""

    _PATH: Final = "/directories/empty"

    def __init__(self, directory: Directory, simulator: Simulator) -> None:
        self.directory = directory
        self._simulator = simulator

    def _properties(self, changes: dict[str, Any]) -> dict[str, Any]:
        named = properties_of({name: text for name, text in changes.items() if name in TEXT_PATHS})
        named |= {name: value for name, value in changes.items() if name not in TEXT_PATHS}
        if "account_enabled" in named:
            named["accountEnabled"] = named.pop("account_enabled")
        if "guest" in named:
            named["userType"] = "Guest" if named.pop("guest") else "Member"
        return named

    async def add(self, number: int, **changes: Any) -> ObjectId:  # noqa: ANN401
        """Through the admin API."""
        known = user(number)
        properties = {
            "id": known.id,
            "userPrincipalName": known.user_principal_name,
            "displayName": known.display_name,
            "mail": known.mail,
        }
        await self._simulator.call("POST", f"{self._PATH}/users", properties | self._properties(changes))
        return known.id

    async def change(self, number: int, **changes: Any) -> None:  # noqa: ANN401
        """Through the admin API."""
        await self._simulator.call("PATCH", f"{self._PATH}/users/{person(number)}", self._properties(changes))

    async def remove(self, number: int) -> None:
        """Through the admin API."""
        await self._simulator.call("DELETE", f"{self._PATH}/users/{person(number)}")

    async def group(self, number: int, *members: ObjectId) -> Source:
        """Through the admin API."""
        body = {"displayName": f"Group {number}", "id": person(500 + number), "members": list(members)}
        await self._simulator.call("POST", f"{self._PATH}/groups", body)
        return Source(group=person(500 + number))


@pytest.fixture
async def graph_world(
    entra: EntraSimulator, simulator: Simulator, factory: GraphDirectoryFactory
) -> AsyncIterator[GraphWorld]:
    """The simulator's, empty."""
    await simulator.call("POST", "/directories", {"name": "empty", "users": 0, "groups": 0})
    async with factory.open(await credentials(entra, simulator, "empty")) as directory:
        yield GraphWorld(directory, simulator)


@pytest.fixture(params=["fake", "graph"])
def world(request: pytest.FixtureRequest) -> World:
    """An empty directory of either kind."""
    if request.param == "fake":
        return FakeWorld()
    opened: World = request.getfixturevalue("graph_world")
    return opened


async def changes(directory: Directory, link: str) -> tuple[dict[ObjectId, dict[str, Any]], set[ObjectId], str]:
    """Everything since a link: the last patch of each person, who is removed, and where to go on."""
    patches: dict[ObjectId, dict[str, Any]] = {}
    removed: set[ObjectId] = set()
    while True:
        page = await directory.changes(link)
        assert (page.next_cursor is None) != (page.change_cursor is None)
        for person_id, fields in page.changes:
            patches.pop(person_id, None)
            removed.discard(person_id)
            if fields is None:
                removed.add(person_id)
            else:
                patches[person_id] = dict(fields)
        if page.change_cursor is not None:
            return {key: value for key, value in patches.items() if key not in removed}, removed, page.change_cursor
        link = page.next_cursor or ""


async def test_an_empty_directory(world: World) -> None:
    """One empty page, which is the last."""
    page = await world.directory.users(Source())
    assert (page.users, page.next_cursor) == ([], None)


async def test_a_listing_holds_everybody_once(world: World) -> None:
    """Over all pages, with what is known of them."""
    for number in range(5):
        await world.add(number, guest=number == 1, account_enabled=number != 2)
    expected: dict[str, DirectoryUser] = {
        person(number): user(number, guest=number == 1, account_enabled=number != 2) for number in range(5)
    }
    assert await everybody(world.directory, Source()) == expected


async def test_members_of_a_group(world: World) -> None:
    """Nested ones once and without end if transitive, the group's own only if direct."""
    people = [await world.add(number) for number in range(4)]
    inner = await world.group(1, people[1], people[2])
    assert inner.group is not None
    outer = await world.group(2, people[0], people[1], inner.group)
    assert (await everybody(world.directory, outer)).keys() == set(people[:3])
    direct = Source(group=outer.group, transitive=False)
    assert (await everybody(world.directory, direct)).keys() == set(people[:2])


async def test_members_by_id(world: World) -> None:
    """The same people, of whom nothing else is known."""
    people = [await world.add(number) for number in range(5)]
    group = await world.group(1, *people[:4])
    by_id = Source(group=group.group, by_id=True)
    assert by_id.id == group.id
    found = await everybody(world.directory, by_id)
    assert found == {each: DirectoryUser.only(each) for each in people[:4]}
    assert all(each.only_id for each in found.values())
    assert not any(each.only_id for each in (await everybody(world.directory, group)).values())


async def test_an_empty_group_is_empty_and_a_missing_one_missing(world: World) -> None:
    """The two must never look the same."""
    empty = await world.group(1)
    assert await everybody(world.directory, empty) == {}
    with pytest.raises(NotFound) as refused:
        await world.directory.users(Source(group=NO_GROUP))
    assert refused.value.code == "group_not_found"


async def test_changes_since_a_link(world: World) -> None:
    """Who was there before is not named; who joined, changed or went is, and afterwards nobody."""
    for number in range(4):
        await world.add(number)
    link = await world.directory.change_cursor()
    await world.add(4)
    await world.change(1, display_name=None)
    await world.remove(2)
    patches, removed, further = await changes(world.directory, link)
    assert patches.keys() == {person(1), person(4)}
    assert patches[person(1)]["display_name"] is None
    assert patches[person(4)]["user_principal_name"] == "user4@example.com"
    assert removed == {person(2)}
    patches, removed, _ = await changes(world.directory, further)
    assert (patches, removed) == ({}, set())


async def test_every_text_of_a_person(world: World) -> None:
    """In a listing and in a change; one that is emptied is None."""
    texts = sorted(set(TEXT_PATHS) & set(DirectoryUser.__struct_fields__) - {"user_principal_name"})
    key = await world.add(1, **{name: f"the {name}" for name in texts})
    link = await world.directory.change_cursor()
    (listed,) = (await world.directory.users(Source())).users
    assert {name: getattr(listed, name) for name in texts} == {name: f"the {name}" for name in texts}
    await world.change(1, **{name: f"another {name}" for name in texts})
    changed, _, link = await changes(world.directory, link)
    assert {name: changed[key][name] for name in texts} == {name: f"another {name}" for name in texts}
    await world.change(1, **dict.fromkeys(texts))
    changed, _, _ = await changes(world.directory, link)
    assert {name: changed[key][name] for name in texts} == dict.fromkeys(texts)


async def test_existence_in_the_whole_directory(world: World) -> None:
    """Enabled, guest, disabled, deleted, never there."""
    await world.add(0)
    await world.add(1, guest=True)
    await world.add(2, account_enabled=False)
    await world.add(3)
    await world.remove(3)
    asked = [*(person(number) for number in range(4)), NOBODY]
    assert dict(await world.directory.check_existence(asked, [])) == {
        person(0): Existence.FOUND,
        person(1): Existence.GUEST,
        person(2): Existence.DISABLED,
        person(3): Existence.NOT_FOUND,
        NOBODY: Existence.NOT_FOUND,
    }


async def test_existence_in_groups(world: World) -> None:
    """In one of them is enough; through a nested one only where nested ones count."""
    people = [await world.add(number) for number in range(4)]
    inner = await world.group(1, people[1])
    assert inner.group is not None
    outer = await world.group(2, people[0], inner.group)
    other = await world.group(3, people[2])
    direct = Source(group=outer.group, transitive=False)
    present, out = Existence.FOUND, Existence.NOT_IN_SOURCE
    for groups, expected in (([outer, other], [present, present, present, out]), ([direct], [present, out, out, out])):
        found = await world.directory.check_existence(people, groups)
        assert [found[each] for each in people] == expected


async def test_users_by_their_ids(world: World) -> None:
    """As many as are there, also more than one request holds; none of nobody, and none who is unknown."""
    people = [await world.add(number) for number in range(20)]
    found = await world.directory.users_by_id([*people, NOBODY])
    assert sorted(each.id for each in found) == people
    assert list(await world.directory.users_by_id([])) == []


async def test_managers_are_listed_where_they_are_asked_for(world: World) -> None:
    """All users with their managers, then who has another manager or none; a plain listing knows none."""
    people = [await world.add(number) for number in range(3)]
    await world.change(1, manager=people[0])
    listed: dict[ObjectId, ObjectId | None] = {}
    cursor: str | None = None
    while True:
        page = await world.directory.users(Source(), cursor, managers=True)
        listed.update((user.id, user.manager) for user in page.users)
        cursor = page.next_cursor
        if cursor is None:
            break
    assert listed == {people[0]: None, people[1]: people[0], people[2]: None}
    assert page.change_cursor is not None
    link = page.change_cursor
    await world.change(1, manager=people[2])
    await world.change(2, manager=people[0])
    patches, _, link = await changes(world.directory, link)
    assert {each: fields["manager"] for each, fields in patches.items()} == {people[1]: people[2], people[2]: people[0]}
    await world.change(1, manager=None)
    patches, _, _ = await changes(world.directory, link)
    assert {each: fields["manager"] for each, fields in patches.items()} == {people[1]: None}
    assert {each.manager for each in (await everybody(world.directory, Source())).values()} == {None}


async def test_groups_by_their_ids(world: World) -> None:
    """As many as are there, also more than one request holds."""
    sources = [await world.group(number) for number in range(20)]
    asked = [source.group for source in sources if source.group is not None]
    found = await world.directory.groups_by_id([*asked, NO_GROUP])
    assert sorted(each.id for each in found) == asked
    assert all(each.display_name for each in found)


async def test_the_groups_that_somebody_is_in(world: World) -> None:
    """Directly only, of users and of groups; nobody's are none, and an unknown object is not found."""
    people = [await world.add(number) for number in range(2)]
    inner = await world.group(1, people[0])
    assert inner.group is not None
    outer = await world.group(2, people[0], inner.group)
    assert outer.group is not None
    assert sorted(each.id for each in await world.directory.groups_of_user(people[0])) == [inner.group, outer.group]
    assert [each.id for each in await world.directory.groups_of_group(inner.group)] == [outer.group]
    assert list(await world.directory.groups_of_user(people[1])) == []
    for asked in (world.directory.groups_of_user(NOBODY), world.directory.groups_of_group(NO_GROUP)):
        with pytest.raises(NotFound):
            await asked


async def test_existence_of_nobody(world: World) -> None:
    """Nobody asked about, nothing said."""
    assert dict(await world.directory.check_existence([], [])) == {}
