"""Long lists come in pages, whose cursors belong to one list only."""

import base64
from datetime import timedelta
from typing import Any

import pytest

from shared.bootstrap import App, Ports
from shared.domain.operations.operator_log import OperatorLogEntry
from shared.triggers.http.framework.paging import cursor_of
from tests.integration.http.test_runs import _work
from tests.support.http.calling import Client

pytestmark = pytest.mark.usefixtures("connected")
DESK = "tenants/contoso/locations/desk"


async def _pages(api: Client, path: str, name: str, limit: int) -> list[list[Any]]:
    """Return all pages of a list."""
    pages, cursor = [], ""
    while True:
        page = (await api("GET", f"{path}{'&' if '?' in path else '?'}limit={limit}&cursor={cursor}")).body
        pages.append(page[name])
        cursor = page["cursor"]
        if cursor is None:
            return pages


async def _fill(api: Client, product: App, ports: Ports) -> str:
    """Leave five tenants, three runs and three ledger entries, and return the address of the first run."""
    for name in ("a", "contoso-2", "fabrikam", "z"):
        await api("PUT", f"tenants/{name}", {"name": name})
        await api("PUT", f"tenants/{name}/locations/desk", {"name": "Desk"})
    await api("PUT", "tenants/contoso/preferences", {"mode": "full"})
    runs = []
    for number in range(3):
        runs.append((await api("POST", "tenants/contoso/runs", {})).body["id"])
        await _work(product, ports)
        at = ports.clock.now() + timedelta(seconds=number // 2)
        await ports.operator_log.record(
            OperatorLogEntry(id=str(number), at=at, queue="q", code="c", detail="d", body="b")
        )
    return f"tenants/contoso/runs/{runs[0]}"


async def test_pages_hold_everything_once_and_in_order(api: Client, product: App, ports: Ports) -> None:
    """Whatever their size; the last one says that it is."""
    run = await _fill(api, product, ports)
    for path, name, items in (
        ("tenants", "tenants", 5),
        ("tenants/contoso/runs", "runs", 3),
        (f"{run}/changes", "changes", 3),
        (f"{DESK}/recipients", "recipients", 3),
        ("ledger", "entries", 3),
        ("overview", "tenants", 5),
        ("overview?sort=-state", "tenants", 5),
        ("overview?sort=lastSuccessAt", "tenants", 5),
        ("overview?sort=-secretDaysLeft", "tenants", 5),
    ):
        (whole,) = await _pages(api, path, name, 1000)
        assert len(whole) == items
        for limit in (1, 2, items):
            pages = await _pages(api, path, name, limit)
            assert [item for page in pages for item in page] == whole
            assert {len(page) for page in pages[:-1]} <= {limit}
            assert pages[-1]


async def test_a_cursor_is_of_its_list_only(api: Client, product: App, ports: Ports) -> None:
    """That of another tenant, location, run or order is refused with 400, as is any that was never given."""
    run = await _fill(api, product, ports)
    cursors = {}
    paths = ("tenants", "tenants/contoso/runs", f"{run}/changes", f"{DESK}/recipients", "ledger", "overview")
    for path in paths:
        cursors[path] = (await api("GET", f"{path}?limit=1")).body["cursor"]
    assert len(set(cursors.values())) == len(paths)
    others = (*paths, "tenants/fabrikam/runs", "tenants/fabrikam/locations/desk/recipients", "overview?sort=-name")
    for other in others:
        for path, cursor in cursors.items():
            answer = await api("GET", f"{other}{'&' if '?' in other else '?'}cursor={cursor}")
            assert (answer.status == 200) == (other == path), (other, path)
            if other != path:
                assert (answer.status, answer.body["code"]) == (400, "invalid_query")


@pytest.mark.parametrize("cursor", ["x", "%C3%A4", "W10", "WyIiLCIiXQ", "x" * 3000])
async def test_what_is_no_cursor_is_refused(api: Client, cursor: str) -> None:
    """400 that says to begin again."""
    for path in ("tenants", "tenants/contoso/runs", f"{DESK}/recipients", "ledger", "overview", "keys"):
        refused = await api("GET", f"{path}?cursor={cursor}")
        assert (refused.status, refused.body["code"]) == (400, "invalid_query")


@pytest.mark.parametrize("text", ["x'y", "\x00", "a/b", "%", "x y", "\u00e4", "z" * 1_000, 1, None, ["x"], {"a": 1}])
async def test_a_forged_position_is_refused(api: Client, text: object) -> None:
    """A cursor has no secret: what it says becomes a key only if it has the form of one."""
    for path, scope in (
        ("tenants", ("tenants",)),
        ("keys", ("keys",)),
        ("tenants/contoso/runs", ("runs", "contoso")),
        (f"{DESK}/recipients", ("recipients", "contoso", "desk")),
        ("ledger", ("ledger",)),
    ):
        forged = cursor_of([text] if text is None else text, *scope)
        refused = await api("GET", path, query={"cursor": str(forged)})
        assert (refused.status, refused.body["code"]) == (400, "invalid_query")


async def test_a_deep_cursor_and_a_time_without_zone_are_refused(api: Client) -> None:
    """The first has no end, and the second has no order among times with a zone."""
    deep = base64.urlsafe_b64encode(b'["a",' + b"[" * 1_400).decode().rstrip("=")
    for cursor in (deep, cursor_of(["2026-01-01T00:00:00", "a", "b"], "ledger")):
        refused = await api("GET", "ledger", query={"cursor": str(cursor)})
        assert (refused.status, refused.body["code"]) == (400, "invalid_query")


@pytest.mark.parametrize("limit", ["0", "1001", "-1", "1.0", "1e2", " 1", "\u0663", "\uff11", "\u00b2", "9" * 5_000])
async def test_what_is_no_page_size_is_refused(api: Client, limit: str) -> None:
    """Digits of other alphabets, too."""
    refused = await api("GET", "tenants", query={"limit": limit})
    assert (refused.status, refused.body["code"]) == (400, "invalid_query")


async def test_changes_of_several_locations_follow_each_other(api: Client, product: App, ports: Ports) -> None:
    """A page goes on in the next location, and reads none that lies before."""
    await api("PUT", "tenants/contoso/preferences", {"mode": "full"})
    await api("PUT", "tenants/contoso/locations/roof", {"name": "Roof"})
    run = (await api("POST", "tenants/contoso/runs", {})).body["id"]
    await _work(product, ports)
    pages = await _pages(api, f"tenants/contoso/runs/{run}/changes", "changes", 2)
    assert [[item["location"] for item in page] for page in pages] == [
        ["desk", "desk"],
        ["desk", "roof"],
        ["roof", "roof"],
    ]
