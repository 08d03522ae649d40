"""Partial and contradictory reports, from Graph's answers to the recipients: the whole product before the simulator."""

import dataclasses
import json
from collections.abc import Sequence

import msgspec
import pytest
from aiohttp import web

from infra.local.entra.server import EntraSimulator
from shared.adapters.entra import GraphDirectoryFactory
from shared.domain.directory import Source
from shared.domain.ids import LocationId, ObjectId, TenantId
from shared.domain.preferences.preferences import GuardLimits, Mode, Preferences
from shared.domain.recipient import Recipient, Status
from shared.domain.run import RunMode, RunState
from tests.contracts.ports.directory.conftest import credentials
from tests.contracts.ports.directory.scripted import ScriptedGraph, said
from tests.support.builders import person
from tests.support.entra import Broken
from tests.support.fakes import entra_providers, fake_ports
from tests.support.world import World

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # the SDK warns of its own base classes
CONTOSO, DESK = TenantId("contoso"), LocationId("desk")
LENIENT = GuardLimits(max_share=1, max_people=1_000_000, small_max_share=1)
NAMED = {"id": person(1), "userPrincipalName": "ada@example.com", "displayName": "Ada", "accountEnabled": True}
NAMELESS = {"id": person(2), "userPrincipalName": None, "displayName": "Bob", "accountEnabled": True}


async def world_of(
    entra: EntraSimulator, simulator: Broken, factory: GraphDirectoryFactory, mode: Mode, *groups: str
) -> World:
    """Return a world whose tenant is connected to the simulator, after its first sync."""
    world = World(dataclasses.replace(fake_ports(), providers=entra_providers(factory)))
    mapping: dict[str, Sequence[ObjectId]] = {DESK: [ObjectId(group) for group in groups]}
    preferences = Preferences(mode=mode, guard=LENIENT)
    await world.connected(CONTOSO, await credentials(entra, simulator, "contoso"), preferences, mapping)
    assert (await world.sync(CONTOSO, "first", RunMode.FULL)).state is RunState.DONE
    return world


async def active(world: World) -> dict[str | None, Recipient]:
    """Return the active recipients by person."""
    recipients = await world.recipients(CONTOSO, DESK)
    return {recipient.object_id: recipient for recipient in recipients if recipient.status is Status.ACTIVE}


@pytest.mark.parametrize(
    "settings", [{}, {"delta_nameless": True}, {"delta_replays": True}, {"delta_duplicates": True}]
)
async def test_a_round_that_tells_every_change_alone(
    entra: EntraSimulator, simulator: Broken, factory: GraphDirectoryFactory, settings: dict[str, bool]
) -> None:
    """New people come with a display name only, others with one property, or removed and back in one round."""
    await simulator.call("PATCH", "/settings", {"delta_histories": True, **settings})
    world = await world_of(entra, simulator, factory, Mode.FULL)
    before = await active(world)
    stays, moves, leaves = sorted(before)[:3]  # type: ignore[type-var] # everyone is from the directory
    new = {"displayName": "Ada", "department": "Engines", "mail": "ada@example.com"}
    added = (await simulator.call("POST", "/directories/contoso/users", new))["id"]
    await simulator.call("DELETE", f"/directories/contoso/users/{stays}")
    await simulator.call("POST", f"/directories/contoso/users/{stays}/restore")
    for department in ("Sales", "Law"):
        await simulator.call("PATCH", f"/directories/contoso/users/{moves}", {"department": department})
    await simulator.call("DELETE", f"/directories/contoso/users/{leaves}")
    gone = (await simulator.call("POST", "/directories/contoso/users", {"displayName": "Gone"}))["id"]
    await simulator.call("DELETE", f"/directories/contoso/users/{gone}")
    run = await world.sync(CONTOSO, "changed")
    assert (run.state, run.problems) == (RunState.DONE, ())
    assert (run.counts.created, run.counts.updated, run.counts.deactivated) == (1, 1, 1)
    after = await active(world)
    assert after.keys() == before.keys() - {leaves} | {added}
    assert (after[added].profile.department, after[added].profile.mail) == ("Engines", "ada@example.com")
    assert after[stays] == before[stays]
    assert after[moves].profile == msgspec.structs.replace(before[moves].profile, department="Law")
    assert (await world.sync(CONTOSO, "unchanged")).counts.updated == 0


