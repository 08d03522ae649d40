"""Recipients by file and by hand through HTTP: imported, exported, edited, undone."""

from typing import Any
from urllib.parse import quote

import pytest

from shared.bootstrap import App, Ports
from shared.workflows.operations import recipient_queries
from tests.support.builders import person, recipient_id_for
from tests.support.fakes import FakeClock, FakeDirectory, FakeJobQueue
from tests.support.http.calling import Client, Reply
from tests.support.world import deliver

PATH = "tenants/contoso/locations/desk/recipients"
FILE = "Name;E-Mail;Department\nAnn;ann@example.com;IT\nBob;bob@example.com;HR\n"

pytestmark = pytest.mark.usefixtures("connected")


async def put(api: Client, text: str, query: str = "") -> Reply:
    """Import a file."""
    return await api("POST", f"{PATH}{query}", raw=text.encode(), headers={"Content-Type": "text/csv"})


async def listed(api: Client, query: str = "") -> dict[str, dict[str, Any]]:
    """Return the recipients by name."""
    return {
        recipient["displayName"]: recipient for recipient in (await api("GET", f"{PATH}{query}")).body["recipients"]
    }


async def sync(api: Client, product: App, ports: Ports) -> dict[str, Any]:
    """Run in full mode, and return the run."""
    await api("PUT", "tenants/contoso/preferences", {"mode": "full"})
    queue = ports.queue
    assert isinstance(queue, FakeJobQueue)
    queue.messages.clear()
    asked = (await api("POST", "tenants/contoso/runs", {})).body
    while queue.messages:
        await deliver(product, queue.messages.pop(0))
    run: dict[str, Any] = (await api("GET", f"tenants/contoso/runs/{asked['id']}")).body
    assert run["state"] == "done"
    return run


async def test_a_file_becomes_recipients_and_history(api: Client) -> None:
    """With who did it, and every change; the same file again changes nothing."""
    report = (await put(api, FILE)).body
    assert (report["rows"], report["refused"], report["run"]["counts"]["created"]) == (2, [], 2)
    assert (report["run"]["kind"], report["run"]["requestedBy"]) == ("import", "api")
    assert {name: line["origin"] for name, line in (await listed(api)).items()} == {"Ann": "csv", "Bob": "csv"}
    changes = (await api("GET", f"tenants/contoso/runs/{report['run']['id']}/changes")).body["changes"]
    assert {(change["kind"], change["reason"], change["displayName"]) for change in changes} == {
        ("created", "imported", "Ann"),
        ("created", "imported", "Bob"),
    }
    again = (await put(api, FILE)).body
    assert (again["unchanged"], again["run"]) == (2, None)


async def test_a_wrong_row_keeps_every_row_out(api: Client) -> None:
    """422 with all of them; nothing is written."""
    refused = await put(api, FILE + "Cy;nobody\nAnn again;ANN@example.com\n")
    assert (refused.status, refused.body["code"]) == (422, "rows_refused")
    assert [(problem["line"], problem["code"]) for problem in refused.body["problems"]] == [
        (4, "invalid_mail"),
        (5, "duplicate"),
    ]
    assert await listed(api) == {}
    assert (await put(api, "shoe size\n43\n")).body["code"] == "invalid_csv"
    assert (await put(api, FILE, "?mode=replace")).body["code"] == "invalid_query"
    assert (await api("POST", PATH.replace("desk", "roof"), raw=FILE.encode())).status == 404


async def test_overwriting_is_guarded(api: Client) -> None:
    """Half of a location is held until this very set is approved."""
    many = "name,mail\n" + "".join(f"P{number},p{number}@example.com\n" for number in range(20))
    few = "name,mail\n" + "".join(f"P{number},p{number}@example.com\n" for number in range(5))
    await put(api, many)
    held = (await put(api, few, "?mode=overwrite")).body
    assert (held["held"], held["run"]["counts"]["deactivated"]) == (15, 0)
    assert len(await listed(api, "?status=active")) == 20
    done = (await put(api, few, f"?mode=overwrite&approve={held['heldDigest']}")).body
    assert (done["held"], done["run"]["counts"]["deactivated"]) == (0, 15)
    assert set(await listed(api, "?status=active")) == {f"P{number}" for number in range(5)}
    assert {line["reason"] for line in (await listed(api, "?status=deactivated_by_sync")).values()} == {"not_in_file"}


