"""Every change and export is in the audit log, and what cannot be recorded is not done."""

import csv
import io
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from shared.bootstrap import App, Ports
from shared.domain.access.callers import AdminGrant, Admins, Person
from shared.domain.ids import TenantId
from shared.errors import Transient
from shared.settings import SignInSettings
from shared.telemetry import RequestCounters
from shared.triggers import queues
from shared.triggers.http.framework import routing
from shared.triggers.http.framework.records import RECORDS, Record, Unrecorded
from shared.triggers.http.framework.requests import MAX_BODY
from shared.triggers.http.framework.routing import ROUTES, route
from shared.triggers.http.framework.rules import RULES
from shared.workflows.tenants import deletion
from tests.support.builders import person
from tests.support.delivery import Message
from tests.support.fakes import FakeClock, FakeSignIn
from tests.support.http.calling import MODULES, Client, Reply, Route
from tests.support.world import SETTINGS

HOME, CONTOSO = person(900), person(901)
PEOPLE = {
    "operator": Person(azure_tenant_id=HOME, object_id=person(1), roles=frozenset({"Operator"})),
    "admin": Person(azure_tenant_id=CONTOSO, object_id=person(2), roles=frozenset({"TenantAdmin"})),
    "stranger": Person(azure_tenant_id=person(903), object_id=person(3), roles=frozenset({"TenantAdmin"})),
}
ADMIN = f"person:{CONTOSO}:{person(2)}"
OPERATOR = f"person:{HOME}:{person(1)}"


@pytest.fixture
async def product(ports: Ports, monkeypatch: pytest.MonkeyPatch) -> App:
    """The tenant contoso with one admin, and an operator."""
    sign_in = SignInSettings(audience=person(999), operator_tenant=HOME, easy_auth=False, login="https://login.example")
    product = App(ports, msgspec.structs.replace(SETTINGS, sign_in=sign_in))
    for module in (*MODULES, queues):
        monkeypatch.setattr(module, "app", lambda: product)
    assert isinstance(ports.sign_in, FakeSignIn)
    ports.sign_in.people.update(PEOPLE)
    await product.tenants.put(TenantId("contoso"), "Contoso")
    grant = AdminGrant(azure_tenant_id=CONTOSO, object_id=person(2))
    await product.tenants.put_admins(TenantId("contoso"), Admins(people=(grant,)))
    return product


class Ticking(Client):
    """A client whose requests come one after the other."""

    def __init__(self, routes: list[Route], clock: FakeClock) -> None:
        super().__init__(routes)
        self._clock = clock

    async def __call__(self, method: str, path: str, body: object = None, **words: Any) -> Reply:  # noqa: ANN401 - as above
        """Let 10 ms pass, and send a request."""
        self._clock.advance(0.01)
        return await super().__call__(method, path, body, **words)


@pytest.fixture
def api(routes: list[Route], product: App, ports: Ports) -> Client:
    """The API with sign-in."""
    del product
    assert isinstance(ports.clock, FakeClock)
    return Ticking(routes, ports.clock)


async def ask(api: Client, who: str, method: str, path: str, body: object = None, **headers: str) -> Reply:
    """Send a request of a person to the door for people."""
    return await api(method, f"signed-in/{path}", body, headers={"Authorization": f"Bearer {who}", **headers})


async def entries(api: Client, query: str = "") -> list[dict[str, Any]]:
    """Return the whole audit log, as the operator's back end reads it."""
    found: list[dict[str, Any]] = (await api("GET", f"audit{query}")).body["entries"]
    return found


