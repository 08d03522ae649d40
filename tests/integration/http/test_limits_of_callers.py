"""What one caller may validate, and that nothing they do uses up the allowance of another."""

from typing import Any

import msgspec
import pytest

from shared.bootstrap import App, Ports
from shared.domain.access.callers import AdminGrant, Admins, Person
from shared.domain.access.rate_limit import PER_PERSON_ELSEWHERE, PER_TARGET, PER_TARGET_GUESSES
from shared.domain.ids import TenantId
from shared.errors import LoginRefused
from shared.settings import SignInSettings
from tests.support.builders import person
from tests.support.fakes import FakeClock, FakeDirectory, FakeSignIn, directories_of
from tests.support.http.calling import MODULES, Client, Reply, Route
from tests.support.world import SETTINGS

pytestmark = pytest.mark.usefixtures("impatient")
HOME, ELSEWHERE = person(900), person(901)
ADMIN = frozenset({"TenantAdmin"})
CONTOSO, FABRIKAM = "tenants/contoso/validate", "tenants/fabrikam/validate"
#: Admins from another Azure tenant, with and without a grant.
CONSULTANT = Person(azure_tenant_id=ELSEWHERE, object_id=person(3), roles=ADMIN)
COLLEAGUE = Person(azure_tenant_id=ELSEWHERE, object_id=person(4), roles=ADMIN)
STRANGER = Person(azure_tenant_id=ELSEWHERE, object_id=person(5), roles=ADMIN)


@pytest.fixture
async def product(ports: Ports, directory: FakeDirectory, monkeypatch: pytest.MonkeyPatch) -> App:
    """Contoso is the tenant of the directory's own admins, fabrikam that of two consultants."""
    sign_in = SignInSettings(audience=person(999), operator_tenant=HOME, easy_auth=False, login="https://login.example")
    product = App(ports, msgspec.structs.replace(SETTINGS, sign_in=sign_in))
    for module in MODULES:
        monkeypatch.setattr(module, "app", lambda: product)
    assert isinstance(ports.sign_in, FakeSignIn)
    owner = Person(azure_tenant_id=directory.azure_tenant_id, object_id=person(2), roles=ADMIN)
    operator = Person(azure_tenant_id=HOME, object_id=person(1), roles=frozenset({"Operator"}))
    ports.sign_in.people |= {"owner": owner, "operator": operator, "consultant": CONSULTANT}
    ports.sign_in.people |= {"colleague": COLLEAGUE, "stranger": STRANGER}
    grants = tuple(
        AdminGrant(azure_tenant_id=ELSEWHERE, object_id=consultant.object_id) for consultant in (CONSULTANT, COLLEAGUE)
    )
    for name, admins in (
        ("contoso", Admins(azure_tenant_id=directory.azure_tenant_id)),
        ("fabrikam", Admins(people=grants)),
    ):
        await product.tenants.put(TenantId(name), name)
        await product.tenants.put_admins(TenantId(name), admins)
    return product


@pytest.fixture
def api(routes: list[Route], product: App) -> Client:
    """The API with sign-in."""
    del product
    return Client(routes)


async def ask(api: Client, who: str, path: str, body: object, method: str = "POST") -> Reply:
    """Send a request of a person."""
    return await api(method, f"signed-in/{path}", body, headers={"Authorization": f"Bearer {who}"})


async def test_only_a_grant_a_key_or_the_operator_validates(api: Client, credentials: dict[str, Any]) -> None:
    """A role of any Azure tenant is not enough, and neither is a grant for another tenant."""
    for who, path in (
        ("stranger", "validate"), ("stranger", CONTOSO), ("stranger", FABRIKAM),
        ("owner", "validate"), ("owner", FABRIKAM), ("consultant", CONTOSO), ("consultant", "validate"),
    ):  # fmt: skip
        assert (await ask(api, who, path, credentials)).status == 403, (who, path)
    for who, path in (
        ("owner", CONTOSO), ("consultant", FABRIKAM),
        ("operator", "validate"), ("operator", CONTOSO), ("operator", FABRIKAM),
    ):  # fmt: skip
        assert (await ask(api, who, path, credentials)).body["ok"], (who, path)
    for path in ("validate", CONTOSO, FABRIKAM):
        assert (await api("POST", path, credentials)).body["ok"]
    missing = await api("POST", "tenants/no-such-tenant/validate", credentials)
    assert (missing.status, missing.body["code"]) == (404, "tenant_not_found")


