"""Large files through HTTP: sent in parts, started, followed, approved."""

from hashlib import sha256
from typing import Any

import pytest

from shared.bootstrap import App, Ports
from shared.domain.imports.import_record import MAX_PART_BYTES
from tests.support.fakes import FakeClock, FakeJobQueue
from tests.support.http.calling import Client, Reply
from tests.support.world import deliver

LOCATION = "tenants/contoso/locations/desk"
FILE = "Name;E-Mail;Department\n" + "".join(f"P{number};p{number}@example.com;IT\n" for number in range(300))

pytestmark = pytest.mark.usefixtures("connected")


async def send(api: Client, text: str, query: str = "", cut: int = 5_000) -> tuple[str, dict[str, Any]]:
    """Send a file in parts; return the address of its import, and what starts it."""
    created = await api("POST", f"{LOCATION}/imports{query}")
    path = f"{LOCATION}/imports/{created.body['id']}"
    assert (created.status, created.headers["Location"]) == (201, f"/api/{path}")
    content = text.encode()
    parts = [content[start : start + cut] for start in range(0, len(content), cut)]
    for number, part in enumerate(parts, start=1):
        assert (await api("PUT", f"{path}/parts/{number}", raw=part)).body == {"number": number, "bytes": len(part)}
    return path, {"parts": len(parts), "sha256": sha256(content).hexdigest()}


async def work_off(product: App, ports: Ports) -> None:
    """Work off every message, and let a minute pass."""
    assert isinstance(ports.queue, FakeJobQueue)
    assert isinstance(ports.clock, FakeClock)
    while ports.queue.messages:
        await deliver(product, ports.queue.messages.pop(0))
    ports.clock.advance(60)


async def imported(api: Client, product: App, ports: Ports, text: str, query: str = "") -> tuple[str, Reply]:
    """Import a file, and return the address of its import and what is said of it."""
    path, body = await send(api, text, query)
    assert (await api("POST", f"{path}/start", body)).status == 202
    await work_off(product, ports)
    return path, await api("GET", path)


async def test_a_large_file_becomes_recipients_and_history(api: Client, product: App, ports: Ports) -> None:
    """202 and the run, which is followed to its end; the import says what became of the rows."""
    path, body = await send(api, FILE)
    uploading = (await api("GET", path)).body
    assert (uploading["state"], uploading["received"]) == ("uploading", {"1": 5_000, "2": len(FILE) - 5_000})
    started = await api("POST", f"{path}/start", body)
    assert (started.status, started.body["kind"], started.body["state"]) == (202, "import", "planning")
    assert started.headers["Location"] == f"/api/tenants/contoso/runs/{started.body['id']}"
    await work_off(product, ports)
    run = (await api("GET", f"tenants/contoso/runs/{started.body['id']}")).body
    assert (run["state"], run["counts"]["created"], run["locations"]["desk"]["active"]) == ("done", 300, 300)
    done = (await api("GET", path)).body
    assert (done["state"], done["rows"], done["refusedRows"], done["run"]) == ("done", 300, 0, run["id"])
    assert done["received"] == {}
    changes = (await api("GET", f"tenants/contoso/runs/{run['id']}/changes")).body["changes"]
    assert {change["kind"] for change in changes} == {"created"}
    assert len(changes) == 300


async def test_wrong_rows_are_reported(api: Client, product: App, ports: Ports) -> None:
    """By line, with their codes; nothing is written."""
    _, report = await imported(api, product, ports, FILE + "Cy;nobody\nP1 again;P1@example.com\n")
    assert (report.body["state"], report.body["problem"]["code"]) == ("failed", "rows_refused")
    assert [(problem["line"], problem["code"]) for problem in report.body["problems"]] == [
        (302, "invalid_mail"),
        (303, "duplicate"),
    ]
    assert (await api("GET", f"{LOCATION}/recipients")).body["recipients"] == []


