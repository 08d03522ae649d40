"""Accounts and groups that come and go, from Graph's answers to the recipients: the whole product and the simulator."""

import dataclasses
import io
from collections.abc import Sequence
from typing import Any

import pytest

from infra.local.entra.server import EntraSimulator
from shared.adapters.entra import GraphDirectoryFactory
from shared.adapters.entra.sessions import EntraSession
from shared.domain.directory import Source
from shared.domain.ids import LocationId, ObjectId, TenantId
from shared.domain.imports.row_decisions import ImportMode
from shared.domain.preferences.preferences import GuardLimits, Mode, Preferences
from shared.domain.recipient import Origin, Recipient, Status
from shared.domain.run import RunState
from shared.domain.unread_source import GONE_AFTER
from tests.contracts.ports.directory.conftest import all_users, credentials
from tests.support.entra import Broken
from tests.support.fakes import entra_providers, fake_ports
from tests.support.world import World

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # the SDK warns of its own base classes
CONTOSO, DESK = TenantId("contoso"), LocationId("desk")
USERS = "/directories/contoso/users"
#: Nothing is held.
LENIENT = GuardLimits(max_share=1, max_people=1_000, small_max_share=1)


async def world_of(
    entra: EntraSimulator, simulator: Broken, factory: GraphDirectoryFactory, mode: Mode, *groups: str
) -> World:
    """Return a world whose tenant is connected to the simulator, with a location."""
    world = World(dataclasses.replace(fake_ports(), providers=entra_providers(factory)))
    preferences = Preferences(mode=mode, allow_directory_to_update_csv=True, guard=LENIENT)
    mapping: dict[str, Sequence[ObjectId]] = {DESK: [ObjectId(group) for group in groups]}
    await world.connected(CONTOSO, await credentials(entra, simulator, "contoso"), preferences, mapping)
    return world


async def add_user(simulator: Broken, **properties: Any) -> ObjectId:  # noqa: ANN401 - of Graph
    """Create a user, and return the id."""
    return ObjectId((await simulator.call("POST", USERS, properties))["id"])


async def active(world: World) -> dict[str | None, Recipient]:
    """Return the active recipients by address."""
    found = await world.recipients(CONTOSO, DESK)
    return {each.profile.mail: each for each in found if each.status is Status.ACTIVE}


async def test_all_addresses_of_a_user_are_read(contoso: EntraSession, simulator: Broken) -> None:
    """Proxy addresses with a prefix in any case, and other mails; by a listing, by id, and as a change."""
    cursor = await contoso.change_cursor()
    addresses = ["SMTP:primary@contoso.example", "Smtp:Second@contoso.example", "sip:ann@contoso.example"]
    ann = await add_user(
        simulator, mail="ann@contoso.example", proxyAddresses=addresses, otherMails=["Ann@Home.example"]
    )
    (by_id,) = (await contoso.users_by_id([ann])).values()
    listed = (await all_users(contoso, Source()))[ann]
    assert listed == by_id
    assert listed.aliases == ("primary@contoso.example", "second@contoso.example")
    assert listed.other_mails == ("ann@home.example",)
    changed = {person: fields for person, fields in (await contoso.changes(cursor)).changes if fields is not None}
    assert (changed[ann]["aliases"], changed[ann]["other_mails"]) == (listed.aliases, listed.other_mails)


async def test_an_account_is_deleted_and_created_again(
    entra: EntraSimulator, simulator: Broken, factory: GraphDirectoryFactory
) -> None:
    """Its recipient from a file follows it, and is the only one with the address."""
    world = await world_of(entra, simulator, factory, Mode.FULL)
    await world.app.import_csv(CONTOSO, DESK, io.BytesIO(b"mail\nann@home.example\n"), ImportMode.MERGE, "", "anna")
    first = await add_user(simulator, mail="ann@contoso.example", otherMails=["ann@home.example"])
    await world.sync(CONTOSO, "first")
    before = (await active(world))["ann@contoso.example"]
    assert (before.origin, before.object_id) == (Origin.CSV, first)
    await simulator.leave("contoso", first)
    second = await add_user(simulator, mail="ann@contoso.example", department="IT")
    run = await world.sync(CONTOSO, "second")
    after = (await active(world))["ann@contoso.example"]
    assert (after.id, after.object_id, after.profile.department) == (before.id, second, "IT")
    assert (run.state, run.problems, run.counts.created) == (RunState.DONE, (), 0)


async def test_a_group_that_is_refused_and_then_deleted(
    entra: EntraSimulator, simulator: Broken, factory: GraphDirectoryFactory
) -> None:
    """A deleted account leaves; the others when the group has not existed for a day."""
    groups = [group for group in await simulator.groups("contoso") if await simulator.members("contoso", group)][:2]
    dead = groups[0]
    ann, bob = [
        ObjectId(await simulator.join("contoso", name, dead)) for name in ("Ann of one group", "Bob of one group")
    ]
    world = await world_of(entra, simulator, factory, Mode.GROUPS, *groups)
    await world.sync(CONTOSO, "first")
    names = {each.object_id for each in (await active(world)).values()}
    assert {ann, bob} <= names
    await simulator.leave("contoso", ann)
    denied = {"error": {"code": "Authorization_RequestDenied", "message": "no"}}
    await simulator.fault(f"^/groups/{dead}/", {"type": "respond", "status": 403, "body": denied}, count=0)
    run = await world.sync(CONTOSO, "refused")
    assert (run.state, run.counts.deactivated) == (RunState.DONE, 1)
    assert {each.object_id for each in (await active(world)).values()} == names - {ann}
    await simulator.call("DELETE", "/faults")
    await simulator.call("DELETE", f"/directories/contoso/groups/{dead}")
    assert (await world.sync(CONTOSO, "deleted")).counts.deactivated == 0
    world.clock.advance(GONE_AFTER.total_seconds())
    gone = await world.sync(CONTOSO, "gone")
    assert [problem.code for problem in gone.problems] == ["group_gone"]
    left = {each.object_id for each in (await active(world)).values()}
    assert left == await simulator.members("contoso", groups[1]) & names
