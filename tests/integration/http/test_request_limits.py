"""Requests are limited for each person or key and tenant: expensive ones in storage, others in memory."""

import dataclasses

import msgspec
import pytest

from shared.adapters.process_limits import ProcessLimitStore
from shared.bootstrap import App, Ports
from shared.domain.access.rate_limit import KEY_FACTOR, Expense, allowances_of
from shared.triggers.http.framework.routing import ROUTES
from shared.triggers.http.framework.rules import RULES
from tests.integration.http.test_access import api as signed_in_api
from tests.integration.http.test_access import ask, product
from tests.integration.http.test_named_keys import created, send
from tests.support.fakes import FakeClock, FakeLimitStore
from tests.support.http.calling import MODULES, Client, Reply

__all__ = ["product", "signed_in_api"]
LIMITS = "validate=2/60 connect=2/60 import=2/60 upload=2/60 search=2/60 export=2/60 runs=2/60 other=4/60"
DESK = "tenants/{tenant}/locations/desk"
#: A request for every expense that is counted in storage.
EXPENSIVE = {
    Expense.VALIDATE: "POST tenants/{tenant}/validate",
    Expense.CONNECT: "PUT tenants/{tenant}/connection",
    Expense.IMPORT: f"POST {DESK}/imports",
    Expense.UPLOAD: f"PUT {DESK}/imports/x/parts/1",
    Expense.SEARCH: f"GET {DESK}/recipients?search=ada",
    Expense.RUNS: "POST tenants/{tenant}/runs",
}


@pytest.fixture
def api(signed_in_api: Client, product: App, monkeypatch: pytest.MonkeyPatch) -> Client:
    """The API with sign-in and small allowances."""
    settings = msgspec.structs.replace(product.settings, allowances=allowances_of(LIMITS.split()))
    small = App(product.ports, settings)
    for module in MODULES:
        monkeypatch.setattr(module, "app", lambda: small)
    return signed_in_api


def is_limited(reply: Reply) -> bool:
    """Return whether a request was refused because of a limit, in the form that all such refusals have."""
    if reply.status != 429:
        return False
    assert reply.body["code"] == "rate_limited"
    assert int(reply.headers["Retry-After"]) >= 1
    return True


@pytest.mark.parametrize("expense", EXPENSIVE)
async def test_expensive_requests_are_limited_at_each_door(api: Client, ports: Ports, expense: Expense) -> None:
    """Each person, the function key and a named key have an allowance of their own for each tenant."""
    rule = EXPENSIVE[expense]
    key = await created(api, "all", tenants=("contoso", "fabrikam"))
    for _ in range(2):
        assert not is_limited(await ask(api, "contoso", rule))
    limited = await ask(api, "contoso", rule)
    assert is_limited(limited)
    assert not is_limited(await ask(api, "consultant", rule))
    assert not is_limited(await ask(api, "operator", rule, tenant="fabrikam"))
    method, path = rule.split(" ")
    for _ in range(2 * KEY_FACTOR):
        assert not is_limited(await api(method, path.format(tenant="contoso"), {}))
        assert not is_limited(await send(api, key, rule))
    assert is_limited(await api(method, path.format(tenant="contoso"), {}))
    assert is_limited(await send(api, key, rule))
    assert not is_limited(await api(method, path.format(tenant="fabrikam"), {}))
    assert not is_limited(await send(api, key, rule, tenant="fabrikam"))
    assert isinstance(ports.clock, FakeClock)
    ports.clock.advance(int(limited.headers["Retry-After"]))
    assert not is_limited(await ask(api, "contoso", rule))


