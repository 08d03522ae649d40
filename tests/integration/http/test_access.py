"""Every route has its rule, and nobody gets past it."""

import base64
import json
from typing import Any

import msgspec
import pytest

from shared.bootstrap import App, Ports
from shared.domain.access.callers import Access, AdminGrant, Admins, Person
from shared.domain.ids import TenantId
from shared.settings import SignInSettings
from shared.triggers.http.framework.rules import RULES
from tests.support.builders import person
from tests.support.fakes import FakeSignIn
from tests.support.http.calling import MODULES, Client, Reply, Route
from tests.support.world import SETTINGS

HOME, CONTOSO, FABRIKAM = person(900), person(901), person(902)
OPERATOR = frozenset({"Operator"})
ADMIN = frozenset({"TenantAdmin"})
#: Who asks, by the text of their token.
PEOPLE = {
    "operator": Person(azure_tenant_id=HOME, object_id=person(1), roles=OPERATOR),
    "contoso": Person(azure_tenant_id=CONTOSO, object_id=person(2), roles=ADMIN),
    "fabrikam": Person(azure_tenant_id=FABRIKAM, object_id=person(3), roles=ADMIN),
    "consultant": Person(azure_tenant_id=person(903), object_id=person(4), roles=ADMIN),
    "impostor": Person(azure_tenant_id=CONTOSO, object_id=person(5), roles=OPERATOR),
    "nobody": Person(azure_tenant_id=CONTOSO, object_id=person(6), roles=frozenset()),
}


@pytest.fixture
async def product(ports: Ports, monkeypatch: pytest.MonkeyPatch) -> App:
    """Two tenants, each with its admins; contoso has granted a consultant, too."""
    sign_in = SignInSettings(audience=person(999), operator_tenant=HOME, easy_auth=False, login="https://login.example")
    product = App(ports, msgspec.structs.replace(SETTINGS, sign_in=sign_in))
    for module in MODULES:
        monkeypatch.setattr(module, "app", lambda: product)
    assert isinstance(ports.sign_in, FakeSignIn)
    ports.sign_in.people.update(PEOPLE)
    consultant = AdminGrant(azure_tenant_id=person(903), object_id=person(4))
    for name, azure_tenant, people in (("contoso", CONTOSO, (consultant,)), ("fabrikam", FABRIKAM, ())):
        await product.tenants.put(TenantId(name), name)
        await product.tenants.put_admins(TenantId(name), Admins(azure_tenant_id=azure_tenant, people=people))
    return product


@pytest.fixture
def api(routes: list[Route], product: App) -> Client:
    """The API with sign-in."""
    del product
    return Client(routes)


async def ask(api: Client, who: str, rule: str, tenant: str = "contoso", body: object = None) -> Reply:
    """Send a request of a person to the door for people."""
    method, path = rule.split(" ")
    known = {"location": "desk", "run": "x", "recipient": "r", "number": "1", "import": "x", "entry": "e", "key": "k"}
    known["erasure"] = "x"
    filled = path.format(tenant=tenant, **known)
    return await api(method, f"signed-in/{filled}", body or {}, headers={"Authorization": f"Bearer {who}"})


def allows(reply: Reply) -> bool:
    """Tell whether the rule let the request pass; what the route said of it does not matter."""
    return reply.status not in {401, 403}


def test_every_route_has_its_rule(routes: list[Route]) -> None:
    """What the host serves is what the table lists, and the one door to it for people."""
    served = {f"{method} {'/'.join(route.path)}" for route in routes for method in route.methods}
    door = {rule for rule in served if "signed-in" in rule}
    page = {"GET portal", "GET portal/{*path}"}
    probes = {rule for rule in served if rule.startswith("HEAD ")}
    assert served - door - page - probes == set(RULES)
    public = {f"GET {path}" for path in ("health", "health/live", "health/ready", "openapi.json")}
    assert {rule.replace("HEAD", "GET") for rule in probes} == public | page
    assert {route.name for route in routes if route.auth_level != "function"} == {
        "health",
        "live",
        "openapi",
        "portal",
        "portal_file",
        "ready",
        "signed_in",
    }


