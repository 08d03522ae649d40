"""The routes for the erasure of one person."""

from typing import Any

import pytest

from shared.bootstrap import App, Ports
from tests.support.builders import person
from tests.support.fakes import FakeClock
from tests.support.fakes.on_tables import ports_on
from tests.support.fakes.table_service import MemoryTables
from tests.support.http.calling import MODULES, Client, Route
from tests.support.world import SETTINGS

PATH = "tenants/contoso/erasures"
PLACES = ("logs", "queues", "rate_limits", "operator", "key_vault", "backups")
FILE = b"name,mail\nAda Canary,ada@example.com\nOther,other@example.com\n"


@pytest.fixture
def ports() -> Ports:
    """The real stores on tables in memory."""
    return ports_on(MemoryTables())


@pytest.fixture
async def api(routes: list[Route], ports: Ports, monkeypatch: pytest.MonkeyPatch) -> Client:
    """The API with a tenant that has two people."""
    product = App(ports, SETTINGS)
    for module in MODULES:
        monkeypatch.setattr(module, "app", lambda: product)
    client = Client(routes)
    await client("PUT", "tenants/contoso", {"name": "Contoso"})
    await client("PUT", "tenants/contoso/locations/desk", {"name": "Desk"})
    assert (await client("POST", "tenants/contoso/locations/desk/recipients", raw=FILE)).status == 200
    return client


async def listed(api: Client) -> list[str]:
    """Return the names of the recipients."""
    page = (await api("GET", "tenants/contoso/locations/desk/recipients")).body
    return [recipient["displayName"] for recipient in page["recipients"]]


async def test_a_person_is_erased_and_the_report_says_what_is_elsewhere(api: Client, ports: Ports) -> None:
    """202 with the state; a quarter of an hour later it is done, and the watchdog has seen to that."""
    assert isinstance(ports.clock, FakeClock)
    ports.clock.advance(1)
    first = await api("POST", PATH, {"mail": "Ada@Example.com"})
    assert (first.status, first.body["state"], first.body["returns"]) == (202, "settling", False)
    assert await listed(api) == ["Other"]
    assert {place["place"] for place in first.body["elsewhere"]} == set(PLACES)
    again = await api("POST", PATH, {"mail": "ada@example.com"})
    assert again.body["id"] == first.body["id"]
    ports.clock.advance(1_000)
    await App(ports, SETTINGS).erase_person.complete()
    done = await api("GET", first.headers["Location"].removeprefix("/api/"))
    assert (done.body["state"], done.body["erased"]["Recipients"]) == ("done", 2)
    runs = (await api("GET", "tenants/contoso/runs")).body["runs"]
    assert [(run["kind"], run["counts"]["deactivated"]) for run in runs] == [("edit", 1), ("import", 0)]
    changes = (await api("GET", f"tenants/contoso/runs/{runs[0]['id']}/changes")).body["changes"]
    assert [(change["kind"], change["recipient"], change["displayName"]) for change in changes] == [
        ("deactivated", None, None)
    ]


async def test_the_erasure_is_in_the_audit_log_without_the_person(api: Client) -> None:
    """By its id, and the name of the field that identified the person."""
    erased = (await api("POST", PATH, {"mail": "ada@example.com"})).body
    entries = (await api("GET", "tenants/contoso/audit")).body["entries"]
    (entry,) = [entry for entry in entries if entry["action"] == "person_erased"]
    assert (entry["subject"], entry["fields"], entry["status"]) == ({"erasure": erased["id"]}, ["mail"], 202)
    assert "ada" not in str(entries).lower()


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({}, "invalid_body"),
        ({"mail": "a@example.com", "objectId": person(1)}, "invalid_body"),
        ({"mail": "nowhere"}, "invalid_value"),
        ({"mail": f"{'a' * 400}@example.com"}, "invalid_value"),
        ({"recipient": "a b"}, "invalid_recipient_id"),
        ({"objectId": "\u0007"}, "invalid_object_id"),
        ({"name": "Ada"}, "invalid_body"),
    ],
)
async def test_a_person_must_be_named_by_one_id_or_address(api: Client, body: dict[str, Any], code: str) -> None:
    """Anything else is refused, and nothing is erased."""
    answer = await api("POST", PATH, body)
    assert (answer.status, answer.body["code"]) == (400, code)
    assert len(await listed(api)) == 2


async def test_what_does_not_exist_is_not_found(api: Client) -> None:
    """Neither the tenant nor the erasure."""
    assert (await api("POST", "tenants/fabrikam/erasures", {"mail": "a@example.com"})).body[
        "code"
    ] == "tenant_not_found"
    missing = await api("GET", f"{PATH}/8000000000000-00000000")
    assert (missing.status, missing.body["code"]) == (404, "erasure_not_found")
