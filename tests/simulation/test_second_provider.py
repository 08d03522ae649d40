"""Complete syncs of a directory without credentials, change feed, nested groups or harmless ids."""

import dataclasses

import msgspec
import pytest

from shared.domain.access.tenants import TenantSummary
from shared.domain.directory import InactiveReason, Source, UsersPage
from shared.domain.ids import LocationId, ObjectId, TenantId
from shared.domain.preferences.attribute_map import Attributes
from shared.domain.preferences.group_mapping import GroupMapping
from shared.domain.preferences.preferences import Mode, Preferences
from shared.domain.recipient import Status
from shared.domain.run import RunMode, RunState
from tests.simulation.worlds import full_world
from tests.support.builders import person, user
from tests.support.fakes import fake_ports
from tests.support.fakes.bare import HOSTILE_IDS, BareDirectory, BareProvider, bare_connection, bare_user, hostile_id
from tests.support.world import World

ACME, LOBBY = TenantId("acme"), LocationId("lobby")
PEOPLE = range(len(HOSTILE_IDS) + 10)
STAFF = ObjectId("staff/#?@:")


async def bare_world(mode: Mode) -> tuple[World, BareDirectory]:
    """Return a tenant that reads a directory of the second provider; half of its people are in the mapped group."""
    provider = BareProvider()
    ports = fake_ports()
    world = World(dataclasses.replace(ports, providers={**ports.providers, provider.name: provider}))
    directory = provider.add("acme")
    directory.put(*(bare_user(number) for number in PEOPLE))
    directory.members[STAFF] = [hostile_id(number) for number in PEOPLE if number % 2 == 0]
    await world.ports.tenants.put(TenantSummary(id=ACME, name="Acme"))
    await world.ports.connections.put(ACME, bare_connection("acme"))
    await world.ports.settings.put_preferences(ACME, Preferences(mode=mode, attributes=Attributes(manager=True)))
    await world.ports.settings.put_location(ACME, LOBBY, "Lobby")
    if mode is Mode.GROUPS:
        await world.ports.settings.put_mapping(ACME, LOBBY, [GroupMapping(id=STAFF)])
    return world, directory


async def active(world: World) -> set[str]:
    """Return the addresses of the active recipients."""
    recipients = await world.recipients("acme", "lobby")
    return {recipient.profile.mail or "" for recipient in recipients if recipient.status is Status.ACTIVE}


def addresses(*numbers: int) -> set[str]:
    """Return the addresses of some people."""
    return {f"user{number}@example.com" for number in numbers}


async def test_a_whole_directory_is_synced_without_any_capability() -> None:
    """All people become recipients, changes and departures follow, and ids that differ in case are two people."""
    world, directory = await bare_world(Mode.FULL)
    first = await world.sync("acme", "first")
    assert (first.state, first.counts.created, first.problems) == (RunState.DONE, len(PEOPLE), ())
    assert await active(world) == addresses(*PEOPLE)
    directory.put(bare_user(0, department="Sales"))
    directory.remove(hostile_id(1), hostile_id(2))
    second = await world.sync("acme", "second")
    assert (second.state, second.counts.updated, second.counts.deactivated) == (RunState.DONE, 1, 2)
    assert await active(world) == addresses(*PEOPLE) - addresses(1, 2)
    third = await world.sync("acme", "third", RunMode.FULL)
    assert (third.counts.updated, third.counts.created, third.counts.deactivated) == (0, 0, 0)


async def test_a_flat_group_is_synced_without_any_capability() -> None:
    """Its members become recipients; one who leaves it is deactivated."""
    world, directory = await bare_world(Mode.GROUPS)
    first = await world.sync("acme", "first")
    assert (first.state, first.problems) == (RunState.DONE, ())
    members = [number for number in PEOPLE if number % 2 == 0]
    assert await active(world) == addresses(*members)
    directory.members[STAFF].remove(hostile_id(0))
    second = await world.sync("acme", "second")
    assert (second.state, second.counts.deactivated) == (RunState.DONE, 1)
    assert await active(world) == addresses(*members) - addresses(0)


async def test_a_listing_may_take_back_a_user_of_an_earlier_page(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also one that does not name managers: the user is read by id, and was deleted after the earlier page."""
    world, directory = await bare_world(Mode.FULL)
    users, first = directory.users, min(directory.people)
    mail = directory.people[first].mail

    async def taking_back(source: Source, cursor: str | None = None, *, managers: bool = False) -> UsersPage:
        page = await users(source, cursor, managers=managers)
        if page.next_cursor:
            return page
        directory.remove(first)
        return msgspec.structs.replace(page, changes=[(first, None)])

    monkeypatch.setattr(directory, "users", taking_back)
    run = await world.sync("acme", "first")
    assert (run.state, run.counts.created) == (RunState.DONE, len(PEOPLE) - 1)
    assert mail not in await active(world)


async def test_an_unknown_person_stays() -> None:
    """A listing lacks a person, and the directory cannot confirm that they left."""
    world, directory = await bare_world(Mode.FULL)
    await world.sync("acme", "first")
    del directory.people[hostile_id(3)]
    run = await world.sync("acme", "second")
    assert run.counts.deactivated == 0
    assert [problem.code for problem in run.problems] == ["unconfirmed"]
    assert await active(world) == addresses(*PEOPLE)


async def test_an_inconclusive_listing_adds_and_updates_and_removes_nobody() -> None:
    """Once a listing is conclusive again, who is missing from it leaves."""
    world, directory = await bare_world(Mode.FULL)
    await world.sync("acme", "first")
    directory.conclusive = False
    directory.put(bare_user(100), bare_user(0, department="Sales"))
    directory.remove(hostile_id(4))
    second = await world.sync("acme", "second")
    assert (second.counts.created, second.counts.updated, second.counts.deactivated) == (1, 1, 0)
    assert await active(world) == addresses(*PEOPLE, 100)
    directory.conclusive = True
    third = await world.sync("acme", "third")
    assert (third.counts.created, third.counts.updated, third.counts.deactivated) == (0, 0, 1)
    assert await active(world) == addresses(*PEOPLE, 100) - addresses(4)


async def test_changes_that_name_only_ids_are_read_by_id() -> None:
    """A change feed may say only that people changed: they are read, and those who are gone leave."""
    world = await full_world()
    await world.sync("contoso", "first")
    directory = world.directory()
    directory.only_ids = {person(1), person(2)}
    directory.put(user(1, department="Sales"), user(2))
    directory.remove(person(2))
    run = await world.sync("contoso", "second")
    assert (run.state, run.counts.updated, run.counts.deactivated) == (RunState.DONE, 2, 2)
    assert {entry.profile.department for entry in await world.recipients("contoso", "berlin")} == {None, "Sales"}


async def test_a_suspended_account_leaves_and_is_explained() -> None:
    """The directory's reason is shown to the admin."""
    world, directory = await bare_world(Mode.FULL)
    await world.sync("acme", "first")
    directory.put(bare_user(5, inactive=InactiveReason.SUSPENDED))
    assert (await world.sync("acme", "second")).counts.deactivated == 1
    explained = await world.app.explain(ACME, "user5@example.com")
    assert explained.user is not None
    assert (explained.user.account_enabled, explained.user.inactive_reason) == (False, InactiveReason.SUSPENDED)