async def test_a_search_says_how_far_it_looked(api: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """A page without people leads on, until the last one says that nothing was left out."""
    monkeypatch.setattr(recipient_queries, "MAX_SEARCHED", 7)
    await put(api, "name,mail\n" + "".join(f"P{number},p{number}@example.com\n" for number in range(20)))
    everyone = (await api("GET", f"{PATH}?limit=3")).body
    assert (len(everyone["recipients"]), everyone["searched"], everyone["complete"]) == (3, 3, False)
    pages: list[dict[str, Any]] = []
    cursor = ""
    while not (pages and pages[-1]["complete"]):
        pages.append((await api("GET", f"{PATH}?search=p13@&limit=2{cursor}")).body)
        cursor = f"&cursor={pages[-1]['cursor']}"
    assert [page["searched"] for page in pages] == [7, 7, 6]
    assert [page["cursor"] is None for page in pages] == [False, False, True]
    assert [found["displayName"] for page in pages for found in page["recipients"]] == ["P13"]
    none = (await api("GET", f"{PATH}?search=nothing-like-this")).body
    assert (none["recipients"], none["complete"]) == ([], False)


async def test_a_search_takes_only_so_long(api: Client, ports: Ports, monkeypatch: pytest.MonkeyPatch) -> None:
    """Then it returns what it has found."""
    await put(api, FILE)
    clock = ports.clock
    assert isinstance(clock, FakeClock)
    times = iter(range(0, 1_000, 3))
    monkeypatch.setattr(clock, "monotonic_s", lambda: float(next(times)))
    first = (await api("GET", f"{PATH}?search=example")).body
    assert (len(first["recipients"]), first["searched"], first["complete"]) == (1, 1, False)
    rest = (await api("GET", f"{PATH}?search=example&cursor={first['cursor']}")).body
    assert (len(rest["recipients"]), rest["complete"]) == (1, True)


async def test_a_large_export_comes_in_parts(api: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each is a file with the heading; a header leads on, also if no recipient of a part passes the filter."""
    monkeypatch.setattr(recipient_queries, "MAX_EXPORTED", 2)
    await put(api, "name,department\n" + "".join(f"P{number},{number % 4}\n" for number in range(5)))
    seen, cursor = list[str](), ""
    for _ in range(3):
        part = await api("GET", f"{PATH}?cursor={cursor}", headers={"Accept": "text/csv"})
        heading, *rows = part.text.splitlines()
        assert heading.removeprefix("\ufeff").startswith("id,origin")
        seen += rows
        cursor = part.headers.get("X-Next-Cursor", "")
    assert (len(seen), len(set(seen)), cursor) == (5, 5, "")
    filtered = await api("GET", f"{PATH}?search=missing", headers={"Accept": "text/csv"})
    assert (len(filtered.text.splitlines()), "X-Next-Cursor" in filtered.headers) == (1, True)


@pytest.mark.parametrize("accept", ["application/json", "text/csv"])
async def test_a_text_longer_than_any_name_is_not_searched_for(api: Client, accept: str) -> None:
    """400, before anything is read."""
    refused = await api("GET", f"{PATH}?search={'a' * 321}", headers={"Accept": accept})
    assert (refused.status, refused.body["code"]) == (400, "invalid_query")


async def test_an_export_has_the_people_of_all_slices(api: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once each, below one header."""
    monkeypatch.setattr(recipient_queries, "_SLICE", 3)
    await put(api, "name,mail\n" + "".join(f"P{number},p{number}@example.com\n" for number in range(8)))
    for query, people in (("", 8), ("?search=p1@", 1), ("?search=nothing", 0)):
        lines = (await api("GET", f"{PATH}{query}", headers={"Accept": "text/csv"})).text.splitlines()
        assert len(lines) == len(set(lines)) == people + 1
        assert lines[0].startswith("id,origin")


async def test_an_export_is_a_file_that_can_be_imported(api: Client) -> None:
    """As CSV, by its media type; formulas are but text."""
    await put(api, "name,mail,phone\nAnn,ann@example.com,+49 30 1\n=cmd(),x@example.com,\n")
    export = await api("GET", PATH, headers={"Accept": "text/csv"})
    assert (export.status, export.mimetype) == (200, "text/csv")
    assert "'=cmd()" in export.text
    assert "'+49 30 1" in export.text
    assert export.headers["Content-Disposition"] == 'attachment; filename="contoso-desk.csv"'
    again = (await put(api, export.text)).body
    assert (again["rows"], again["unchanged"], again["refused"]) == (2, 2, [])


async def test_one_recipient_is_changed_by_hand(
    api: Client, product: App, ports: Ports, directory: FakeDirectory
) -> None:
    """Fields and state; who is deactivated by hand stays so, whatever a sync finds."""
    await sync(api, product, ports)
    path = f"{PATH}/{recipient_id_for(1)}"
    edited = await api("PATCH", path, {"department": " Post  room ", "mobilePhone": None})
    assert (edited.body["department"], edited.body["status"]) == ("Post room", "active")
    assert (await api("PATCH", path, {"active": False})).body["status"] == "deactivated_manually"
    directory.remove(person(1))
    directory.put(*(person for person in directory.people.values()))
    run = await sync(api, product, ports)
    assert run["counts"]["reactivated"] == 0
    back = (await api("PATCH", path, {"active": True})).body
    assert (back["status"], back.get("reason"), back["department"]) == ("active", None, "Post room")
    runs = (await api("GET", "tenants/contoso/runs")).body["runs"]
    assert [run["kind"] for run in runs].count("edit") == 3
    assert (await api("PATCH", f"{PATH}/nobody", {"active": True})).status == 404
    assert (await api("PATCH", path, {"shoeSize": "43"})).status == 400


@pytest.mark.parametrize("mail", [
    "ben at example.com", "ben@example", "a@example.com; b@example.com", "b" * 65 + "@example.com",
])  # fmt: skip
async def test_a_typed_address_follows_the_rule_of_files(api: Client, mail: str) -> None:
    """400, and nothing is changed; what surrounds a valid one is removed."""
    await put(api, FILE)
    ann = (await listed(api))["Ann"]
    path = f"{PATH}/{ann['id']}"
    for field in ("mail", "managerMail"):
        refused = await api("PATCH", path, {field: mail})
        assert (refused.status, refused.body["code"]) == (400, "invalid_value")
    assert (await listed(api))["Ann"] == ann
    assert (await api("PATCH", path, {"mail": "<mailto:ann@example.org>"})).body["mail"] == "ann@example.org"


@pytest.mark.parametrize("word", ["zoe", "ZOË", "zoe\u0308 mu", "mull"])
async def test_search_ignores_accents_and_invisible_characters(api: Client, word: str) -> None:
    """However the name is composed."""
    await put(api, "Name,E-mail\nZoë\u200b  Müller,z@example.com\nAnn,ann@example.com\n")
    found = (await api("GET", f"{PATH}?search={quote(word)}")).body["recipients"]
    assert [recipient["mail"] for recipient in found] == ["z@example.com"]


async def test_a_typed_phone_number_is_stored_as_those_of_the_directory(api: Client) -> None:
    """In E.164, where the preferences say so; a text stays a text."""
    await put(api, FILE)
    path = f"{PATH}/{(await listed(api))['Ann']['id']}"
    assert (await api("PATCH", path, {"mobilePhone": "0171 1234567"})).body["mobilePhone"] == "0171 1234567"
    await api("PUT", "tenants/contoso/preferences", {"attributes": {"defaultCountry": "DE"}})
    edited = await api("PATCH", path, {"mobilePhone": "0171 1234568", "businessPhone": "030 1234567 Anna"})
    assert (edited.body["mobilePhone"], edited.body["businessPhone"]) == ("+491711234568", "030 1234567 Anna")


async def test_a_run_is_undone(api: Client, product: App, ports: Ports, directory: FakeDirectory) -> None:
    """What it changed is as before, but for what was changed since; the history says who did it."""
    assert isinstance(ports.clock, FakeClock)
    first = await sync(api, product, ports)
    ports.clock.advance(60)
    await api("PATCH", f"{PATH}/{recipient_id_for(2)}", {"department": "Edited"})
    ports.clock.advance(60)
    undone = (await api("POST", f"tenants/contoso/runs/{first['id']}/undo")).body
    assert (undone["kind"], undone["undoes"], undone["counts"]["deactivated"]) == ("undo", first["id"], 2)
    found = await listed(api)
    assert {name: each["status"] for name, each in found.items()} == {
        "User 1": "deactivated_by_sync",
        "User 2": "active",
        "User 3": "deactivated_by_sync",
    }
    again = (await api("POST", f"tenants/contoso/runs/{first['id']}/undo")).body
    assert set(again["counts"].values()) == {0}
    assert (await sync(api, product, ports))["counts"]["reactivated"] == 2


async def test_nobody_writes_into_a_sync(api: Client, product: App, ports: Ports) -> None:
    """409 while one is under way; and once it has ended, the same request is accepted."""
    await api("PUT", "tenants/contoso/preferences", {"mode": "full"})
    queue = ports.queue
    assert isinstance(queue, FakeJobQueue)
    await api("POST", "tenants/contoso/runs", {})
    await deliver(product, queue.messages.pop(0))
    refused = await put(api, FILE)
    assert (refused.status, refused.body["code"]) == (409, "run_active")
    while queue.messages:
        await deliver(product, queue.messages.pop(0))
    assert (await put(api, FILE)).status == 200
