"""Edits of a location at the same time: none is lost, and what cannot be done is answered truthfully."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest

from shared.bootstrap import App, Ports
from shared.domain.ids import LocationId, TenantId
from shared.domain.retry_policy import ROW_UPDATE
from shared.domain.run import RunMode
from shared.domain.sync.jobs import SyncRequest
from shared.errors import ETagConflict
from shared.runtime import optimistic_update
from shared.telemetry import RequestCounters
from shared.triggers.http import imports, recipients, runs
from tests.support.http.calling import Client
from tests.support.interleaving import interleaving
from tests.support.world import SETTINGS

pytestmark = pytest.mark.usefixtures("connected")
CONTOSO, DESK = TenantId("contoso"), LocationId("desk")
PATH = "tenants/contoso/locations/desk/recipients"
PEOPLE = 12


@pytest.fixture
async def rows(
    api: Client, product: App, ports: Ports, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[list[dict[str, Any]]]:
    """The location's recipients, which concurrent requests then edit."""
    file = "Name,E-mail\n" + "".join(f"Person {number},p{number}@example.com\n" for number in range(PEOPLE))
    assert (await api("POST", PATH, raw=file.encode())).status == 200
    concurrent = App(interleaving(ports), SETTINGS)
    for module in (imports, recipients, runs):
        monkeypatch.setattr(module, "app", lambda: concurrent)
    yield (await api("GET", PATH)).body["recipients"]
    assert product.ports is ports


async def test_twelve_people_are_edited_at_once(api: Client, rows: list[dict[str, Any]]) -> None:
    """Every success is stored, in the history and in the number of recipients; every refusal may be sent again."""
    edits = [{"department": f"D{number}", "active": number % 2 == 0} for number in range(PEOPLE)]
    answers = await asyncio.gather(
        *(api("PATCH", f"{PATH}/{row['id']}", edit) for row, edit in zip(rows, edits, strict=True))
    )
    done = 0
    for row, edit, answer in zip(rows, edits, answers, strict=True):
        stored = (await api("GET", f"{PATH}/{row['id']}")).body
        if answer.status == 200:
            done += 1
            assert (stored, stored["department"]) == (answer.body, edit["department"])
        else:
            assert (answer.status, answer.body["code"], stored) == (409, "contended", row)
            assert int(answer.headers["Retry-After"]) > 0
    assert done >= PEOPLE // 2
    edited = [run for run in (await api("GET", "tenants/contoso/runs")).body["runs"] if run["kind"] == "edit"]
    assert len(edited) == done


async def test_two_edits_of_one_person(api: Client, rows: list[dict[str, Any]]) -> None:
    """Of different fields, both are kept; of one version, only the first is."""
    path = f"{PATH}/{rows[0]['id']}"
    answers = await asyncio.gather(
        api("PATCH", path, {"department": "Post"}), api("PATCH", path, {"jobTitle": "Clerk"})
    )
    assert [answer.status for answer in answers] == [200, 200]
    stored = (await api("GET", path)).body
    assert (stored["department"], stored["jobTitle"]) == ("Post", "Clerk")
    bodies = [{"department": "A"}, {"department": "B"}]
    bound = {"If-Match": stored["etag"]}
    changes = await asyncio.gather(*(api("PATCH", path, body, headers=bound) for body in bodies))
    assert sorted(answer.status for answer in changes) == [200, 412]


async def test_an_import_between_edits(api: Client, rows: list[dict[str, Any]]) -> None:
    """None blames a sync, and what is answered with success is stored."""
    file = b"Name,E-mail,Department\nPerson 0,p0@example.com,Imported\nNew,new@example.com,Imported\n"
    imported, *edited = await asyncio.gather(
        api("POST", PATH, raw=file),
        *(api("PATCH", f"{PATH}/{row['id']}", {"jobTitle": "Clerk"}) for row in rows[1:6]),
    )
    assert {imported.status, *(answer.status for answer in edited)} <= {200, 409}
    assert {answer.body["code"] for answer in (imported, *edited) if answer.status == 409} <= {"contended"}
    stored = {row["mail"]: row for row in (await api("GET", PATH)).body["recipients"]}
    assert ("new@example.com" in stored) == (imported.status == 200)
    for row, answer in zip(rows[1:6], edited, strict=True):
        assert (stored[row["mail"]].get("jobTitle") == "Clerk") == (answer.status == 200)


async def test_an_edit_during_a_sync_says_so(api: Client, product: App, rows: list[dict[str, Any]]) -> None:
    """Only then the sentence is about a sync."""
    request = SyncRequest(tenant=CONTOSO, mode=RunMode.FULL, request="r", requested_by="queue")
    await product.plan(request, RequestCounters())
    refused = await api("PATCH", f"{PATH}/{rows[0]['id']}", {"department": "Post"})
    assert (refused.status, refused.body["code"]) == (409, "run_active")
    assert "sync is in progress" in refused.body["detail"]


async def test_an_edit_that_keeps_losing_is_told_to_wait(
    api: Client, ports: Ports, rows: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """409 with a wait and a sentence that is true: no sync is in progress. Sent again, it succeeds."""

    async def conflict(*_: object, **__: object) -> str:
        raise ETagConflict("the fence changed")

    path = f"{PATH}/{rows[0]['id']}"
    with monkeypatch.context() as patched:
        patched.setattr(optimistic_update, "ROW_UPDATE", msgspec.structs.replace(ROW_UPDATE, attempts=2))
        patched.setattr(ports.recipients, "write", conflict)
        refused = await api("PATCH", path, {"department": "Post"})
    assert (refused.status, refused.body["code"], refused.headers["Retry-After"]) == (409, "contended", "5")
    assert "sync" not in refused.body["detail"]
    assert (await api("GET", path)).body == rows[0]
    assert (await api("PATCH", path, {"department": "Post"})).status == 200


async def test_an_edit_during_an_undo_stays(
    api: Client, ports: Ports, product: App, rows: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The undo reads what is newer after each lost race, so it does not revert the edit."""
    path = f"{PATH}/{rows[0]['id']}"
    write, edited = ports.recipients.write, False

    async def late(*arguments: Any) -> str:  # noqa: ANN401 - stands for the store
        nonlocal edited
        if not edited:
            edited = True
            ports.clock.advance(1)  # type: ignore[attr-defined] # runs of one millisecond have no order
            await product.edit_recipient(CONTOSO, DESK, rows[0]["id"], {"department": "Post"}, None, "api")
        return await write(*arguments)

    monkeypatch.setattr(ports.recipients, "write", late)
    (imported,) = (await api("GET", "tenants/contoso/runs")).body["runs"]
    undone = await api("POST", f"tenants/contoso/runs/{imported['id']}/undo")
    assert (undone.status, undone.body["counts"]["deactivated"]) == (200, PEOPLE - 1)
    stored = (await api("GET", path)).body
    assert (stored["status"], stored["department"]) == ("active", "Post")
