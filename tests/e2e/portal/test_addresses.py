"""Addresses that someone has mistyped or forged: each leads to a page with a title, and to no other tenant."""

import pytest
from playwright.async_api import Request, expect

from infra.local.demo.api import Api
from infra.local.stack.local_stack import LocalStack
from tests.e2e.portal.visitor import Visitor

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="session")]

TENANT = "addresses"
_BROKEN = (
    "%zz",
    "%",
    "%E0%A4%A",
    "%ff",
    "%00",
    "..",
    ".",
    "%2e%2e",
    "..%2f..%2fviews",
    "..%5c..%5c",
    "%3Fx%23y",
    "<b>",
    "%E2%80%AE",
    "x" * 300,
)
_VIEWS = ("connect", "preferences", "locations", "fetch", "recipients", "users", "history", "nothing", "__proto__")
ADDRESSES = (
    *(f"#/{part}" for part in _BROKEN),
    *(f"#/t/{part}/fetch" for part in _BROKEN),
    *(f"#/t/{TENANT}/{view}/{_BROKEN[number]}" for number, view in enumerate(_VIEWS)),
    *(f"#/t/{TENANT}/{view}/{part}" for part in _BROKEN for view in ("fetch", "recipients", "history")),
    *(f"#/t/{TENANT}/{view}/" for view in _VIEWS),
    "#", "#//", "#/t", "#/t/", "#/t//fetch", "#t/x", "#/T/x/fetch", "##/t/x", "#/messages/%zz", "#?x",
    "#/t/%zz/%zz/%zz/%zz",
)  # fmt: skip


async def test_every_address_leads_to_a_page(visitor: Visitor, stack: LocalStack) -> None:
    """Whether the page is loaded with it or is open already; nothing waits for ever."""
    async with Api(stack.info) as api:
        await api.onboard(TENANT, directory="contoso", preferences={"mode": "groups"}, locations=["desk"])
    asked: list[str] = []
    visitor.page.on("request", lambda request: asked.append(_path(request)))
    portal = f"{stack.info['host']}/api/portal"
    for number, address in enumerate(ADDRESSES):
        await visitor.page.goto(f"{portal}{address}")
        if number % 10 == 0:
            await visitor.page.reload()
        await expect(visitor.page.locator("main h1, main h2").first, address).to_be_visible()
        await expect(visitor.page.locator("main .waiting"), address).to_have_count(0)
    assert [
        path for path in asked if "tenants/views" in path or "tenants/runs" in path or path.endswith("/api/runs")
    ] == []


def _path(request: Request) -> str:
    return request.url.partition("?")[0]
