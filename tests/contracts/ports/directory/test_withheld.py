"""A narrowed permission, from Graph's answers to the recipients: the whole product in front of the simulator."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import pytest

from infra.local.entra.server import EntraSimulator
from shared.adapters.entra import GraphDirectoryFactory
from shared.adapters.entra.sessions import EntraSession
from shared.domain.directory import InactiveReason, Source
from shared.domain.ids import LocationId, ObjectId, TenantId
from shared.domain.preferences.preferences import Mode, Preferences
from shared.domain.run import Run, RunMode, RunState
from tests.contracts.ports.directory.conftest import all_users, credentials
from tests.support.entra import Broken
from tests.support.fakes import entra_providers, fake_ports
from tests.support.world import World

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # the SDK warns of its own base classes
CONTOSO, DESK = TenantId("contoso"), LocationId("desk")


async def narrow(simulator: Broken, *, to_basic: bool) -> None:
    """Replace User.Read.All by User.ReadBasic.All, or the reverse."""
    full, basic = ["User.Read.All"], ["User.ReadBasic.All"]
    change: dict[str, Any] = {"revoke": full, "grant": basic} if to_basic else {"revoke": basic, "grant": full}
    await simulator.call("POST", "/directories/contoso/roles", change)
    await simulator.call("POST", "/tokens/revoke")


async def world_of(
    entra: EntraSimulator, simulator: Broken, factory: GraphDirectoryFactory, mode: Mode, *groups: str
) -> World:
    """Return a world whose tenant is connected to the simulator, after its first sync."""
    world = World(dataclasses.replace(fake_ports(), providers=entra_providers(factory)))
    mapping: dict[str, Sequence[ObjectId]] = {DESK: [ObjectId(group) for group in groups]}
    await world.connected(CONTOSO, await credentials(entra, simulator, "contoso"), Preferences(mode=mode), mapping)
    assert (await world.sync(CONTOSO, "first", RunMode.FULL)).state is RunState.DONE
    return world


def codes(run: Run) -> list[str]:
    """Return the codes of a run's problems."""
    return [problem.code for problem in run.problems]


async def test_basic_profiles_are_read_as_unknown(contoso: EntraSession, simulator: Broken) -> None:
    """The account status is unknown, not enabled; guests are told by their names."""
    await simulator.call("POST", "/directories/contoso/users", {
        "userPrincipalName": "pat_x.example#EXT#@contoso.onmicrosoft.com", "userType": "Guest", "mail": None,
    })  # fmt: skip
    await narrow(simulator, to_basic=True)
    people = await all_users(contoso, Source())
    assert {user.inactive for user in people.values()} == {InactiveReason.UNKNOWN}
    assert {user.department for user in people.values()} == {None}
    assert [user.user_principal_name[:3] for user in people.values() if user.guest] == ["pat"]


async def test_the_token_shows_what_was_lost(contoso: EntraSession, simulator: Broken) -> None:
    """Without a further request; nothing before the first one."""
    assert await contoso.lost_permissions(sso_users=False, proven=None) == {}
    await all_users(contoso, Source())
    assert await contoso.lost_permissions(sso_users=False, proven=None) == {}
    assert list(await contoso.lost_permissions(sso_users=True, proven=None)) == ["Application.Read.All"]
    await narrow(simulator, to_basic=True)
    await all_users(contoso, Source())
    assert list(await contoso.lost_permissions(sso_users=False, proven=None)) == ["User.Read.All"]


@pytest.mark.parametrize("mode", RunMode)
async def test_nothing_is_written_from_basic_profiles(
    entra: EntraSimulator, simulator: Broken, factory: GraphDirectoryFactory, mode: RunMode
) -> None:
    """In full mode the change feed is refused; the report names the permission, and recovers with it."""
    world = await world_of(entra, simulator, factory, Mode.FULL)
    before = await world.recipients(CONTOSO, DESK)
    await narrow(simulator, to_basic=True)
    run = await world.sync(CONTOSO, "narrowed", mode)
    assert (run.state, codes(run)) == (RunState.FAILED, ["Authorization_RequestDenied", "permission_lost"])
    assert await world.recipients(CONTOSO, DESK) == before
    await narrow(simulator, to_basic=False)
    run = await world.sync(CONTOSO, "granted", mode)
    assert (run.state, codes(run), run.counts.updated) == (RunState.DONE, [], 0)


async def test_members_with_basic_profiles(
    entra: EntraSimulator, simulator: Broken, factory: GraphDirectoryFactory
) -> None:
    """In groups mode every group with members is unreadable, and no recipient changes."""
    groups = [group for group in await simulator.groups("contoso") if await simulator.members("contoso", group)][:3]
    world = await world_of(entra, simulator, factory, Mode.GROUPS, *groups)
    before = await world.recipients(CONTOSO, DESK)
    assert before
    await narrow(simulator, to_basic=True)
    run = await world.sync(CONTOSO, "narrowed")
    assert run.state is RunState.FAILED
    assert set(codes(run)) == {"account_status_withheld", "permission_lost"}
    assert await world.recipients(CONTOSO, DESK) == before


@pytest.mark.parametrize(
    "withheld", [["department"], ["department", "officeLocation", "mobilePhone"], ["accountEnabled"]]
)
async def test_attribute_level_restrictions(
    entra: EntraSimulator, simulator: Broken, factory: GraphDirectoryFactory, withheld: list[str]
) -> None:
    """With all permissions in the token, withheld properties are still told from empty ones."""
    world = await world_of(entra, simulator, factory, Mode.FULL)
    before = await world.recipients(CONTOSO, DESK)
    await simulator.call("PATCH", "/settings", {"withheld": withheld})
    run = await world.sync(CONTOSO, "restricted", RunMode.FULL)
    expected = "account_status_withheld" if withheld == ["accountEnabled"] else "properties_withheld"
    assert (run.state, codes(run)) == (RunState.FAILED, [expected])
    assert await world.recipients(CONTOSO, DESK) == before
    if expected == "properties_withheld":
        # few people of contoso have a mobile phone or not: it depends on the sample
        assert set(run.problems[0].properties) <= set(withheld)
        assert "department" in run.problems[0].properties
    await simulator.call("PATCH", "/settings", {"withheld": []})
    run = await world.sync(CONTOSO, "lifted", RunMode.FULL)
    assert (run.state, codes(run), run.counts.updated) == (RunState.DONE, [], 0)
