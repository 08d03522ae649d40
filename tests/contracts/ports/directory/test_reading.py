"""Users, groups, changes and existence checks, through the SDK's adapter."""

import pytest

from infra.local.entra.server import EntraSimulator
from shared.adapters.entra import GraphDirectoryFactory
from shared.adapters.entra.sessions import EntraSession
from shared.domain.directory import Existence, Fields, Source
from shared.domain.ids import ObjectId
from shared.errors import DeltaLinkExpired, LoginRefused
from shared.telemetry import count_requests
from tests.contracts.ports.directory.conftest import all_users, credentials
from tests.support.entra import Broken

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # the SDK warns of its own base classes


@pytest.fixture(autouse=True, params=["simulator", "hostile"])
def server(request: pytest.FixtureRequest) -> str:
    """Which of the two servers answers for Graph."""
    if request.param == "hostile":
        request.getfixturevalue("disguised")
    return str(request.param)


async def test_every_user_is_read_with_every_property(contoso: EntraSession, simulator: Broken) -> None:
    """What the simulator holds is what arrives: names, addresses, phones, guest and enabled."""
    truth = {user["id"]: user for user in await simulator.users("contoso")}
    found = await all_users(contoso, Source())
    assert found.keys() == truth.keys()
    for id_, user in found.items():
        known = truth[id_]
        assert user.user_principal_name == known["userPrincipalName"]
        assert user.display_name == known["displayName"]
        assert user.mail == known["mail"]
        assert user.department == known["department"]
        assert user.business_phone == (known["businessPhones"] or [None])[0]
        assert user.active is known["accountEnabled"]
        assert user.guest is (known["userType"] == "Guest")


async def test_nested_members_are_read_directly_or_transitively(fabrikam: EntraSession, simulator: Broken) -> None:
    """For every group, cycles and empty ones included, just its members."""
    for group in await simulator.groups("fabrikam"):
        for transitive in (True, False):
            source = Source(group=ObjectId(group), transitive=transitive)
            truth = await simulator.members("fabrikam", group, transitive=transitive)
            assert (await all_users(fabrikam, source)).keys() == truth, source.id


async def test_a_delta_names_what_changed_since_its_link(contoso: EntraSession, simulator: Broken) -> None:
    """A link taken before a listing leads to a join, a change and a removal, then to nothing."""
    link = await contoso.change_cursor()
    people = await simulator.people("contoso", 5)
    joined = await simulator.join("contoso", "Ada Lovelace")
    await simulator.change("contoso", people[1], department=None, displayName="Grace Hopper")
    await simulator.leave("contoso", people[2])
    patches: dict[ObjectId, Fields] = {}
    removed: list[ObjectId] = []
    change_cursor = None
    while change_cursor is None:
        page = await contoso.changes(link)
        patches.update((change, fields) for change, fields in page.changes if fields is not None)
        removed += [change for change, fields in page.changes if fields is None]
        link, change_cursor = page.next_cursor or "", page.change_cursor
    assert patches.keys() == {joined, people[1]}
    assert patches[ObjectId(people[1])]["department"] is None
    assert patches[ObjectId(people[1])]["display_name"] == "Grace Hopper"
    assert "user_principal_name" in patches[ObjectId(joined)]
    assert removed == [people[2]]
    again = await contoso.changes(change_cursor)
    assert again.changes == []


@pytest.mark.parametrize("answer", ["gone", "syncStateNotFound"])
async def test_an_expired_delta_token_asks_for_a_full_listing(
    contoso: EntraSession, simulator: Broken, answer: str
) -> None:
    """Both forms of the answer, after eight days."""
    link = await contoso.change_cursor()
    await simulator.call("PATCH", "/settings", {"delta_expired": answer})
    await simulator.call("POST", "/clock", {"advance_s": 8 * 86_400})
    with pytest.raises(DeltaLinkExpired):
        await contoso.changes(link)


