"""Cleared properties through HTTP: reported, accepted in one request, and written."""

from typing import Any

import pytest

from shared.bootstrap import App, Ports
from tests.support.builders import user
from tests.support.fakes import FakeDirectory, FakeJobQueue
from tests.support.http.calling import Client
from tests.support.world import deliver

pytestmark = pytest.mark.usefixtures("connected")
RUNS = "tenants/contoso/runs"


async def _synced(api: Client, product: App, ports: Ports, path: str = RUNS) -> dict[str, Any]:
    """Start a run with a POST, do its jobs, and return it."""
    started = await api("POST", path, {} if path == RUNS else None)
    assert started.status == 202, started
    queue = ports.queue
    assert isinstance(queue, FakeJobQueue)
    while queue.messages:
        await deliver(product, queue.messages.pop(0))
    found: dict[str, Any] = (await api("GET", f"{RUNS}/{started.body['id']}")).body
    return found


async def test_accepting(api: Client, product: App, ports: Ports, directory: FakeDirectory) -> None:
    """The report names the properties; accepting answers 202 with the new run, which writes them."""
    await api("PUT", "tenants/contoso/preferences", {"mode": "full"})
    directory.put(*(user(number, department="Sales") for number in range(1, 15)))
    fine = await _synced(api, product, ports)
    directory.put(*(user(number) for number in range(1, 15)))
    refused = await _synced(api, product, ports)
    assert refused["state"] == "failed"
    (problem,) = refused["problems"]
    assert (problem["code"], problem["concerns"], problem["properties"]) == (
        "properties_withheld",
        "users",
        ["department"],
    )
    missing = await api("POST", f"{RUNS}/8000000000000-00000000/accept")
    assert (missing.status, missing.body["code"]) == (404, "run_not_found")
    nothing = await api("POST", f"{RUNS}/{fine['id']}/accept")
    assert (nothing.status, nothing.body["code"]) == (422, "nothing_to_accept")
    accepted = await _synced(api, product, ports, f"{RUNS}/{refused['id']}/accept")
    assert (accepted["state"], accepted["problems"], accepted["accepted"]) == ("done", [], {"users": ["department"]})
    assert accepted["counts"]["updated"] == 14
    again = await api("POST", f"{RUNS}/{refused['id']}/accept")
    assert (again.status, again.body["code"]) == (409, "run_outdated")