async def test_failures_of_one_caller_leave_all_others_their_allowance(
    api: Client, credentials: dict[str, Any]
) -> None:
    """A consultant guesses at the directory of contoso until the end; its admin and the key still connect it."""
    wrong = {**credentials, "clientSecret": "guess"}
    for _ in range(PER_TARGET_GUESSES.burst):
        assert (await ask(api, "consultant", FABRIKAM, wrong)).status == 200
    assert (await ask(api, "consultant", FABRIKAM, credentials)).status == 429
    for _ in range(PER_TARGET_GUESSES.burst):
        assert (await ask(api, "owner", CONTOSO, wrong)).status == 200
        assert (await ask(api, "colleague", FABRIKAM, wrong)).status == 200
        assert (await api("POST", CONTOSO, wrong)).status == 200
    for who in ("owner", "colleague"):
        path = CONTOSO if who == "owner" else FABRIKAM
        assert (await ask(api, who, path, credentials)).status == 429


async def test_a_directory_elsewhere_is_tried_ten_times_an_hour(
    api: Client, credentials: dict[str, Any], ports: Ports
) -> None:
    """Right entries count as well, all such directories together, and each person alone; connecting is the same."""
    assert isinstance(ports.clock, FakeClock)
    await api("PUT", "tenants/fabrikam/sso", {"clientId": person(50)})
    for number in range(PER_PERSON_ELSEWHERE.burst):
        tried = credentials if number % 2 else {**credentials, "tenantId": person(700 + number)}
        assert (await ask(api, "consultant", FABRIKAM, tried)).status == 200
    refused = await ask(api, "consultant", FABRIKAM, credentials)
    assert (refused.status, refused.body["code"]) == (429, "rate_limited")
    assert int(refused.headers["Retry-After"]) == PER_PERSON_ELSEWHERE.period_s / PER_PERSON_ELSEWHERE.burst
    connecting = await ask(api, "consultant", "tenants/fabrikam/connection", credentials, "PUT")
    assert connecting.status == 429
    assert (await ask(api, "consultant", FABRIKAM, {**credentials, "tenantId": ELSEWHERE})).status == 200
    assert (await ask(api, "colleague", FABRIKAM, credentials)).body["ok"]
    ports.clock.advance(int(refused.headers["Retry-After"]))
    assert (await ask(api, "consultant", "tenants/fabrikam/connection", credentials, "PUT")).status == 200


async def test_ones_own_directory_is_tried_more_often(api: Client, credentials: dict[str, Any]) -> None:
    """By its own people, and by the operator's key."""
    for _ in range(PER_PERSON_ELSEWHERE.burst * 2):
        assert (await ask(api, "owner", CONTOSO, credentials)).body["ok"]
        assert (await api("POST", CONTOSO, credentials)).body["ok"]


async def test_ids_in_another_order_lead_elsewhere_too(api: Client, credentials: dict[str, Any]) -> None:
    """An own directory in the first field, a foreign one in the second: the foreign one is tried by the suggestion."""
    mixed = {**credentials, "tenantId": ELSEWHERE, "clientId": credentials["tenantId"]}
    for number in range(PER_PERSON_ELSEWHERE.burst):
        assert (await ask(api, "consultant", FABRIKAM, {**mixed, "clientSecret": f"guess-{number}"})).status == 200
    assert (await ask(api, "consultant", FABRIKAM, credentials)).status == 429


async def test_users_of_one_tenant_leave_the_key_its_allowance_for_others(
    api: Client, credentials: dict[str, Any]
) -> None:
    """The back end sends what its users enter: guesses for one tenant lock no other out."""
    wrong = {**credentials, "clientSecret": "guess"}
    for _ in range(PER_TARGET_GUESSES.burst):
        assert (await api("POST", FABRIKAM, wrong)).status == 200
    assert (await api("POST", FABRIKAM, credentials)).status == 429
    assert (await api("POST", CONTOSO, credentials)).body["ok"]
    assert (await api("POST", "validate", credentials)).body["ok"]


async def test_checking_a_stored_secret_is_not_a_guess(
    api: Client, credentials: dict[str, Any], ports: Ports, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It expired, and was checked many times: a new one can be entered nevertheless."""
    await api("PUT", "tenants/contoso/sso", {"clientId": person(50)})
    assert (await ask(api, "owner", "tenants/contoso/connection", credentials, "PUT")).status == 200
    with monkeypatch.context() as expired:
        refusal = LoginRefused("refused", code="AADSTS7000222")
        expired.setattr(directories_of(ports), "_refusal", lambda _: refusal)
        for _ in range(PER_TARGET_GUESSES.burst * 2):
            assert not (await ask(api, "owner", "tenants/contoso/connection/validate", None)).body["ok"]
    assert (await ask(api, "owner", "tenants/contoso/connection", credentials, "PUT")).status == 200
    for _ in range(PER_TARGET.burst):
        last = await ask(api, "operator", "tenants/contoso/connection/validate", None)
    assert last.status == 429