async def test_another_process_counts_the_same_requests(
    api: Client, ports: Ports, product: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exports are counted in storage; what is cheap is counted by each process for itself."""
    path = "signed-in/tenants/contoso/locations/desk/recipients"
    headers = {"Authorization": "Bearer contoso", "Accept": "text/csv"}
    await api("PUT", "tenants/contoso/locations/desk", {"name": "Desk"})
    for _ in range(2):
        assert (await api("GET", path, headers=headers)).status == 200
    assert is_limited(await api("GET", path, headers=headers))
    for _ in range(4):
        assert not is_limited(await ask(api, "contoso", "GET tenants/{tenant}/runs"))
    assert is_limited(await ask(api, "contoso", "GET tenants/{tenant}/runs"))
    settings = msgspec.structs.replace(product.settings, allowances=allowances_of(LIMITS.split()))
    other = App(dataclasses.replace(ports, process_limits=ProcessLimitStore()), settings)
    for module in MODULES:
        monkeypatch.setattr(module, "app", lambda: other)
    assert is_limited(await api("GET", path, headers=headers))
    assert not is_limited(await ask(api, "contoso", "GET tenants/{tenant}/runs"))


async def test_a_stranger_cannot_read_all_admins_without_end(api: Client) -> None:
    """The role TenantAdmin of any Azure tenant is enough to ask for one's own tenants, which reads those of all."""
    for _ in range(2):
        assert (await ask(api, "consultant", "GET me")).status == 200
    assert is_limited(await ask(api, "consultant", "GET me"))
    for _ in range(4):
        assert (await api("GET", "me")).status == 200


async def test_refused_requests_use_no_allowance(api: Client, ports: Ports) -> None:
    """Strangers, admins of other tenants and narrower keys change nothing; not even a row is written."""
    key = await created(api, "read")
    for rule in EXPENSIVE.values():
        for _ in range(5):
            assert (await ask(api, "fabrikam", rule)).status == 403
            assert (await ask(api, "stranger", rule)).status == 401
            if not rule.startswith("GET "):
                assert (await send(api, key, rule)).status == 403
    assert isinstance(ports.limits, FakeLimitStore)
    assert ports.limits.keys() == []


async def test_only_refusals_that_storage_counts_are_recorded(api: Client) -> None:
    """A caller who reads too often would otherwise write a row for each further request."""
    for _ in range(8):
        last = [
            await ask(api, "contoso", rule) for rule in ("GET tenants/{tenant}/runs", "GET tenants/{tenant}/explain")
        ]
    assert all(map(is_limited, last))
    entries = (await api("GET", "audit?limit=100")).body["entries"]
    limited = [entry["actor"].split(":")[0] for entry in entries if entry["code"] == "rate_limited"]
    assert limited == ["person"] * 6


async def test_health_is_never_limited(api: Client) -> None:
    """A monitor asks as often as it likes."""
    for _ in range(50):
        assert (await api("GET", "health/live")).status == 200
        assert (await api("GET", "openapi.json")).status == 200


def test_every_expensive_route_says_so() -> None:
    """What reads a directory, starts work or reads all recipients; a public route never does."""
    told = {f"{route.method} {route.path}": route.contract.expense for route in ROUTES}
    by_expense: dict[object, set[str]] = {}
    for rule, expense in told.items():
        by_expense.setdefault(expense if isinstance(expense, Expense) else None, set()).add(rule)
    assert by_expense[None] == {"GET me", "GET tenants/{tenant}/locations/{location}/recipients"}
    assert by_expense[Expense.VALIDATE] == {rule for rule in RULES if rule.endswith("validate")}
    assert by_expense[Expense.CONNECT] == {"PUT tenants/{tenant}/connection"}
    imports = {rule for rule in RULES if "/imports" in rule and not rule.startswith("GET ")}
    assert by_expense[Expense.IMPORT] | by_expense[Expense.UPLOAD] == imports | {
        "POST tenants/{tenant}/locations/{location}/recipients"
    }
    starting = {rule for rule in RULES if rule.startswith("POST") and "/runs" in rule} - {
        "POST tenants/{tenant}/runs/{run}/reject"
    }
    others = {"POST tenants/{tenant}/unmapped-groups", "POST tenants/{tenant}/erasures"}
    assert by_expense[Expense.RUNS] == starting | others
    searches = ("explain", "attribute-values", "sso-users", "mapping", "{tenant}/groups")
    assert by_expense[Expense.SEARCH] == {
        *(rule for rule in RULES if rule.startswith("GET ") and rule.endswith(searches)),
        "POST tenants/{tenant}/users",
    }