async def test_a_replica_that_lags_behind(
    entra: EntraSimulator, simulator: Broken, factory: GraphDirectoryFactory
) -> None:
    """The listing of the day neither brings back who has just left, nor removes who has just joined."""
    world = await world_of(entra, simulator, factory, Mode.FULL)
    leaves = min(await active(world))  # type: ignore[type-var] # everyone is from the directory
    await simulator.call("PATCH", "/settings", {"listing_lag_s": 600})
    joins = (await simulator.call("POST", "/directories/contoso/users", {"displayName": "Ada"}))["id"]
    await simulator.call("DELETE", f"/directories/contoso/users/{leaves}")
    run = await world.sync(CONTOSO, "by changes")
    assert (run.counts.created, run.counts.deactivated) == (1, 1)
    before = await active(world)
    run = await world.sync(CONTOSO, "listed", RunMode.FULL)
    assert (run.state, run.problems) == (RunState.DONE, ())
    assert (run.counts.created, run.counts.reactivated, run.counts.deactivated) == (0, 0, 0)
    assert await active(world) == before
    await simulator.call("PATCH", f"/directories/contoso/users/{joins}", {"department": "Law"})
    assert (await world.sync(CONTOSO, "changed")).counts.updated == 1


async def test_members_from_a_replica_that_lags_behind(
    entra: EntraSimulator, simulator: Broken, factory: GraphDirectoryFactory
) -> None:
    """The same for a group, whose memberships are checked."""
    people = await simulator.people("contoso", 5)
    body = {"displayName": "Team", "members": people[:3]}
    group = (await simulator.call("POST", "/directories/contoso/groups", body))["id"]
    world = await world_of(entra, simulator, factory, Mode.GROUPS, group)
    path = f"/directories/contoso/groups/{group}/members"
    await simulator.call("POST", "/clock", {"advance_s": 1_200})
    await simulator.call("POST", path, {"add": people[3:4], "remove": people[:1]})
    assert (await world.sync(CONTOSO, "current")).counts.deactivated == 1
    before = await active(world)
    assert before.keys() == set(people[1:4])
    await simulator.call("PATCH", "/settings", {"listing_lag_s": 600})
    run = await world.sync(CONTOSO, "lagging")
    assert (run.state, run.problems) == (RunState.DONE, ())
    assert (run.counts.created, run.counts.reactivated, run.counts.deactivated) == (0, 0, 0)
    assert await active(world) == before


async def test_users_by_id_are_read_one_by_one(graph: ScriptedGraph, factory: GraphDirectoryFactory) -> None:
    """Only a clear answer about the very user counts; a 404 of Graph says that they are not there."""
    no_such_user = {"error": {"code": "Request_ResourceNotFound"}}
    answers = {
        person(1): (200, NAMED),
        person(2): (404, no_such_user),
        person(3): (404, {"error": {"code": "UnknownError"}}),
        person(4): (200, {**NAMED, "id": person(1)}),
        person(5): (200, {**NAMELESS, "id": person(5)}),
        person(6): (403, {"error": {"code": "Authorization_RequestDenied"}}),
        person(7): (200, no_such_user),
    }
    urls = []

    async def answer(request: web.Request) -> web.StreamResponse:
        responses = []
        for part in (await request.json())["requests"]:
            urls.append(part["url"].partition("?")[0])
            status, body = answers[part["url"].partition("?")[0].removeprefix("/users/")]
            responses.append({"id": part["id"], "status": status, "body": body})
        return web.json_response({"responses": responses})

    graph.graph = [answer]
    async with factory.open(graph.credentials) as directory:
        found = await directory.users_by_id([*answers, ObjectId("no id of Entra ID")])
        assert await directory.users_by_id([]) == {}
    assert found.keys() == {person(1), person(2)}
    assert found[person(2)] is None
    assert (user := found[person(1)]) is not None
    assert user.display_name == "Ada"
    assert urls == [f"/users/{person}" for person in answers]


async def test_one_user_without_a_name(graph: ScriptedGraph, factory: GraphDirectoryFactory) -> None:
    """Among others it is left to be read by id, in a listing and in changes."""
    async with factory.open(graph.credentials) as directory:
        graph.graph = [said(json.dumps({"value": [NAMED, NAMELESS]}))]
        page = await directory.users(Source())
        assert [user.id for user in page.users] == [person(1)]
        delta = f"{graph.url}/v1.0/users/delta?$deltatoken=x"
        graph.graph = [said(json.dumps({"value": [NAMED, NAMELESS], "@odata.deltaLink": delta}))]
        changes = dict((await directory.changes(delta)).changes)
    ((nameless, fields),) = page.changes
    assert nameless == person(2)
    assert fields is not None
    assert "user_principal_name" not in fields
    assert changes[person(2)] == fields
    assert (changes[person(1)] or {})["user_principal_name"] == "ada@example.com"