async def test_existence_tells_who_is_really_gone(fabrikam: EntraSession, simulator: Broken) -> None:
    """Deleted, disabled, in a group, in none; more people and groups than one request or batch holds."""
    groups = await simulator.groups("fabrikam")
    sources = [Source(group=ObjectId(group)) for group in groups[:25]]
    members = set().union(*[await simulator.members("fabrikam", group) for group in groups[:25]])
    everyone = [ObjectId(person) for person in await simulator.people("fabrikam", 30)]
    outsider = ObjectId(await simulator.join("fabrikam", "Outsider"))
    enabled = {user["id"] for user in await simulator.users("fabrikam") if user["accountEnabled"]}
    inside = [person for person in everyone if person in members & enabled]
    await simulator.change("fabrikam", inside[0], accountEnabled=False)
    await simulator.leave("fabrikam", inside[1])
    found = await fabrikam.check_existence([*everyone, outsider], sources)
    assert found[inside[0]] is Existence.DISABLED
    assert found[inside[1]] is Existence.NOT_FOUND
    assert found[outsider] is Existence.NOT_IN_SOURCE
    assert {found[person] for person in inside[2:]} <= {Existence.FOUND, Existence.GUEST}
    whole = await fabrikam.check_existence([outsider, inside[1]], [])
    assert whole == {outsider: Existence.FOUND, inside[1]: Existence.NOT_FOUND}


async def test_existence_of_direct_members(fabrikam: EntraSession, simulator: Broken) -> None:
    """A member of a nested group only is none of the outer group's own."""
    inner = await simulator.join("fabrikam", "Inner")
    made = await simulator.call("POST", "/directories/fabrikam/groups", {"displayName": "Inside", "members": [inner]})
    body = {"displayName": "Outside", "members": [made["id"]]}
    outer = await simulator.call("POST", "/directories/fabrikam/groups", body)
    group = ObjectId(outer["id"])
    for transitive, expected in ((True, Existence.FOUND), (False, Existence.NOT_IN_SOURCE)):
        found = await fabrikam.check_existence([ObjectId(inner)], [Source(group=group, transitive=transitive)])
        assert found[ObjectId(inner)] is expected


async def test_groups_are_found_by_name_or_id(fabrikam: EntraSession, simulator: Broken) -> None:
    """By the beginning of the name, quotes included; by a pasted id; none for an unknown one."""
    made = await simulator.call("POST", "/directories/fabrikam/groups", {"displayName": "O'Brien's team"})
    assert [group.id for group in await fabrikam.find_groups("O'Bri")] == [made["id"]]
    assert [group.display_name for group in await fabrikam.find_groups(f" {made['id'].upper()} ")] == ["O'Brien's team"]
    assert await fabrikam.find_groups("00000000-0000-4000-8000-000000000000") == []


async def test_a_token_says_who_and_what(contoso: EntraSession, simulator: Broken) -> None:
    """Ids and roles; a grant shows at once, because the token is fresh."""
    known = await simulator.call("GET", "/directories/contoso")
    token = await contoso.token()
    assert (token.azure_tenant_id, token.client_id) == (known["azure_tenant_id"], known["application_id"])
    assert token.object_id == known["object_id"]
    assert token.roles == {"User.Read.All", "Group.Read.All", "GroupMember.Read.All"}
    await simulator.call("POST", "/directories/contoso/roles", {"grant": ["Application.Read.All"]})
    assert "Application.Read.All" in (await contoso.token()).roles


async def test_a_refused_login_keeps_its_number_and_ids(
    entra: EntraSimulator, simulator: Broken, factory: GraphDirectoryFactory
) -> None:
    """The AADSTS number is the code; trace and correlation ids are for Microsoft's support; the secret is nowhere."""
    wrong = await credentials(entra, simulator, "contoso", client_secret="wrong~secret-value")
    async with factory.open(wrong) as directory:
        with pytest.raises(LoginRefused) as refused:
            await directory.token()
    assert refused.value.code == "AADSTS7000215"
    assert refused.value.trace_id
    assert refused.value.correlation_id
    assert "wrong~secret" not in f"{refused.value} {wrong!r}"


async def test_requests_are_counted(contoso: EntraSession) -> None:
    """A page is one request to Graph."""
    with count_requests() as counters:
        await contoso.users(Source())
    assert counters.directory_requests == 1


async def test_users_are_found_by_what_people_know(contoso: EntraSession, simulator: Broken) -> None:
    """By id, address or user principal name, in any case; hostile text is but text."""
    known = (await simulator.call("GET", "/directories/contoso/users?from=0&count=1"))["users"][0]
    for text in (known["id"].upper(), known["userPrincipalName"].upper(), f" {known['mail']} "):
        assert [user.id for user in await contoso.find_users(text)] == [known["id"]]
    for text in ("nobody@example.com", "' or mail ne '", "a'b&$top=999#x", "x" * 5_000):
        assert list(await contoso.find_users(text)) == []
