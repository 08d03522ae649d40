"""The operator's overview: every tenant on one line, true whatever died on the way."""

from typing import Any

import msgspec
import pytest

from shared.bootstrap import App, Ports
from shared.domain.access.tenants import TenantSummary
from shared.domain.ids import RunId, TenantId
from shared.domain.operations.operator_log import OperatorLogEntry
from shared.domain.run import RunState, Summary, TenantState
from tests.integration.http.test_runs import _work
from tests.support.builders import person
from tests.support.fakes import FakeDirectory
from tests.support.http.calling import Client

CONTOSO = TenantId("contoso")
DESK = "tenants/contoso/locations/desk"


async def _line(api: Client, tenant: str = "contoso") -> Any:  # noqa: ANN401 - JSON
    (line,) = (await api("GET", f"overview?search={tenant}")).body["tenants"]
    return line


async def test_a_tenant_that_has_nothing(api: Client) -> None:
    """Is off, and nothing is known of it."""
    await api("PUT", "tenants/contoso", {"name": "Contoso"})
    assert await _line(api) == {
        "id": "contoso",
        "name": "Contoso",
        "connection": {"state": "off", "reason": None},
        "lastSuccessAt": None,
        "lastRun": None,
        "recipients": 0,
        "heldRun": None,
        "secretDaysLeft": None,
        "poison": 0,
    }


@pytest.mark.usefixtures("connected")
async def test_a_run_leaves_its_line(api: Client, product: App, ports: Ports) -> None:
    """Its end, and how many recipients there are; changes by hand move these on; poison is counted."""
    await api("PUT", "tenants/contoso/preferences", {"mode": "full"})
    run = (await api("POST", "tenants/contoso/runs", {})).body["id"]
    await _work(product, ports)
    line, shown = await _line(api), (await api("GET", f"tenants/contoso/runs/{run}")).body
    assert line["lastRun"] == {"id": run, "state": "done", "finishedAt": shown["finishedAt"]}
    assert (line["connection"]["state"], line["lastSuccessAt"], line["recipients"]) == ("on", shown["finishedAt"], 3)
    preview = (await api("POST", "tenants/contoso/runs", {"mode": "full", "preview": True})).body["id"]
    await _work(product, ports)
    assert (await api("GET", f"tenants/contoso/runs/{preview}")).body["state"] == "done"
    assert (await _line(api))["lastRun"]["id"] == run
    await api("POST", f"{DESK}/recipients", raw=b"Name,E-mail\nAda,ada@example.com\n")
    (ada,) = (await api("GET", f"{DESK}/recipients?origin=csv")).body["recipients"]
    assert (await _line(api))["recipients"] == 4
    await api("PATCH", f"{DESK}/recipients/{ada['id']}", {"active": False})
    assert (await _line(api))["recipients"] == 3
    entry = OperatorLogEntry(id="1", at=ports.clock.now(), queue="q", code="c", detail="d", body="b", tenant=CONTOSO)
    await ports.operator_log.record(entry)
    await ports.operator_log.record(msgspec.structs.replace(entry, queue="connection"))
    assert (await _line(api))["poison"] == 1
    await api("DELETE", DESK)
    assert (await _line(api))["recipients"] == 0


@pytest.mark.usefixtures("connected")
async def test_a_held_run_is_shown_until_it_is_decided(
    api: Client, product: App, ports: Ports, directory: FakeDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where whoever decided died before the line was written, and once it has expired."""
    await api("PUT", "tenants/contoso/preferences", {"mode": "full", "guard": {"maxPeople": 0, "maxShare": 0}})

    async def hold() -> str:
        await api("POST", "tenants/contoso/runs", {"mode": "full"})
        await _work(product, ports)
        directory.remove(person(1))
        run: str = (await api("POST", "tenants/contoso/runs", {"mode": "full"})).body["id"]
        await _work(product, ports)
        return run

    run = await hold()
    line = await _line(api)
    assert (line["heldRun"], line["lastRun"]["state"]) == (run, "held")
    with monkeypatch.context() as dying:

        async def dies(*_: object) -> None:
            raise MemoryError

        dying.setattr(ports.sync_states, "replace", dies)
        assert (await api("POST", f"tenants/contoso/runs/{run}/reject")).status == 500
    assert (await _line(api))["heldRun"] is None
    assert (await api("POST", f"tenants/contoso/runs/{run}/reject")).status == 200
    line = await _line(api)
    assert (line["heldRun"], line["lastRun"]["state"]) == (None, "done")
    assert line["lastSuccessAt"] == line["lastRun"]["finishedAt"]


@pytest.mark.usefixtures("connected")
async def test_what_is_held_expires_with_the_configuration(api: Client, ports: Ports) -> None:
    """No line offers what cannot be approved any more."""
    state, etag = await ports.sync_states.get(CONTOSO)
    held = Summary(run=RunId("8204576261968-0000000a"), state=RunState.HELD, held=RunId("8204576261968-0000000a"))
    await ports.sync_states.replace(CONTOSO, msgspec.structs.replace(state, summary=held), etag)
    await api("PUT", "tenants/contoso/preferences", {"mode": "full"})
    summary = (await ports.sync_states.get(CONTOSO)).value.summary
    assert (summary.held, summary.run) == (None, held.run)


async def test_sorted_and_searched(api: Client, ports: Ports) -> None:
    """By name, urgency, last success and days left, either way; found by id or name in any case."""
    for number, name in enumerate(("b", "a", "C")):
        tenant = TenantId(f"t{number}")
        await ports.tenants.put(TenantSummary(id=tenant, name=name))
        ended = Summary(run=RunId("r"), state=RunState.DONE, success_at=ports.clock.now() if number else None)
        await ports.sync_states.replace(tenant, TenantState(summary=ended), None)

    async def ids(query: str) -> list[str]:
        return [tenant["id"] for tenant in (await api("GET", f"overview?{query}")).body["tenants"]]

    assert await ids("") == await ids("sort=name") == ["t1", "t0", "t2"]
    assert await ids("sort=-name") == ["t2", "t0", "t1"]
    assert await ids("sort=lastSuccessAt") == ["t0", "t1", "t2"]
    assert await ids("sort=state") == ["t1", "t0", "t2"]
    assert await ids("search=c") == ["t2"]
    assert await ids("search=T0") == ["t0"]
    refused = await api("GET", "overview?sort=size")
    assert (refused.status, refused.body["code"]) == (400, "invalid_query")


async def test_ten_thousand_tenants_cost_four_listings(
    api: Client, product: App, ports: Ports, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not one request is about a single tenant."""
    for number in range(10_000):
        await ports.tenants.put(TenantSummary(id=TenantId(f"t{number:05d}"), name=f"Tenant {number}"))

    async def never(*_: object) -> None:
        raise AssertionError("a request about one tenant")

    one = {
        ports.tenants: ("get", "find_version", "find_part"),
        ports.sync_states: ("get",),
        ports.connections: ("find", "get_health"),
    }
    for store, names in one.items():
        for name in names:
            monkeypatch.setattr(store, name, never)
    page = (await api("GET", "overview?sort=-name&limit=50")).body
    assert len(page["tenants"]) == 50
    assert page["cursor"]