async def test_overwriting_is_guarded(api: Client, product: App, ports: Ports) -> None:
    """Held until this very set is approved."""
    await imported(api, product, ports, FILE)
    path, held = await imported(api, product, ports, FILE[: FILE.index("P100;")], "?mode=overwrite")
    assert (held.body["state"], held.body["held"]) == ("held", 200)
    wrong = await api("POST", f"{path}/start", {"approve": "another"})
    assert (wrong.status, wrong.body["code"]) == (422, "digest_mismatch")
    assert (await api("POST", f"{path}/start", {"approve": held.body["heldDigest"]})).status == 202
    await work_off(product, ports)
    assert (await api("GET", path)).body["state"] == "done"
    active = (await api("GET", f"{LOCATION}/recipients?status=active&limit=1000")).body["recipients"]
    assert len(active) == 100


async def test_a_long_content_type_is_not_parsed(api: Client) -> None:
    """The time to do so grows with the square of its length."""
    header = {"Content-Type": 'text/csv; x="' + ";" * 100_000}
    refused = await api("POST", "tenants/contoso/locations/desk/recipients", raw=b"name\nAnn\n", headers=header)
    assert (refused.status, refused.body["code"]) == (400, "invalid_header")


async def test_a_declared_charset_is_that_of_the_file(api: Client, product: App, ports: Ports) -> None:
    """It comes with the parts; the report says how the file was read."""
    content = "Name\nŞükrü\n".encode("cp1254")
    path = f"{LOCATION}/imports/{(await api('POST', f'{LOCATION}/imports')).body['id']}"
    declared = {"Content-Type": "text/csv; charset=windows-1254"}
    await api("PUT", f"{path}/parts/1", raw=content, headers=declared)
    await api("POST", f"{path}/start", {"parts": 1, "sha256": sha256(content).hexdigest()})
    await work_off(product, ports)
    done = (await api("GET", path)).body
    assert (done["state"], done["encoding"], done["guessedNames"]) == ("done", "cp1254", [])
    (stored,) = (await api("GET", f"{LOCATION}/recipients")).body["recipients"]
    assert stored["displayName"] == "Şükrü"


@pytest.mark.parametrize(
    ("content_type", "status"),
    [
        ("text/csv; charset*=;charset*1=x", 200),
        ("(;charset*=>;charset*0*=utf-8''x\x00charset?<", 200),
        ("text/csv; charset*=utf-8''a%00b", 200),
        ("text/csv; x=y; CharSet = windows-1254", 200),
        ('text/csv; charset="utf-8"; charset=x', 200),
        ("text/csv; charset=a\x00b", 400),
        ('text/csv; charset="unicode_escape"', 400),
    ],
)
async def test_any_content_type_is_read_or_refused(api: Client, content_type: str, status: int) -> None:
    """Parameters in the form of e-mail (RFC 2231) are none of HTTP."""
    headers = {"Content-Type": content_type}
    answer = await api("POST", f"{LOCATION}/recipients", raw=b"Name\nAnn\n", headers=headers)
    assert answer.status == status


async def test_what_cannot_be_is_refused(api: Client) -> None:
    """With a code of its own for each."""
    path, body = await send(api, FILE)
    for number in ("0", "101", "x", "1e1"):
        assert (await api("PUT", f"{path}/parts/{number}", raw=b"x")).body["code"] == "invalid_part"
    huge = await api("PUT", f"{path}/parts/3", raw=b"x" * (MAX_PART_BYTES + 1))
    assert huge.body["code"] == "body_too_large"
    missing = await api("POST", f"{path}/start", {**body, "parts": 3})
    assert (missing.status, missing.body["code"]) == (422, "parts_missing")
    assert (await api("POST", f"{path}/start", {**body, "parts": 0})).status == 400
    assert (await api("POST", f"{path}/start", {**body, "sha256": "x"})).status == 400
    assert (await api("POST", f"{LOCATION}/imports?mode=replace")).body["code"] == "invalid_query"
    assert (await api("POST", f"{LOCATION.replace('desk', 'roof')}/imports")).status == 404
    nowhere = f"{LOCATION}/imports/8000000000000-00000000"
    assert (await api("GET", nowhere)).body["code"] == "import_not_found"
    assert (await api("GET", f"{LOCATION}/imports/x")).body["code"] == "invalid_import_id"
    assert (await api("POST", f"{path}/start", body)).status == 202
    late = await api("PUT", f"{path}/parts/1", raw=b"x")
    assert (late.status, late.body["code"]) == (409, "import_started")
