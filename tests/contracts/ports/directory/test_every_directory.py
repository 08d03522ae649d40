"""What the directory of every provider does: a fake of Entra, Entra through Graph's SDK, and a provider unlike it."""

import pytest

from shared.domain.directory import Capability, DirectoryUser, Existence, InactiveReason, Source
from shared.domain.ids import ObjectId
from shared.errors import NotFound
from tests.contracts.ports.directory.conftest import all_users
from tests.contracts.ports.directory.worlds import World
from tests.support.builders import person

NO_GROUP = person(998)


async def test_an_empty_directory(world: World) -> None:
    """An empty page, from which absence may be concluded, and at most another one."""
    page = await world.directory.users(Source())
    assert (page.users, page.conclusive) == ([], True)
    if page.next_cursor is not None:
        page = await world.directory.users(Source(), page.next_cursor)
    assert (page.users, page.next_cursor, page.conclusive) == ([], None, True)


async def test_a_listing_holds_all_users_once(world: World) -> None:
    """Over all pages, with what is known of them; ids are returned as they are."""
    for number in range(12):
        await world.add(number, guest=number == 1, inactive=InactiveReason.DISABLED if number == 2 else None)
    expected = [
        world.user(number, guest=number == 1, inactive=InactiveReason.DISABLED if number == 2 else None)
        for number in range(12)
    ]
    assert await all_users(world.directory, Source()) == {user.id: user for user in expected}


async def test_members_of_a_group(world: World) -> None:
    """The group's own, whether nested ones are asked for or not."""
    people = [await world.add(number) for number in range(4)]
    group = await world.group(1, *people[:3])
    assert (await all_users(world.directory, group)).keys() == set(people[:3])
    direct = Source(group=group.group, transitive=False)
    assert (await all_users(world.directory, direct)).keys() == set(people[:3])


async def test_members_by_id(world: World) -> None:
    """The same people, without their properties."""
    people = [await world.add(number) for number in range(5)]
    group = await world.group(1, *people[:4])
    by_id = Source(group=group.group, by_id=True)
    assert by_id.id == group.id
    found = await all_users(world.directory, by_id)
    assert found == {person_: DirectoryUser.only(person_) for person_ in people[:4]}
    assert not any(user.only_id for user in (await all_users(world.directory, group)).values())


async def test_an_empty_group_is_empty_and_a_missing_one_missing(world: World) -> None:
    """The two must never look the same."""
    empty = await world.group(1)
    assert await all_users(world.directory, empty) == {}
    with pytest.raises(NotFound) as refused:
        await world.directory.users(Source(group=NO_GROUP))
    assert refused.value.code == "group_not_found"


async def test_existence_in_the_whole_directory(world: World) -> None:
    """Enabled, guest, disabled and deleted users are told apart, and all of these answers rest on evidence."""
    people = [
        await world.add(0),
        await world.add(1, guest=True),
        await world.add(2, inactive=InactiveReason.DISABLED),
        await world.add(3),
    ]
    await world.remove(3)
    assert dict(await world.directory.check_existence(people, [])) == {
        people[0]: Existence.FOUND,
        people[1]: Existence.GUEST,
        people[2]: Existence.DISABLED,
        people[3]: Existence.NOT_FOUND,
    }
    assert dict(await world.directory.check_existence([], [])) == {}


async def test_a_person_who_was_never_there_is_not_found_in_the_directory(world: World) -> None:
    """Nothing else may be answered than that they do not exist, or that nothing is known."""
    stranger = person(999)
    (existence,) = (await world.directory.check_existence([stranger], [])).values()
    assert existence in {Existence.NOT_FOUND, Existence.UNKNOWN}


async def test_existence_in_groups(world: World) -> None:
    """In one of them is enough."""
    people = [await world.add(number) for number in range(3)]
    first, second = await world.group(1, people[0]), await world.group(2, people[1])
    checked = await world.directory.check_existence(people, [first, second])
    expected = [Existence.FOUND, Existence.FOUND, Existence.NOT_IN_SOURCE]
    assert [checked[person_] for person_ in people] == expected


async def test_users_by_their_ids(world: World) -> None:
    """Those who exist, also more than one request holds; None for those who were deleted."""
    people = [await world.add(number) for number in range(25)]
    await world.remove(24)
    found = await world.directory.users_by_id(people)
    assert found == {**{person_: world.user(number) for number, person_ in enumerate(people[:24])}, people[24]: None}
    assert (await world.directory.users_by_id([person(999)])).get(person(999)) is None
    assert await world.directory.users_by_id([]) == {}


async def test_users_by_what_people_know(world: World) -> None:
    """By id, and by address in any case."""
    added = await world.add(0)
    await world.add(1)
    for text in (added, " USER0@example.com "):
        assert [user.id for user in await world.directory.find_users(text)] == [added]
    assert list(await world.directory.find_users("nobody@example.com")) == []


async def test_groups_by_their_ids(world: World) -> None:
    """Those that exist, also more than one request holds."""
    sources = [await world.group(number) for number in range(20)]
    asked = [source.group for source in sources if source.group is not None]
    found = await world.directory.groups_by_id([*asked, NO_GROUP])
    assert sorted(group.id for group in found) == sorted(asked)
    assert all(group.display_name for group in found)


async def test_groups_of_a_user(world: World) -> None:
    """Directly only; an unknown user is not found."""
    people = [await world.add(number) for number in range(2)]
    groups = [await world.group(number, people[0]) for number in range(2)]
    found: list[ObjectId] = [group.id for group in await world.directory.groups_of_user(people[0])]
    assert sorted(found) == sorted(source.group for source in groups if source.group is not None)
    assert list(await world.directory.groups_of_user(people[1])) == []
    with pytest.raises(NotFound):
        await world.directory.groups_of_user(person(999))


async def test_what_a_directory_can_do_it_does(world: World) -> None:
    """With a change feed it gives a cursor, from which nothing has changed yet."""
    await world.add(0)
    if Capability.CHANGE_FEED not in world.directory.capabilities:
        return
    page = await world.directory.changes(await world.directory.change_cursor())
    assert (page.changes, page.to_read, page.next_cursor) == ([], (), None)
    assert page.change_cursor is not None
