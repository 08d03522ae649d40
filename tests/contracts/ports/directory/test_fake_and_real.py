"""What directories of Entra do beyond others, in memory and through Graph's SDK, so that the fake cannot lie."""

from typing import Any

import pytest

from shared.adapters.entra.schema import TEXT_PATHS
from shared.domain.directory import DirectoryUser, Existence, Source
from shared.domain.ids import ObjectId
from shared.errors import NotFound
from shared.ports.directory import Directory
from tests.contracts.ports.directory.conftest import all_users
from tests.contracts.ports.directory.worlds import World
from tests.support.builders import person

NOBODY = person(999)
NO_GROUP = person(998)


async def changes_since(directory: Directory, link: str) -> tuple[dict[ObjectId, dict[str, Any]], set[ObjectId], str]:
    """Return the last patch of each person since a cursor, the removed people, and the next cursor."""
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


async def test_changes_since_a_link(entra_world: World) -> None:
    """People who joined, changed or left are named, the others are not; afterwards there are no changes."""
    for number in range(4):
        await entra_world.add(number)
    link = await entra_world.directory.change_cursor()
    await entra_world.add(4)
    await entra_world.change(1, display_name=None)
    await entra_world.remove(2)
    patches, removed, further = await changes_since(entra_world.directory, link)
    assert patches.keys() == {person(1), person(4)}
    assert patches[person(1)]["display_name"] is None
    assert patches[person(4)]["user_principal_name"] == "user4@example.com"
    assert removed == {person(2)}
    patches, removed, _ = await changes_since(entra_world.directory, further)
    assert (patches, removed) == ({}, set())


async def test_every_text_of_a_person(entra_world: World) -> None:
    """In a listing and in a change; one that is emptied is None."""
    texts = sorted(set(TEXT_PATHS) & set(DirectoryUser.__struct_fields__) - {"user_principal_name"})
    key = await entra_world.add(1, **{name: f"the {name}" for name in texts})
    link = await entra_world.directory.change_cursor()
    (listed,) = (await all_users(entra_world.directory, Source())).values()
    assert {name: getattr(listed, name) for name in texts} == {name: f"the {name}" for name in texts}
    await entra_world.change(1, **{name: f"another {name}" for name in texts})
    changed, _, link = await changes_since(entra_world.directory, link)
    assert {name: changed[key][name] for name in texts} == {name: f"another {name}" for name in texts}
    await entra_world.change(1, **dict.fromkeys(texts))
    changed, _, _ = await changes_since(entra_world.directory, link)
    assert {name: changed[key][name] for name in texts} == dict.fromkeys(texts)


async def test_managers_are_listed_where_they_are_asked_for(entra_world: World) -> None:
    """All users with their managers, then who has another manager or none; a plain listing knows none."""
    people = [await entra_world.add(number) for number in range(3)]
    await entra_world.change(1, manager=people[0])
    listed: dict[ObjectId, object] = {}
    cursor: str | None = None
    while True:
        page = await entra_world.directory.users(Source(), cursor, managers=True)
        listed.update((person, fields.get("manager")) for person, fields in page.changes if fields is not None)
        cursor = page.next_cursor
        if cursor is None:
            break
    assert listed == {people[0]: None, people[1]: people[0], people[2]: None}
    assert page.change_cursor is not None
    link = page.change_cursor
    await entra_world.change(1, manager=people[2])
    await entra_world.change(2, manager=people[0])
    patches, _, link = await changes_since(entra_world.directory, link)
    assert {patch: fields["manager"] for patch, fields in patches.items()} == {
        people[1]: people[2],
        people[2]: people[0],
    }
    await entra_world.change(1, manager=None)
    patches, _, _ = await changes_since(entra_world.directory, link)
    assert {patch: fields["manager"] for patch, fields in patches.items()} == {people[1]: None}
    assert {person.manager for person in (await all_users(entra_world.directory, Source())).values()} == {None}


async def test_nested_groups_in_an_existence_check(entra_world: World) -> None:
    """A member of a nested group counts only where nested groups do."""
    people = [await entra_world.add(number) for number in range(3)]
    inner = await entra_world.group(1, people[1])
    assert inner.group is not None
    outer = await entra_world.group(2, people[0], inner.group)
    direct = Source(group=outer.group, transitive=False)
    found, out = Existence.FOUND, Existence.NOT_IN_SOURCE
    for group, expected in ((outer, [found, found, out]), (direct, [found, out, out])):
        checked = await entra_world.directory.check_existence(people, [group])
        assert [checked[person_] for person_ in people] == expected


async def test_members_of_a_nested_group(entra_world: World) -> None:
    """Nested ones once and without end if transitive, the group's own only if direct."""
    people = [await entra_world.add(number) for number in range(4)]
    inner = await entra_world.group(1, people[1], people[2])
    assert inner.group is not None
    outer = await entra_world.group(2, people[0], people[1], inner.group)
    assert (await all_users(entra_world.directory, outer)).keys() == set(people[:3])
    direct = Source(group=outer.group, transitive=False)
    assert (await all_users(entra_world.directory, direct)).keys() == set(people[:2])


async def test_somebody_who_was_never_there_does_not_exist(entra_world: World) -> None:
    """Entra says so of every id that it does not know."""
    assert dict(await entra_world.directory.check_existence([NOBODY], [])) == {NOBODY: Existence.NOT_FOUND}


async def test_the_groups_that_a_group_is_in(entra_world: World) -> None:
    """Directly only; an unknown object is not found."""
    inner = await entra_world.group(1)
    assert inner.group is not None
    outer = await entra_world.group(2, inner.group)
    assert [group.id for group in await entra_world.directory.groups_of_group(inner.group)] == [outer.group]
    for asked in (entra_world.directory.groups_of_user(NOBODY), entra_world.directory.groups_of_group(NO_GROUP)):
        with pytest.raises(NotFound):
            await asked
