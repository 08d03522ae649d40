"""What happens at the same time: people in the portal, imports, messages by hand, searches and hostile requests."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from hashlib import sha256
from time import perf_counter
from typing import Any, Final
from urllib.parse import quote

from azure.core.exceptions import ResourceExistsError
from azure.storage.queue.aio import QueueClient

from shared.domain.ids import TenantId
from shared.domain.run import RunMode
from shared.domain.sync.jobs import SyncRequest
from shared.domain.sync.queue_messages import encode
from tests.load.caller import Caller
from tests.load.hostile import hostile_requests

#: Tenants without a directory, for files.
FILES: Final = [f"files-{number}" for number in range(4)]
#: The tenant with the location that is searched.
LARGE: Final = "files-large"
LOCATION: Final = "desk"
_SEARCHERS: Final = 8


def csv_of(people: int, department: str) -> bytes:
    """Return a file of people."""
    rows = (f"Person {number},p{number}@example.com,{department}\n" for number in range(people))
    return ("Name,E-mail,Department\n" + "".join(rows)).encode()


async def portal(caller: Caller, tenants: Sequence[str], rng: random.Random) -> None:
    """One admin after the other opens the views of a tenant, with half a second between two requests."""
    while True:
        base = f"/tenants/{rng.choice(tenants)}"
        recipients = f"{base}/locations/{LOCATION}/recipients"
        for path in (
            base,
            f"{base}/connection",
            f"{base}/locations",
            f"{base}/preferences",
            f"{recipients}?limit=100&status=active",
            f"{base}/runs",
        ):
            await caller.get(path)
            await asyncio.sleep(rng.uniform(0.2, 0.8))


async def operator(caller: Caller) -> None:
    """Look at the first page of the overview every ten seconds."""
    while True:
        await caller.get("/overview?limit=100")
        await asyncio.sleep(10)


async def messages(connection: str, tenants: Sequence[str], rng: random.Random) -> None:
    """Enqueue a request for a run by hand, twice a second."""
    async with QueueClient.from_connection_string(connection, SyncRequest.queue) as queue:
        with suppress(ResourceExistsError):
            await queue.create_queue()
        for number in range(1_000_000):
            request = SyncRequest(
                tenant=TenantId(rng.choice(tenants)),
                mode=RunMode.INCREMENTAL,
                request=f"by-hand-{number}",
                requested_by="queue",
            )
            await queue.send_message(encode(request))
            await asyncio.sleep(0.5)


async def small_files(caller: Caller, tenant: str) -> None:
    """Import a file of 500 people inside a request, again and again. Every row changes."""
    for number in range(1_000_000):
        path = f"/tenants/{tenant}/locations/{LOCATION}/recipients"
        await caller.call(
            "POST", path, content=csv_of(500, f"Department {number}"), headers={"Content-Type": "text/csv"}
        )
        await asyncio.sleep(2)


async def large_files(caller: Caller, tenant: str, people: int) -> None:
    """Upload a file and follow its import to the end, again and again. Every row changes."""
    for number in range(1_000_000):
        await upload(caller, tenant, csv_of(people, f"Department {number}"))


async def upload(caller: Caller, tenant: str, content: bytes) -> dict[str, Any]:
    """Upload a file as one part, and return its import after it has ended."""
    base = f"/tenants/{tenant}/locations/{LOCATION}/imports"
    path = f"{base}/{(await _insist(lambda: caller.call('POST', base)))['id']}"
    await _insist(lambda: caller.call("PUT", f"{path}/parts/1", content=content, headers={"Content-Type": "text/csv"}))
    start = {"parts": 1, "sha256": sha256(content).hexdigest()}
    await _insist(lambda: caller.call("POST", f"{path}/start", body=start))
    while True:
        stored: dict[str, Any] = await _insist(lambda: caller.call("GET", path))
        if stored["state"] in {"done", "failed", "held"}:
            return stored
        await asyncio.sleep(0.5)


async def searches(caller: Caller) -> float:
    """Search the large location eight times concurrently, each to its end. Return how long that took, in seconds."""
    began_s = perf_counter()
    await asyncio.gather(*(search(caller, f"p{number}9999@") for number in range(_SEARCHERS)))
    return perf_counter() - began_s


async def search(caller: Caller, text: str) -> int:
    """Search to the end as a client does, and return the number of recipients that were found."""
    path = f"/tenants/{LARGE}/locations/{LOCATION}/recipients?search={quote(text)}"
    cursor, found = "", 0
    while True:
        address = path + cursor
        page = await _insist(lambda at=address: caller.call("GET", at, kind="search", what="search"))  # type: ignore[misc]
        found += len(page["recipients"])
        if page["cursor"] is None:
            return found
        cursor = f"&cursor={page['cursor']}"


async def hostile(caller: Caller) -> None:
    """Send every hostile request, one after the other, again and again."""
    while True:
        for request in hostile_requests(FILES[0], LOCATION):
            await caller.call(
                request.method,
                request.path,
                content=request.content,
                headers=request.headers,
                kind="hostile",
                wanted=request.wanted,
                what=f"hostile: {request.name}",
            )
            await asyncio.sleep(1)


async def _insist(call: Callable[[], Awaitable[Any]]) -> Any:  # noqa: ANN401 - as the call returns
    """Return the answer, after as many attempts as the limits ask for."""
    while True:
        if (answer := await call()) is not None:
            return answer
