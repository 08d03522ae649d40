"""The emergency stop through HTTP: one call pauses, changes are refused with a code of their own, reading works."""

import pytest

from shared.bootstrap import App, Ports
from tests.support.fakes import FakeJobQueue
from tests.support.http.calling import Client
from tests.support.world import deliver

pytestmark = pytest.mark.usefixtures("connected")
TENANT = "tenants/contoso"
CSV = {"Content-Type": "text/csv"}
RUNNING = {"paused": False, "scopes": [], "since": None}


async def test_a_tenant_is_paused_and_resumed(api: Client, product: App, ports: Ports) -> None:
    """Reads and requests of runs work; imports and edits are refused with 409; the requested run follows."""
    recipients = f"{TENANT}/locations/desk/recipients"
    imported = await api("POST", recipients, raw=b"name,mail\nAnn,ann@example.com\n", headers=CSV)
    assert imported.status == 200, imported
    assert (await api("GET", f"{TENANT}/pause")).body == RUNNING
    paused = await api("POST", f"{TENANT}/pause")
    assert (paused.status, paused.body["paused"], paused.body["scopes"]) == (200, True, ["tenant"])
    assert (await api("POST", f"{TENANT}/pause")).body == paused.body
    assert (await api("GET", f"{TENANT}/pause")).body == paused.body
    (ann,) = (await api("GET", recipients)).body["recipients"]
    for refused in (
        await api("POST", recipients, raw=b"name,mail\nBob,bob@example.com\n", headers=CSV),
        await api("PATCH", f"{recipients}/{ann['id']}", {"department": "Sales"}),
        await api("DELETE", f"{TENANT}/locations/desk"),
    ):
        assert (refused.status, refused.body["code"]) == (409, "paused"), refused
        assert refused.body["fix"]
    run = (await api("POST", f"{TENANT}/runs", {})).body
    assert run["state"] == "planning"
    resumed = await api("POST", f"{TENANT}/resume")
    assert (resumed.status, resumed.body) == (200, RUNNING)
    assert isinstance(ports.queue, FakeJobQueue)
    while ports.queue.messages:
        await deliver(product, ports.queue.messages.pop(0))
    assert (await api("GET", f"{TENANT}/runs/{run['id']}")).body["state"] == "done"
    entries = (await api("GET", "ledger")).body["entries"]
    assert [(entry["code"], entry["queue"], entry["tenant"]) for entry in entries] == [
        ("resumed", "pause", "contoso"),
        ("paused", "pause", "contoso"),
    ]


async def test_all_tenants_are_paused_and_resumed(api: Client) -> None:
    """A tenant says that it is paused with all others, and stays so when it is resumed on its own."""
    assert (await api("GET", "pause")).body == {"paused": False, "resuming": False, "since": None, "by": None}
    paused = await api("POST", "pause")
    assert (paused.status, paused.body["paused"], paused.body["by"]) == (200, True, "api")
    assert (await api("GET", f"{TENANT}/pause")).body["scopes"] == ["all"]
    assert (await api("POST", f"{TENANT}/resume")).body["scopes"] == ["all"]
    resumed = await api("POST", "resume")
    assert (resumed.status, resumed.body["paused"]) == (200, False)
    assert (await api("GET", f"{TENANT}/pause")).body == RUNNING


@pytest.mark.parametrize("verb", ["pause", "resume"])
async def test_a_tenant_that_does_not_exist(api: Client, verb: str) -> None:
    """404, and nothing is stored for it."""
    missing = await api("POST", f"tenants/no-such-tenant/{verb}")
    assert (missing.status, missing.body["code"]) == (404, "tenant_not_found")
    assert (await api("GET", "tenants/no-such-tenant/pause")).status == 404
