"""A large import on the whole stack: bytes through the host, a job through its queue."""

from hashlib import sha256

import pytest

from infra.local.demo.api import Api
from infra.local.stack.local_stack import LocalStack
from tests.e2e.rows import stored_recipients

pytestmark = pytest.mark.e2e

ROWS = 2_000
FILE = ("name;mail\n" + "".join(f"Jörg {number};p{number}@example.com\n" for number in range(ROWS))).encode("cp1252")


@pytest.mark.timeout(120)
async def test_a_file_is_imported_in_parts(api: Api, stack: LocalStack) -> None:
    """Cut in the middle of a row, sent backwards, twice; and followed to its end."""
    await api.onboard("importing", directory="contoso", preferences={"mode": "groups"}, locations=["desk"])
    created = await api.call("POST", "/tenants/importing/locations/desk/imports")
    path = f"/tenants/importing/locations/desk/imports/{created['id']}"
    for number in (3, 2, 1, 2):
        part = FILE[(number - 1) * 20_000 : number * 20_000 if number < 3 else None]
        async with api.session.put(f"{stack.info['api']}{path}/parts/{number}", data=part) as response:
            assert response.status == 200
    body = {"parts": 3, "sha256": sha256(FILE).hexdigest()}
    started = await api.call("POST", f"{path}/start", body)
    done = await api.finished("importing", started["id"])
    assert (done["state"], done["counts"]["created"]) == ("done", ROWS)
    assert len(stored_recipients(stack.info["connection_string"], "importing")) == ROWS
    found = await api.call("GET", path)
    assert (found["rows"], found["refusedRows"], found["received"]) == (ROWS, 0, {})