def outlines(found: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    """Return who did what, and how it ended."""
    return [(entry["actor"], entry["entryPoint"], entry["action"], entry["status"]) for entry in found]


def test_every_route_says_what_it_is_recorded_as() -> None:
    """A line without a route, and a route that may change something without a line, are found."""
    assert set(RECORDS) <= set(RULES)
    assert {rule for rule in RULES if not rule.startswith("GET ")} <= set(RECORDS)
    assert all(record.reason for record in RECORDS.values() if isinstance(record, Unrecorded))


def test_a_route_without_a_line_does_not_load(monkeypatch: pytest.MonkeyPatch) -> None:
    """It fails when its module is imported, not at its first request."""
    monkeypatch.setitem(RULES, "POST tenants/{tenant}/new", RULES["POST tenants/{tenant}/runs"])
    with pytest.raises(KeyError, match=r"POST tenants/\{tenant\}/new"):
        route(routing.bp, "POST", "tenants/{tenant}/new")


@pytest.mark.parametrize("rule", sorted(rule for rule, record in RECORDS.items() if isinstance(record, Record)))
async def test_each_recorded_route_is_in_the_log(api: Client, rule: str) -> None:
    """Whether it succeeds or is refused: who, by which door, what, and how it ended."""
    method, path = rule.split(" ")
    run = "8000000000000-00000000"
    words = {"tenant": "contoso", "location": "desk", "run": run, "recipient": "r", "import": run}
    words |= {"entry": "e", "key": "k"}
    address = path.format(**words)
    if method == "GET":
        reply = await ask(api, "operator", method, f"{address}?cursor=x")
    else:
        reply = await ask(api, "operator", method, address, {})
    record = RECORDS[rule]
    assert isinstance(record, Record)
    found = [entry for entry in await entries(api) if entry["action"] == record.action]
    assert outlines(found) == [(OPERATOR, "signed_in", record.action.value, reply.status)]
    assert found[0]["tenant"] == ("contoso" if "{tenant}" in path else None)
    assert found[0]["subject"].get("location") == ("desk" if "{location}" in path else None)


async def test_the_fields_that_changed_are_named_and_no_value_is(api: Client) -> None:
    """Of preferences those that differ, also within an object; of a location those that were sent."""
    await ask(api, "admin", "PUT", "tenants/contoso/preferences", {"mode": "full", "guard": {"maxPeople": 7}})
    await ask(api, "admin", "PUT", "tenants/contoso/preferences", {"mode": "full", "guard": {"maxPeople": 8}})
    await ask(api, "admin", "PUT", "tenants/contoso/locations/desk", {"name": "Canary"})
    found = await entries(api, "?tenant=contoso")
    assert [entry["fields"] for entry in found] == [["name"], ["guard.maxPeople"], ["guard.maxPeople", "mode"]]
    assert "canary" not in str(found).lower()


async def test_text_in_the_wrong_place_is_not_stored(api: Client) -> None:
    """An invalid id, the name of an unknown field and the id of a message can be secrets that were pasted there."""
    canary = "cAn8Q~stray-canary"
    await api("PUT", f"tenants/contoso/locations/{canary}", {canary: canary, "name": canary})
    await api("DELETE", f"ledger/{canary}")
    found = await entries(api)
    assert [(entry["status"], entry["fields"]) for entry in found] == [(404, []), (400, ["name"])]
    assert canary not in str(found)


async def test_a_body_that_is_too_large_is_not_decoded_to_name_its_fields(api: Client) -> None:
    """It is refused, and recorded without them: decoding it would take as long as it is large."""
    refused = await api("PUT", "tenants/contoso/preferences", {"mode": "full", "more": "x" * MAX_BODY})
    assert (refused.status, refused.body["code"]) == (400, "body_too_large")
    assert [entry["fields"] for entry in await entries(api, "?tenant=contoso")] == [[]]


async def test_the_door_is_named(api: Client) -> None:
    """The service API, the command line as it says of itself, and the door for people."""
    await api("PUT", "tenants/contoso", {"name": "A"})
    await api("PUT", "tenants/contoso", {"name": "B"}, headers={"User-Agent": "recipient-sync-cli"})
    await ask(api, "operator", "PUT", "tenants/contoso", {"name": "C"})
    assert [outline[:2] for outline in outlines(await entries(api))] == [
        (OPERATOR, "signed_in"),
        ("api", "command_line"),
        ("api", "service_api"),
    ]


async def test_what_cannot_be_recorded_is_not_done(api: Client, ports: Ports, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither a change nor an export; the caller may try again."""

    async def busy(*_: object) -> None:
        raise Transient("Table Storage is busy; try again.", code="storage_busy")

    await api("PUT", "tenants/contoso/locations/desk", {"name": "Desk"})
    with monkeypatch.context() as broken:
        broken.setattr(ports.audit, "insert", busy)
        for path in ("tenants/contoso", "tenants/contoso/locations/desk"):
            assert (await api("PUT", path, {"name": "Other"})).body["code"] == "storage_busy"
        path = "tenants/contoso/locations/desk/recipients"
        assert (await api("GET", path, headers={"Accept": "text/csv"})).status == 503
        assert (await api("GET", path)).status == 200
    assert (await api("GET", "tenants/contoso")).body["name"] == "Contoso"
    assert (await api("GET", "tenants/contoso/locations/desk")).body["name"] == "Desk"


async def test_a_change_whose_end_is_lost_is_still_recorded(
    api: Client, ports: Ports, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The change is made and answered; its entry has no outcome."""

    async def busy(*_: object) -> None:
        raise Transient("Table Storage is busy; try again.", code="storage_busy")

    monkeypatch.setattr(ports.audit, "conclude", busy)
    assert (await api("PUT", "tenants/contoso", {"name": "Other"})).status == 200
    assert outlines(await entries(api)) == [("api", "service_api", "tenant_saved", None)]


async def test_a_defect_of_a_route_is_its_outcome(api: Client, product: App, monkeypatch: pytest.MonkeyPatch) -> None:
    """The entry says 500, although nothing is known of what was done."""

    async def defect(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(type(product.tenants), "put", defect)
    assert (await api("PUT", "tenants/contoso", {"name": "Other"})).status == 500
    assert outlines(await entries(api)) == [("api", "service_api", "tenant_saved", 500)]


async def test_a_run_and_an_import_are_named_by_their_ids(
    api: Client, directory: object, credentials: dict[str, Any]
) -> None:
    """The id in the entry is that of the history."""
    del directory
    await api("PUT", "tenants/contoso/sso", {"clientId": person(50)})
    await api("PUT", "tenants/contoso/connection", credentials)
    await api("PUT", "tenants/contoso/locations/desk", {"name": "Desk"})
    run = (await ask(api, "admin", "POST", "tenants/contoso/runs", {})).body["id"]
    new = (await ask(api, "admin", "POST", "tenants/contoso/locations/desk/imports")).body["id"]
    found = await entries(api, "?tenant=contoso")
    assert [entry["subject"] for entry in found[:2]] == [{"location": "desk", "import": new}, {"run": run}]
    (saved,) = [entry for entry in found if entry["action"] == "connection_saved"]
    assert saved["fields"] == ["clientId", "clientSecret", "objectId", "tenantId"]
    assert credentials["clientSecret"] not in str(found)


async def test_refusals_of_known_callers_are_single_entries(api: Client) -> None:
    """In the operator's list, with the tenant that was meant; a tenant's own list cannot be filled by others."""
    assert (await ask(api, "admin", "DELETE", "tenants/contoso")).status == 403
    assert (await ask(api, "admin", "GET", "tenants/fabrikam/recipients")).status == 404
    assert (await ask(api, "admin", "GET", "tenants/fabrikam")).status == 403
    foreign = {"Cookie": "AppServiceAuthSession=x", "Sec-Fetch-Site": "cross-site"}
    assert (await ask(api, "admin", "PUT", "tenants/contoso/preferences", {}, **foreign)).status == 403
    found = await entries(api)
    assert [(entry["action"], entry["code"], entry["subject"]["tenant"]) for entry in found] == [
        ("preferences_saved", "cross_site", "contoso"),
        ("request_refused", "forbidden", "fabrikam"),
        ("tenant_deleted", "forbidden", "contoso"),
    ]
    assert {(entry["tenant"], entry["actor"]) for entry in found} == {(None, ADMIN)}


async def test_refusals_of_strangers_are_counted(api: Client, ports: Ports) -> None:
    """By minute and reason, stored with a request after the minute; nothing of a stranger is stored."""
    assert isinstance(ports.clock, FakeClock)
    for _ in range(3):
        assert (await ask(api, "stranger", "GET", "tenants/contoso")).status == 403
    assert (await ask(api, "no-token", "GET", "tenants/contoso")).status == 401
    assert await entries(api) == []
    minute = ports.clock.now().replace(second=0, microsecond=0)
    ports.clock.advance(60)
    found = await entries(api)
    assert sorted((entry["code"], entry["count"]) for entry in found) == [("forbidden", 3), ("not_signed_in", 1)]
    assert {(entry["actor"], entry["action"], entry["at"]) for entry in found} == {
        ("strangers", "request_refused", minute.isoformat().replace("+00:00", "Z"))
    }
    assert person(3) not in str(found)


async def test_counts_that_cannot_be_stored_are_kept(
    api: Client, ports: Ports, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A refusal stays one while storage fails, and is counted once storage works."""
    assert isinstance(ports.clock, FakeClock)

    async def busy(*_: object) -> None:
        raise Transient("Table Storage is busy; try again.", code="storage_busy")

    with monkeypatch.context() as broken:
        broken.setattr(ports.audit, "insert", busy)
        assert (await ask(api, "admin", "DELETE", "tenants/contoso")).status == 403
        assert (await ask(api, "stranger", "GET", "tenants/contoso")).status == 403
        ports.clock.advance(60)
        assert (await ask(api, "stranger", "GET", "tenants/contoso")).status == 403
    ports.clock.advance(60)
    assert [entry["count"] for entry in await entries(api)] == [1, 1]


async def test_an_admin_sees_the_log_of_their_tenant_only(api: Client) -> None:
    """The operator sees all of them."""
    await api("PUT", "tenants/fabrikam", {"name": "Fabrikam"})
    await ask(api, "admin", "PUT", "tenants/contoso/locations/desk", {"name": "Desk"})
    own = await ask(api, "admin", "GET", "tenants/contoso/audit")
    assert outlines(own.body["entries"]) == [(ADMIN, "signed_in", "location_saved", 200)]
    assert (await ask(api, "admin", "GET", "tenants/fabrikam/audit")).status == 403
    assert (await ask(api, "admin", "GET", "audit")).status == 403
    assert {entry["tenant"] for entry in await entries(api)} == {None, "contoso", "fabrikam"}


async def test_the_log_outlives_its_tenant_and_is_not_its_successors(
    api: Client, product: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The operator still sees who deleted it; a new tenant with the id does not see what was before."""
    await ask(api, "admin", "PUT", "tenants/contoso/locations/desk", {"name": "Desk"})
    assert (await ask(api, "operator", "DELETE", "tenants/contoso")).status == 204
    deleted = (OPERATOR, "signed_in", "tenant_deleted", 204)
    assert outlines(await entries(api, "?tenant=contoso"))[0] == deleted
    assert (await api("GET", "tenants/contoso/audit")).status == 404
    monkeypatch.setattr(deletion, "SETTLED_AFTER", timedelta(0))
    await product.watchdog(RequestCounters())
    await api("PUT", "tenants/contoso", {"name": "Another"})
    own = (await api("GET", "tenants/contoso/audit")).body["entries"]
    assert outlines(own) == [("api", "service_api", "tenant_saved", 201)]
    assert deleted in outlines(await entries(api, "?tenant=contoso"))


async def test_a_deletion_that_is_refused_hides_nothing(api: Client) -> None:
    """The tenant's list still begins with its first entry."""
    await api("PUT", "tenants/contoso/locations/desk", {"name": "Desk"})
    stale = {"If-Match": '"0a1b"'}
    assert (await api("DELETE", "tenants/contoso", headers=stale)).status == 412
    own = (await api("GET", "tenants/contoso/audit")).body["entries"]
    assert [entry["action"] for entry in own] == ["tenant_deleted", "location_saved"]


async def test_pages_and_times(api: Client, ports: Ports) -> None:
    """Each entry is on one page; `since` and `until` narrow the list."""
    assert isinstance(ports.clock, FakeClock)
    times = []
    for number in range(5):
        times.append(ports.clock.now())
        await api("PUT", "tenants/contoso", {"name": f"Name {number}"})
        ports.clock.advance(1)
    first = await api("GET", "tenants/contoso/audit", query={"limit": "2"})
    seen = [entry["at"] for entry in first.body["entries"]]
    cursor = first.body["cursor"]
    while cursor is not None:
        page = await api("GET", "tenants/contoso/audit", query={"limit": "2", "cursor": cursor})
        seen += [entry["at"] for entry in page.body["entries"] if entry["action"] == "tenant_saved"]
        cursor = page.body["cursor"]
    assert len(seen) == len(set(seen)) == 5
    bounds = {"since": times[1].isoformat(), "until": times[3].isoformat()}
    found = await api("GET", "tenants/contoso/audit", query=bounds)
    saved = [entry for entry in found.body["entries"] if entry["action"] == "tenant_saved"]
    assert len(saved) == 2
    for wrong in ({"since": "yesterday"}, {"until": "2026-11-30T08:00:00"}, {"cursor": "x"}, {"limit": "0"}):
        assert (await api("GET", "tenants/contoso/audit", query=wrong)).body["code"] == "invalid_query"


async def test_the_file_has_what_the_list_has(api: Client) -> None:
    """With a heading on each page, the cursor in a header, and an entry of its own."""
    for name in ("A", "B", "C"):
        await api("PUT", "tenants/contoso", {"name": name})
    listed = (await api("GET", "audit")).body["entries"]
    page = await api("GET", "audit", headers={"Accept": "text/csv"}, query={"limit": "3"})
    rows = list(csv.DictReader(io.StringIO(page.text)))
    assert [row["action"] for row in rows] == ["audit_exported", "tenant_saved", "tenant_saved"]
    assert [row["id"] for row in rows][1:] == [entry["id"] for entry in listed[:2]]
    assert "X-Next-Cursor" in page.headers


@pytest.mark.parametrize(
    ("query", "headers", "expected"),
    [
        ({}, {}, 0),
        ({"limit": "100"}, {}, 0),
        ({"limit": "101"}, {}, 1),
        ({"cursor": "x"}, {}, 1),
        ({}, {"Accept": "text/csv"}, 1),
    ],
)
async def test_reading_people_as_a_file_or_in_bulk_is_an_export(
    api: Client, query: dict[str, str], headers: dict[str, str], expected: int
) -> None:
    """The first page of a view is not."""
    await api("PUT", "tenants/contoso/locations/desk", {"name": "Desk"})
    await api("GET", "tenants/contoso/locations/desk/recipients", query=query, headers=headers)
    exported = [entry for entry in await entries(api) if entry["action"] == "recipients_exported"]
    assert len(exported) == expected


async def test_reading_the_changes_of_a_run_to_their_end_is_an_export(api: Client) -> None:
    """They name people: a first sync names all of them. The first page is what a view shows."""
    run = "8000000000000-00000000"
    await api("GET", f"tenants/contoso/runs/{run}/changes")
    assert "changes_exported" not in {entry["action"] for entry in await entries(api)}
    await api("GET", f"tenants/contoso/runs/{run}/changes", query={"cursor": "x"})
    exported = [entry for entry in await entries(api) if entry["action"] == "changes_exported"]
    assert [entry["subject"] for entry in exported] == [{"run": run}]


async def test_a_message_on_the_queue_is_recorded_once(api: Client) -> None:
    """However often it is delivered; what the schedule or the API sends is in the history only."""
    for body in ("contoso", "contoso", '{"tenant": "contoso", "by": "schedule", "request": "s"}'):
        await queues._process("sync-requests", Message(body))
    announced = '{"tenant": "contoso", "by": "api", "request": "8000000000000-00000000"}'
    await queues._process("sync-requests", Message(announced))
    found = await entries(api)
    assert outlines(found) == [("queue", "queue", "run_started", 202)]


async def test_entries_are_kept_until_their_retention_ends(api: Client, product: App, ports: Ports) -> None:
    """400 days by default; then the sweep deletes them, and only them."""
    assert isinstance(ports.clock, FakeClock)
    await api("PUT", "tenants/contoso", {"name": "A"})
    ports.clock.advance(timedelta(days=399).total_seconds())
    await api("PUT", "tenants/contoso", {"name": "B"})
    await _sweep(product)
    assert len(await entries(api)) == 2
    ports.clock.advance(timedelta(days=2).total_seconds())
    await _sweep(product)
    assert len(await entries(api)) == 1


async def _sweep(product: App) -> None:
    after: str | None = ""
    while after is not None:
        after = await product.audit.sweep(after)


def test_routes_are_recorded_by_the_framework_alone() -> None:
    """Every route that is registered has what its line says."""
    recorded = {f"{found.method} {found.path}" for found in ROUTES if found.record is not None}
    assert recorded == {rule for rule, record in RECORDS.items() if isinstance(record, Record)}
