"""Columns of files: what the sender says of them is remembered for the location."""

import json
from typing import Any
from urllib.parse import quote

import pytest

from shared.bootstrap import App, Ports
from tests.integration.http.test_imports import imported
from tests.support.http.calling import Client

LOCATION = "tenants/contoso/locations/desk"
RECIPIENTS, COLUMNS = f"{LOCATION}/recipients", f"{LOCATION}/columns"
CHOSEN = {"Wer": "displayName", "Wohin": "mail", "Schuhe": None}
FILE = "Wer;Wohin;Schuhe\nAnn;ann@example.com;42\n"
BAD_ROW = "Wer;Wohin;Farbe\nAnn;nowhere;red\n"

pytestmark = pytest.mark.usefixtures("connected")


def given(columns: dict[str, str | None], more: str = "") -> str:
    """Return the query that gives columns."""
    return f"?columns={quote(json.dumps(columns))}{more}"


async def remembered(api: Client) -> dict[str, Any]:
    """Return the columns that the location remembers."""
    return dict((await api("GET", COLUMNS)).body["columns"])


async def test_columns_are_remembered(api: Client) -> None:
    """From the import on, and for files without columns of their own; the dry run shows what each means."""
    refused = await api("POST", RECIPIENTS, raw=FILE.encode())
    assert (refused.status, refused.body["usedColumns"]) == (400, [])
    assert [column["name"] for column in refused.body["unusedColumns"]] == ["Wer", "Wohin", "Schuhe"]
    preview = await api("POST", f"{RECIPIENTS}{given(CHOSEN, '&dryRun=true')}", raw=FILE.encode())
    used = [{"name": "Wer", "field": "displayName"}, {"name": "Wohin", "field": "mail"}]
    assert (preview.body["usedColumns"], preview.body["unusedColumns"]) == (used, [])
    assert await remembered(api) == {}
    assert (await api("POST", f"{RECIPIENTS}{given(CHOSEN)}", raw=FILE.encode())).body["counts"]["created"] == 1
    assert await remembered(api) == (await api("GET", LOCATION)).body["columns"] == CHOSEN
    assert (await api("POST", RECIPIENTS, raw=FILE.encode())).body["unchanged"] == 1
    usual = await api("POST", RECIPIENTS, raw=b"Name,E-mail\nBen,ben@example.com\n")
    assert (usual.body["counts"]["created"], await remembered(api)) == (1, CHOSEN)


async def test_a_refused_file_changes_no_columns(api: Client) -> None:
    """Its answer names the columns, so that they can be corrected."""
    refused = await api("POST", f"{RECIPIENTS}{given(CHOSEN)}", raw=BAD_ROW.encode())
    assert (refused.status, refused.body["problems"][0]["code"]) == (422, "invalid_mail")
    assert [column["name"] for column in refused.body["usedColumns"]] == ["Wer", "Wohin"]
    assert [column["name"] for column in refused.body["unusedColumns"]] == ["Farbe"]
    assert await remembered(api) == {}


async def test_columns_are_changed_and_forgotten(api: Client) -> None:
    """By the version that was read; with an import, or without one. Renaming the location keeps them."""
    first = await api("PUT", COLUMNS, {"columns": {"Wer": "displayName"}})
    tag = first.headers["ETag"]
    changed = await api("PUT", COLUMNS, {"columns": CHOSEN}, headers={"If-Match": tag})
    assert (changed.status, changed.body) == (200, {"columns": CHOSEN})
    assert (await api("PUT", COLUMNS, {"columns": {}}, headers={"If-Match": tag})).status == 412
    renamed = await api("PUT", LOCATION, {"name": "Front desk"})
    assert renamed.body["columns"] == await remembered(api) == CHOSEN
    assert (await api("POST", f"{RECIPIENTS}{given({})}", raw=FILE.encode())).status == 400
    assert (await api("POST", f"{RECIPIENTS}{given({})}", raw=b"Name\nAnn\n")).status == 200
    assert await remembered(api) == {}
    await api("PUT", COLUMNS, {"columns": CHOSEN})
    assert (await api("PUT", COLUMNS, {"columns": {}})).body == {"columns": {}}
    assert await remembered(api) == {}


@pytest.mark.parametrize(
    "columns",
    [{"Wer": "name"}, {"Wer": "display_name"}, {f"{number}": None for number in range(201)}, {"x" * 12_001: None}],
    ids=["unknown", "inner name", "too many", "too long"],
)
async def test_impossible_columns(api: Client, columns: dict[str, str | None]) -> None:
    """They are refused where they are given: before a file is uploaded, too."""
    answer = await api("PUT", COLUMNS, {"columns": columns})
    assert (answer.status, answer.body["code"]) == (400, "invalid_body")
    for path in (RECIPIENTS, f"{LOCATION}/imports"):
        answer = await api("POST", f"{path}{given(columns)}", raw=FILE.encode())
        assert (answer.status, answer.body["code"]) == (400, "invalid_query")
    assert (await api("PUT", f"{LOCATION}x/columns", {"columns": {}})).status == 404


async def test_an_uploaded_file_remembers_its_columns(api: Client, product: App, ports: Ports) -> None:
    """Those of its creation; if it fails, nothing is remembered, and its report names the columns."""
    _, failed = await imported(api, product, ports, BAD_ROW, given(CHOSEN))
    assert (failed.body["state"], await remembered(api)) == ("failed", {})
    assert [column["name"] for column in failed.body["unusedColumns"]] == ["Farbe"]
    _, done = await imported(api, product, ports, FILE, given(CHOSEN))
    assert (done.body["state"], await remembered(api)) == ("done", CHOSEN)
    _, again = await imported(api, product, ports, FILE)
    assert (again.body["state"], again.body["unchanged"]) == ("done", 1)


async def test_a_repeated_key_with_other_columns_is_another_request(api: Client) -> None:
    """The columns belong to the request."""
    headers = {"Idempotency-Key": "k", "Content-Type": "text/csv"}
    first = await api("POST", f"{RECIPIENTS}{given(CHOSEN)}", raw=FILE.encode(), headers=headers)
    other = {**CHOSEN, "Schuhe": "department"}
    second = await api("POST", f"{RECIPIENTS}{given(other)}", raw=FILE.encode(), headers=headers)
    assert (first.status, second.status, second.body["code"]) == (200, 422, "idempotency_key_reused")
