"""Files that would create people who look like existing ones wait for a confirmation."""

from typing import Any

import pytest

from shared.bootstrap import App, Ports
from tests.integration.http.test_imports import imported, send, work_off
from tests.support.http.calling import Client

LOCATION = "tenants/contoso/locations/desk"
RECIPIENTS = f"{LOCATION}/recipients"

pytestmark = pytest.mark.usefixtures("connected")


def people(count: int, domain: str = "old.example", first: int = 0) -> str:
    """Return a file with people, whose addresses are of a domain."""
    return "Name,E-mail\n" + "".join(f"P{n} Lee,p{n}@{domain}\n" for n in range(first, first + count))


async def post(api: Client, text: str, query: str = "") -> dict[str, Any]:
    """Import a file, and return its report."""
    answer = await api("POST", f"{RECIPIENTS}{query}", raw=text.encode())
    assert answer.status == 200, answer.body
    return dict(answer.body)


async def stored(api: Client) -> int:
    """Return the number of recipients that the files have led to."""
    return len((await api("GET", f"{RECIPIENTS}?limit=1000&origin=csv")).body["recipients"])


async def test_a_hundred_people_with_other_addresses(api: Client) -> None:
    """The dry run shows them, the import waits, and its digest confirms exactly this file."""
    await post(api, people(100))
    preview = await post(api, people(100, "new.example"), "?dryRun=true")
    assert (preview["lookAlikes"], preview["counts"]["created"], preview["run"]) == (100, 100, None)
    first = preview["lookAlikeRows"][0]
    assert (len(preview["lookAlikeRows"]), first["line"], first["code"]) == (20, 2, "looks_like_existing")
    assert first["detail"] == "P0 Lee is a recipient already, with p0@old.example."
    waiting = await post(api, people(100, "new.example"))
    assert (waiting["lookAlikes"], waiting["counts"]["created"], waiting["run"]) == (100, 0, None)
    assert (waiting["heldDigest"], waiting["unchanged"], await stored(api)) == (preview["heldDigest"], 0, 100)
    other = await post(api, people(99, "new.example"), f"?approve={waiting['heldDigest']}")
    assert (other["lookAlikes"], await stored(api)) == (99, 100)
    done = await post(api, people(100, "new.example"), f"?approve={waiting['heldDigest']}")
    assert (done["lookAlikes"], done["heldDigest"], done["counts"]["created"]) == (0, None, 100)
    again = await post(api, people(100, "new.example"))
    assert (again["unchanged"], again["run"], await stored(api)) == (100, None, 200)


@pytest.mark.parametrize(
    ("known", "other", "new", "waits"), [(4, 4, 0, False), (5, 5, 0, True), (5, 5, 5, True), (5, 5, 6, False)]
)
async def test_how_many_are_suspicious(api: Client, known: int, other: int, new: int, *, waits: bool) -> None:
    """Five, if they are half of the new people."""
    await post(api, people(known))
    rows = people(other, "new.example") + people(new, first=1_000).partition("\n")[2]
    assert (await post(api, rows))["lookAlikes"] == (other if waits else 0)


async def test_people_with_the_same_name(api: Client) -> None:
    """Someone whose namesake is in the file too is another person; order and accents do not matter."""
    await post(api, people(10))
    both = people(10) + people(10, "new.example").partition("\n")[2]
    assert (await post(api, both, "?dryRun=true"))["lookAlikes"] == 0
    turned = "Name,E-mail\n" + "".join(f'"LÉÉ, P{n}",p{n}@new.example\n' for n in range(10))
    assert (await post(api, turned.replace("É", "é"), "?dryRun=true"))["lookAlikes"] == 10


async def test_an_overwriting_file_is_confirmed_once(api: Client) -> None:
    """One digest confirms the new people and the deactivations, which would otherwise be half done."""
    await post(api, people(60))
    waiting = await post(api, people(60, "new.example"), "?mode=overwrite")
    assert (waiting["lookAlikes"], waiting["held"], waiting["run"]) == (60, 60, None)
    query = f"?mode=overwrite&approve={waiting['heldDigest']}"
    done = await post(api, people(60, "new.example"), query)
    assert (done["lookAlikes"], done["held"]) == (0, 0)
    assert (done["counts"]["created"], done["counts"]["deactivated"]) == (60, 60)


async def test_deactivated_people_do_not_count(api: Client) -> None:
    """Someone who left is not created a second time."""
    await post(api, people(10))
    rows = (await api("GET", f"{RECIPIENTS}?origin=csv")).body["recipients"]
    for row in rows:
        await api("PATCH", f"{RECIPIENTS}/{row['id']}", {"active": False})
    assert (await post(api, people(10, "new.example")))["lookAlikes"] == 0


async def test_an_uploaded_file_waits(api: Client, product: App, ports: Ports) -> None:
    """It is held with its file, and started again with the digest."""
    await post(api, people(100))
    path, held = await imported(api, product, ports, people(100, "new.example"))
    assert (held.body["state"], held.body["lookAlikes"], await stored(api)) == ("held", 100, 100)
    assert (await api("POST", f"{path}/start", {"approve": "x"})).body["code"] == "digest_mismatch"
    assert (await api("POST", f"{path}/start", {"approve": held.body["heldDigest"]})).status == 202
    await work_off(product, ports)
    done = (await api("GET", path)).body
    assert (done["state"], done["lookAlikes"], await stored(api)) == ("done", 0, 200)


async def test_an_approved_upload_needs_no_second_start(api: Client, product: App, ports: Ports) -> None:
    """The portal sends the file again, together with the digest."""
    await post(api, people(100))
    digest = (await post(api, people(100, "new.example"), "?dryRun=true"))["heldDigest"]
    path, body = await send(api, people(100, "new.example"))
    await api("POST", f"{path}/start", {**body, "approve": digest})
    await work_off(product, ports)
    assert ((await api("GET", path)).body["state"], await stored(api)) == ("done", 200)