@pytest.mark.parametrize("rule", sorted(RULES))
async def test_no_tenant_is_reachable_by_another_ones_admin(api: Client, rule: str) -> None:
    """Not by role, not by a role that another tenant gave, and not without any."""
    access = RULES[rule]
    if access is not Access.PUBLIC:
        assert not allows(await ask(api, "nobody", rule))
        assert not allows(await ask(api, "impostor", rule))
        assert (await api(rule.split(" ", maxsplit=1)[0], f"signed-in/{rule.split(' ')[1]}", {})).status == 401
    if "{tenant}" in rule:
        assert not allows(await ask(api, "fabrikam", rule))
        assert not allows(await ask(api, "contoso", rule, tenant="no-such-tenant"))


@pytest.mark.parametrize("rule", sorted(RULES))
async def test_everybody_gets_where_they_belong(api: Client, rule: str) -> None:
    """An operator everywhere; admins, by their Azure tenant or by a grant, to what is theirs."""
    assert allows(await ask(api, "operator", rule))
    theirs = RULES[rule] is not Access.OPERATOR
    for who in ("contoso", "consultant"):
        assert allows(await ask(api, who, rule)) == theirs


async def test_a_refusal_says_nothing_about_the_tenant(api: Client) -> None:
    """A tenant of others and none at all are refused in the same words."""
    one = await ask(api, "fabrikam", "GET tenants/{tenant}")
    other = await ask(api, "fabrikam", "GET tenants/{tenant}", tenant="no-such-tenant")
    assert one.body == other.body
    assert (one.status, one.body["code"]) == (403, "forbidden")


async def test_a_person_is_named_in_the_history(api: Client, credentials: dict[str, Any]) -> None:
    """Whoever asked for a run stands in it."""
    assert (await ask(api, "contoso", "PUT tenants/{tenant}/sso", body={"clientId": person(50)})).status == 200
    assert (await ask(api, "contoso", "PUT tenants/{tenant}/connection", body=credentials)).status == 200
    run = (await ask(api, "consultant", "POST tenants/{tenant}/runs")).body
    assert run["requestedBy"] == f"person:{person(903)}:{person(4)}"


async def test_what_is_no_route_is_said_to_be_none(api: Client) -> None:
    """404 with a code, to whoever is signed in."""
    missing = await ask(api, "contoso", "GET no/such/route")
    assert (missing.status, missing.body["code"]) == (404, "route_not_found")
    wrong = await ask(api, "contoso", "DELETE tenants/{tenant}/runs")
    assert (wrong.status, wrong.body["code"], wrong.mimetype) == (405, "method_not_allowed", "application/problem+json")
    assert wrong.headers["Allow"] == "GET, POST"


async def test_pages_of_other_sites_are_refused(api: Client) -> None:
    """A browser sends a person's cookie along wherever a request comes from, and says where that is."""
    headers = {"Authorization": "Bearer contoso", "Cookie": "AppServiceAuthSession=x", "Sec-Fetch-Site": "cross-site"}
    path = "signed-in/tenants/contoso/connection"
    assert (await api("DELETE", path, headers=headers)).body["code"] == "cross_site"
    assert (await api("GET", path, headers=headers)).body["code"] == "cross_site"  # reads count against limits
    headers["Sec-Fetch-Site"] = "same-origin"
    assert (await api("GET", path, headers=headers)).status == 200
    assert (await api("DELETE", path, headers=headers)).status == 200


async def test_admins_are_what_the_operator_says(api: Client) -> None:
    """They are stored as a whole, ids only; nobody else changes them."""
    body: dict[str, Any] = {"azureTenantId": FABRIKAM, "people": [{"azureTenantId": HOME, "objectId": person(8)}]}
    assert (await ask(api, "operator", "PUT tenants/{tenant}/admins", body=body)).body == body
    assert not allows(await ask(api, "contoso", "GET tenants/{tenant}"))
    assert allows(await ask(api, "fabrikam", "GET tenants/{tenant}"))
    wrong = await ask(api, "operator", "PUT tenants/{tenant}/admins", body={**body, "azureTenantId": "fabrikam.com"})
    assert wrong.status == 400


async def test_what_only_the_platform_may_say_is_not_believed_here(api: Client) -> None:
    """A header that Easy Auth would set proves nothing where no setting says that Easy Auth stands before the app."""
    principal = {"auth_typ": "aad", "claims": [{"typ": "tid", "val": HOME}, {"typ": "roles", "val": "Operator"}]}
    header = base64.b64encode(json.dumps(principal).encode()).decode()
    answer = await api("GET", "signed-in/tenants", headers={"X-MS-CLIENT-PRINCIPAL": header})
    assert (answer.status, answer.headers["WWW-Authenticate"]) == (401, "Bearer")
