"""Callers who are refused again and again cost neither storage nor entries of the audit log, and limit no one else."""

import pytest

from shared.bootstrap import App, Ports
from shared.domain.access.rate_limit import RateLimit
from shared.domain.operations.audit import Action
from shared.workflows import request_limits
from tests.integration.http.test_access import api, ask, product
from tests.integration.http.test_named_keys import created, send
from tests.support.fakes import FakeClock
from tests.support.http.calling import Client, Reply

__all__ = ["api", "product"]
READ = "GET tenants/{tenant}"
TIMES = 3


@pytest.fixture(autouse=True)
def _few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(request_limits, "REFUSALS", RateLimit(name="refusals", burst=TIMES, period_s=60))


async def refusals(product: App) -> int:
    """Return the number of entries of the audit log about refusals."""
    found, _ = await product.audit.list_all(None, None, 1_000)
    return sum(each.entry.outcome is not None and each.entry.outcome.status in {401, 403, 429} for each in found)


async def test_a_caller_who_is_refused_too_often_costs_no_storage(
    api: Client, product: App, ports: Ports, monkeypatch: pytest.MonkeyPatch
) -> None:
    """429 until the rate falls; other callers are not concerned."""
    looks, get_admins = list[object](), ports.settings.get_admins

    async def looked(tenant: object) -> object:
        looks.append(tenant)
        return await get_admins(tenant)  # type: ignore[arg-type]

    monkeypatch.setattr(ports.settings, "get_admins", looked)
    for _ in range(TIMES):
        assert (await ask(api, "fabrikam", READ)).status == 403
    for _ in range(2):
        limited = await ask(api, "fabrikam", READ)
        assert (limited.status, limited.body["code"]) == (429, "rate_limited")
        assert int(limited.headers["Retry-After"]) >= 1
    assert len(looks) == await refusals(product) == TIMES
    assert (await ask(api, "contoso", READ)).status == 200
    assert (await api("GET", "signed-in/health/live", headers={"Authorization": "Bearer fabrikam"})).status == 200
    assert isinstance(ports.clock, FakeClock)
    ports.clock.advance(60)
    assert (await ask(api, "fabrikam", READ, tenant="fabrikam")).status == 200
    assert (await ask(api, "fabrikam", READ)).status == 403


async def test_requests_that_are_allowed_are_not_counted(api: Client) -> None:
    """However many there are."""
    key = await created(api, "read")
    for _ in range(3 * TIMES):
        assert (await ask(api, "contoso", READ)).status == 200
        assert (await send(api, key, READ)).status == 200


async def test_a_program_with_a_wrong_key_is_limited(api: Client, product: App) -> None:
    """By the key that it repeats, so that it cannot keep out the owner of another key of the same name."""
    key = await created(api, "read")
    wrong = key[:-8] + "AAAAAAAA"
    for _ in range(TIMES):
        assert (await send(api, wrong, READ)).status == 401
    assert (await send(api, wrong, READ)).status == 429
    assert (await send(api, key, READ)).status == 200
    assert (await send(api, key[:-8] + "BBBBBBBB", READ)).status == 401
    assert await refusals(product) == 0  # strangers are counted by the minute


async def test_a_key_is_limited_beyond_its_scopes(api: Client, product: App) -> None:
    """Each of its refusals would be an entry of the audit log."""
    key = await created(api, "read")
    for _ in range(TIMES):
        assert (await send(api, key, "POST tenants/{tenant}/runs")).status == 403
    assert (await send(api, key, "POST tenants/{tenant}/runs")).status == 429
    assert await refusals(product) == TIMES


async def test_a_foreign_page_limits_no_person(api: Client, product: App) -> None:
    """What a browser sends for it is refused, from some number on without an entry; the person goes on working."""

    async def by_a_page() -> Reply:
        headers = {"Authorization": "Bearer contoso", "Cookie": "AppServiceAuthSession=x"}
        return await api("GET", "signed-in/tenants/contoso", headers={**headers, "Sec-Fetch-Site": "cross-site"})

    for _ in range(TIMES):
        assert (await by_a_page()).status == 403
    assert (await by_a_page()).status == 429
    assert await refusals(product) == TIMES
    assert (await ask(api, "contoso", READ)).status == 200
    found, _ = await product.audit.list_all(None, None, 1_000)
    assert {each.entry.action for each in found} == {Action.REQUEST_REFUSED.value}
