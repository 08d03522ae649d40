"""A run through HTTP: asked for, followed, and its results read."""

import asyncio

import pytest

from shared.bootstrap import App, Ports
from shared.domain.directory import Source
from shared.domain.ids import TenantId
from shared.domain.operations.operator_log import OperatorLogEntry
from shared.domain.run import RunMode
from shared.domain.sync.jobs import FetchJob, SyncRequest
from shared.errors import Transient
from shared.triggers.http import runs
from tests.support.builders import person
from tests.support.fakes import FakeJobQueue
from tests.support.http.calling import Client
from tests.support.interleaving import interleaving
from tests.support.world import SETTINGS, deliver

pytestmark = pytest.mark.usefixtures("connected")
CONTOSO = TenantId("contoso")


async def _work(product: App, ports: Ports) -> None:
    queue = ports.queue
    assert isinstance(queue, FakeJobQueue)
    while queue.messages:
        await deliver(product, queue.messages.pop(0))


async def test_a_run_can_be_followed_from_the_moment_it_is_asked_for(api: Client, product: App, ports: Ports) -> None:
    """202 with its id and address, then its progress, then its end, changes and recipients."""
    await api("PUT", "tenants/contoso/preferences", {"mode": "full"})
    asked = await api("POST", "tenants/contoso/runs", {"mode": "full"})
    assert (asked.status, asked.body["state"]) == (202, "fetching")
    run = f"tenants/contoso/runs/{asked.body['id']}"
    assert asked.headers["Location"] == f"/api/{run}"
    before = (await api("GET", run)).body
    assert (before["state"], before["progress"]["sources"]) == ("fetching", 1)
    assert (await api("GET", f"{run}/changes")).body == {"changes": [], "cursor": None}
    await _work(product, ports)
    after = (await api("GET", run)).body
    assert (after["state"], after["counts"]["created"]) == ("done", 3)
    jobs = {"fetched": 1, "sources": 1, "reconciled": 1, "locations": 1}
    assert after["progress"] == {**jobs, "people": 3, "written": 3}
    assert after["locations"]["desk"]["active"] == 3
    changes = (await api("GET", f"{run}/changes")).body["changes"]
    assert {(change["kind"], change["reason"], change["location"]) for change in changes} == {
        ("created", "new", "desk")
    }
    assert [run["id"] for run in (await api("GET", "tenants/contoso/runs")).body["runs"]] == [asked.body["id"]]


async def test_a_run_is_planned_before_the_answer(api: Client, ports: Ports) -> None:
    """What is left in the queues is one fetch job for each source; an empty object asks for an incremental run."""
    await api("PUT", "tenants/contoso/preferences", {"mode": "full"})
    asked = await api("POST", "tenants/contoso/runs", {})
    assert asked.body["mode"] == "incremental"
    queue = ports.queue
    assert isinstance(queue, FakeJobQueue)
    assert queue.messages == [FetchJob(tenant=CONTOSO, run=asked.body["id"], source=Source().id)]


async def test_a_run_that_cannot_be_planned_yet_is_planned_by_its_message(
    api: Client, product: App, ports: Ports, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Named after the run, in the mode that was asked for."""
    await api("PUT", "tenants/contoso/preferences", {"mode": "full"})

    async def busy(_: object) -> object:
        raise Transient("busy", code="storage_busy")

    with monkeypatch.context() as broken:
        broken.setattr(ports.runs, "insert_plan", busy)
        asked = await api("POST", "tenants/contoso/runs", {"mode": "full"})
    assert (asked.status, asked.body["state"]) == (202, "planning")
    queue = ports.queue
    assert isinstance(queue, FakeJobQueue)
    (request,) = queue.messages
    assert isinstance(request, SyncRequest)
    assert (request.request, request.mode, request.requested_by) == (asked.body["id"], RunMode.FULL, "api")
    await _work(product, ports)
    done = (await api("GET", f"tenants/contoso/runs/{asked.body['id']}")).body
    assert (done["state"], done["mode"]) == ("done", "full")


async def test_eight_requests_at_once_all_end(
    api: Client, product: App, ports: Ports, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every caller is answered with a run, and none of these stays in planning."""
    concurrent = App(interleaving(ports), SETTINGS)
    monkeypatch.setattr(runs, "app", lambda: concurrent)
    modes = ["full" if number == 5 else "incremental" for number in range(8)]
    answers = await asyncio.gather(*(api("POST", "tenants/contoso/runs", {"mode": mode}) for mode in modes))
    assert [answer.status for answer in answers] == [202] * 8
    assert len({answer.body["id"] for answer in answers}) == 8
    await _work(product, ports)
    listed = (await api("GET", "tenants/contoso/runs")).body["runs"]
    assert {run["state"] for run in listed} <= {"done", "superseded"}
    assert "full" in {run["mode"] for run in listed if run["state"] == "done"}


async def test_a_run_that_is_not_there(api: Client) -> None:
    """404, also for its changes."""
    for path in ("", "/changes"):
        missing = await api("GET", f"tenants/contoso/runs/8000000000000-00000000{path}")
        assert (missing.status, missing.body["code"]) == (404, "run_not_found")


async def test_recipients_are_searched_and_paged(api: Client, product: App, ports: Ports) -> None:
    """Pages follow each other by cursor, each recipient once; search looks at name and address."""
    await api("PUT", "tenants/contoso/preferences", {"mode": "full"})
    await api("POST", "tenants/contoso/runs", {})
    await _work(product, ports)
    path = "tenants/contoso/locations/desk/recipients"
    seen, cursor, pages = [], "", 0
    while True:
        page = (await api("GET", f"{path}?limit=1&cursor={cursor}")).body
        seen += [recipient["objectId"] for recipient in page["recipients"]]
        pages += 1
        if page["cursor"] is None:
            break
        cursor = page["cursor"]
    assert sorted(seen) == [person(1), person(2), person(3)]
    assert pages == 3
    (found,) = (await api("GET", f"{path}?search=USER2@&status=active&origin=directory")).body["recipients"]
    assert (found["displayName"], found["mail"]) == ("User 2", "user2@example.com")
    assert (await api("GET", f"{path}?origin=csv")).body == {
        "recipients": [],
        "cursor": None,
        "complete": True,
        "searched": 3,
    }


@pytest.mark.parametrize(
    ("query", "word"),
    [
        ("limit=0", "limit"),
        ("limit=1001", "limit"),
        ("limit=ten", "limit"),
        ("limit=99999999999999999999", "limit"),
        ("status=gone", "status"),
        ("origin=ldap", "origin"),
        ("cursor=a%27%20or%20true", "cursor"),
    ],
)
async def test_a_wrong_query_is_named(api: Client, query: str, word: str) -> None:
    """400, with the parameter that is wrong and what it may be."""
    refused = await api("GET", f"tenants/contoso/locations/desk/recipients?{query}")
    assert refused.status == 400
    assert word in refused.body["detail"]


async def test_the_ledger_shows_what_could_not_be_worked_off(api: Client, ports: Ports) -> None:
    """With the message's queue, code and sentence."""
    entry = OperatorLogEntry(
        id="1", at=ports.clock.now(), queue="sync-requests", code="malformed_message", detail="No request.", body="?"
    )
    await ports.operator_log.record(entry)
    (shown,) = (await api("GET", "ledger")).body["entries"]
    assert (shown["queue"], shown["code"], shown["detail"]) == ("sync-requests", "malformed_message", "No request.")
