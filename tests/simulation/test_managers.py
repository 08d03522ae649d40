"""Managers: read with the whole directory, named at every location, and left alone where nobody could tell."""

from collections.abc import Sequence

import pytest

from shared.domain.directory import ChangesPage
from shared.domain.ids import ObjectId, TenantId
from shared.domain.preferences.attribute_map import Attributes
from shared.domain.preferences.preferences import Mode, Preferences
from shared.domain.run import RunMode, RunState
from shared.errors import DeltaLinkExpired, NeedsAttention
from tests.simulation.worlds import STAFF
from tests.support.builders import person, user
from tests.support.world import World

TENANT = TenantId("contoso")
ON = Attributes(manager=True)


async def managed_world(mode: Mode, attributes: Attributes = ON) -> World:
    """Return six people: 1 and 2 report to 0, who is in no group; 3 to nobody."""
    people = [user(0), user(1, manager=person(0)), user(2, manager=person(0)), user(3), user(4), user(5)]
    world = World()
    mapping: dict[str, Sequence[ObjectId]] = {"berlin": [STAFF] if mode is Mode.GROUPS else []}
    directory = await world.tenant("contoso", people, Preferences(mode=mode, attributes=attributes), mapping)
    directory.members = {STAFF: [person(number) for number in (1, 2, 3)]}
    return world


async def managers(world: World) -> dict[str, str | None]:
    """Return the manager's address of each recipient, by their own."""
    found = await world.recipients("contoso", "berlin")
    return {str(recipient.profile.mail).split("@")[0]: recipient.profile.manager_mail for recipient in found}


@pytest.mark.parametrize("mode", Mode)
async def test_whom_somebody_reports_to(mode: Mode) -> None:
    """By name and address, also where the manager is no recipient; then nothing changes any more."""
    world = await managed_world(mode)
    await world.sync("contoso", "first")
    found = await managers(world)
    assert (found["user1"], found["user3"]) == ("user0@example.com", None)
    assert len(found) == (6 if mode is Mode.FULL else 3)
    again = await world.sync("contoso", "second")
    assert again.counts.updated == 0
    assert not again.locations[next(iter(again.locations))].compared


@pytest.mark.parametrize("mode", Mode)
async def test_a_change_is_found(mode: Mode) -> None:
    """Another manager, none any more, one who is renamed, one who is gone."""
    world = await managed_world(mode)
    await world.sync("contoso", "first")
    world.directory().put(user(1, manager=person(3)), user(2), user(3, mail="three@example.com"))
    await world.sync("contoso", "second")
    found = await managers(world)
    assert (found["user1"], found["user2"]) == ("three@example.com", None)
    world.directory().put(user(2, manager=person(5)))
    await world.sync("contoso", "third")
    assert (await managers(world))["user2"] == "user5@example.com"
    world.directory().remove(person(5))
    await world.sync("contoso", "fourth")
    assert (await managers(world))["user2"] is None


async def test_where_the_directory_cannot_be_read_managers_stay() -> None:
    """Everything else goes on: the group tells of a newcomer, whose manager is not known yet."""
    world = await managed_world(Mode.GROUPS)
    await world.sync("contoso", "first")
    directory = world.directory()
    directory.put(user(1, manager=person(3), department="New"), user(6, manager=person(0)))
    directory.members[STAFF].append(person(6))
    directory.unreadable_changes = NeedsAttention("not allowed", code="Authorization_RequestDenied")
    await world.sync("contoso", "second", RunMode.FULL)
    found = await managers(world)
    assert (found["user1"], found["user6"]) == ("user0@example.com", None)
    departments = {recipient.profile.department for recipient in await world.recipients("contoso", "berlin")}
    assert departments == {None, "New"}
    directory.unreadable_changes = None
    await world.sync("contoso", "third")
    found = await managers(world)
    assert (found["user1"], found["user6"]) == ("user3@example.com", "user0@example.com")


async def test_switched_on_and_off() -> None:
    """Neither leaves anything behind that the directory did not say."""
    world = await managed_world(Mode.FULL, Attributes())
    await world.sync("contoso", "first")
    assert set((await managers(world)).values()) == {None}
    for attributes, expected in ((ON, "user0@example.com"), (Attributes(), None)):
        preferences = Preferences(mode=Mode.FULL, attributes=attributes)
        await world.app.preferences.put(TENANT, preferences)
        await world.sync("contoso", f"on {attributes.manager}")
        assert (await managers(world))["user1"] == expected


async def test_who_is_listed_and_then_taken_back_is_no_recipient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Even where the listing goes on in another worker; who comes back within it is one."""
    world = await managed_world(Mode.FULL)
    directory = world.directory()
    directory.remove(person(1), person(2))
    directory.put(user(2, manager=person(3)))
    read = directory.changes

    async def slowly(link: str) -> ChangesPage:
        world.clock.advance(50)
        return await read(link)

    monkeypatch.setattr(directory, "changes", slowly)
    await world.sync("contoso", "first")
    found = await managers(world)
    assert sorted(found) == ["user0", "user2", "user3", "user4", "user5"]
    assert found["user2"] == "user3@example.com"
    second = await world.sync("contoso", "second")
    assert (second.counts.updated, second.counts.created, second.counts.deactivated) == (0, 0, 0)


async def test_a_listing_that_expires_begins_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was read until then does not count."""
    world = await managed_world(Mode.FULL)
    directory = world.directory()
    read = directory.changes
    asked: list[str] = []

    async def expiring(link: str) -> ChangesPage:
        asked.append(link)
        if len(asked) == 2:
            raise DeltaLinkExpired("expired")
        return await read(link)

    monkeypatch.setattr(directory, "changes", expiring)
    run = await world.sync("contoso", "first")
    assert (run.state, run.counts.created) == (RunState.DONE, 6)
    assert asked[2] == asked[0]
