"""What one request imports, and what it leaves to an upload."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from time import thread_time
from unittest import mock

import pytest

from shared.domain.imports.import_record import MAX_ROWS_IN_REQUEST
from shared.triggers.http import imports
from shared.workflows.imports import upload
from tests.support.http.calling import Client

LOCATION = "tenants/contoso/locations/desk"
#: Longest time for which a callback may use the event loop's thread, in seconds of its CPU.
MAX_CALLBACK_S = 0.05

pytestmark = pytest.mark.usefixtures("connected")


def people(rows: int, mail: str = "p{}@example.com") -> bytes:
    """Return a file of people."""
    return b"Name,E-mail,Department\n" + "".join(f"P{row},{mail.format(row)},IT\n" for row in range(rows)).encode()


@contextmanager
def measured() -> Iterator[list[float]]:
    """Measure the CPU time of every callback of the event loop, in seconds."""
    times: list[float] = []
    run = asyncio.Handle._run

    def timed(handle: asyncio.Handle) -> None:
        began = thread_time()
        run(handle)
        times.append(thread_time() - began)

    with mock.patch.object(asyncio.Handle, "_run", timed):
        yield times


@pytest.mark.parametrize("query", ["", "?dryRun=true", "?mode=overwrite"])
async def test_more_rows_than_a_request_takes_are_refused_before_anything_is_written(api: Client, query: str) -> None:
    """413, which names the way that takes them; one row less is imported."""
    largest = people(MAX_ROWS_IN_REQUEST)
    refused = await api("POST", f"{LOCATION}/recipients{query}", raw=largest + b"One more,one@example.com,IT\n")
    assert (refused.status, refused.body["code"]) == (413, "too_many_rows")
    assert ".../imports" in refused.body["detail"]
    assert "5,000" in refused.body["detail"]
    assert (await api("GET", f"{LOCATION}/recipients?limit=1")).body["recipients"] == []
    assert (await api("GET", "tenants/contoso/runs")).body["runs"] == []
    imported = await api("POST", f"{LOCATION}/recipients{query}", raw=largest)
    assert (imported.status, imported.body["counts"]["created"]) == (200, MAX_ROWS_IN_REQUEST)


async def test_a_body_that_is_too_large_is_refused_the_same_way(api: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """413, whatever its rows are."""
    monkeypatch.setattr(imports, "_MAX_FILE", 10)
    refused = await api("POST", f"{LOCATION}/recipients", raw=people(1))
    assert (refused.status, refused.body["code"]) == (413, "file_too_large")
    assert ".../imports" in refused.body["detail"]
    missing = await api("POST", f"{LOCATION}/recipients", raw=b"")
    assert (missing.status, missing.body["code"]) == (400, "body_required")


async def test_parts_are_refused_once_they_are_too_large_together(api: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not only at the start of the import. A part that is sent again counts once."""
    monkeypatch.setattr(upload, "MAX_FILE_BYTES", 10)
    path = f"{LOCATION}/imports/{(await api('POST', f'{LOCATION}/imports')).body['id']}/parts"
    assert (await api("PUT", f"{path}/1", raw=b"123456")).status == 200
    refused = await api("PUT", f"{path}/2", raw=b"12345")
    assert (refused.status, refused.body["code"]) == (422, "file_too_large")
    assert (await api("PUT", f"{path}/1", raw=b"12345")).status == 200
    assert (await api("PUT", f"{path}/2", raw=b"12345")).status == 200


async def test_an_import_leaves_the_event_loop_free(api: Client) -> None:
    """Whether its rows are new, unchanged or wrong, no callback computes for long."""
    largest, wrong = people(MAX_ROWS_IN_REQUEST), people(MAX_ROWS_IN_REQUEST, "no address {}")
    await api("POST", f"{LOCATION}/recipients?dryRun=true", raw=people(1))  # loads what is loaded once
    for content, status in ((largest, 200), (largest, 200), (wrong, 422)):
        with measured() as times:
            assert (await api("POST", f"{LOCATION}/recipients", raw=content)).status == status
        assert times
        assert max(times) < MAX_CALLBACK_S
