"""Request coalescer: concurrent reads become few requests, and each caller gets what a single request would give."""

import asyncio
import json
from typing import Any, cast

import pytest

from shared.adapters.entra.client import GraphClient
from shared.adapters.entra.request_coalescer import RequestCoalescer
from shared.errors import NotFound, SyncError, Transient
from shared.telemetry import count_directory_request, count_requests
from tests.unit.adapters.entra.virtual_time import run

GRAPH = "https://graph.microsoft.com"
#: Stands for a part whose body is a text in base64, as of a gateway's page in HTML.
HTML = 200_000
#: Stands for a part without a response.
ABSENT = 0


def url(number: int) -> str:
    """Return the URL of the members of one of many groups."""
    return f"{GRAPH}/v1.0/groups/{number}/members?$select=id"


class Throttle:
    """Records the statuses of parts."""

    def __init__(self) -> None:
        self.statuses: list[int] = []

    def now_s(self) -> float:
        """It is always the same time."""
        return 0.0

    def record_response(self, status: int, _: dict[str, str], *, sent_s: float) -> None:
        """A part was answered."""
        assert sent_s == 0.0
        self.statuses.append(status)


class Client:
    """A GraphClient that records batches and single requests. Parts are answered in reverse order, after 0.5 s."""

    graph = GRAPH

    def __init__(self, *, statuses: dict[int, int] | None = None, outage: SyncError | None = None) -> None:
        self.throttle = Throttle()
        self.statuses = statuses or {}
        self.outage = outage
        self.batches: list[list[dict[str, Any]]] = []
        self.single: list[str] = []

    async def post(self, address: str, body: bytes) -> bytes:
        """Answer a batch, with answers to parts that it does not have."""
        count_directory_request()
        assert address == f"{GRAPH}/v1.0/$batch"
        requests = json.loads(body)["requests"]
        self.batches.append(requests)
        await asyncio.sleep(0.5)
        if self.outage is not None:
            raise self.outage
        answers = []
        for request in reversed(requests):
            number = int(request["url"].split("/")[2])
            if status := self.statuses.get(number, 200):
                content: Any = {"number": number} if status != HTML else "PGh0bWw+"
                answers.append({"id": request["id"], "status": 200 if status == HTML else status, "body": content})
        strangers = [{"id": name, "status": 200, "body": {}} for name in ("none", "9" * 5_000, "-1", "99")]
        return json.dumps({"responses": [*answers, *strangers]}).encode()

    async def get(self, address: str, *, eventual: bool) -> bytes:
        """Answer a single request. Raises NotFound for a group that a batch called 404."""
        assert eventual
        self.single.append(address)
        if any(status == 404 and address == url(number) for number, status in self.statuses.items()):
            raise NotFound("no such group", code="group_not_found")
        return b"single"


def coalescer_of(client: Client) -> RequestCoalescer:
    """Return the coalescer of a client."""
    return RequestCoalescer(cast("GraphClient", client))


def read(client: Client, *numbers: int) -> list[Any]:
    """Return the results or errors of concurrent reads."""

    async def work() -> list[Any]:
        coalescer = coalescer_of(client)
        return await asyncio.gather(*(coalescer.get(url(number)) for number in numbers), return_exceptions=True)

    return run(work())


def test_concurrent_reads_are_one_request() -> None:
    """Each gets its own response, whatever their order. Every part is an advanced query of low priority."""
    client = Client()
    assert [json.loads(body) for body in read(client, 3, 1, 2, 1)] == [{"number": number} for number in (3, 1, 2, 1)]
    (requests,) = client.batches
    assert [request["url"] for request in requests] == [
        f"/groups/{number}/members?$select=id" for number in (3, 1, 2, 1)
    ]
    headers = {"ConsistencyLevel": "eventual", "x-ms-throttle-priority": "low"}
    assert all(request["method"] == "GET" and request["headers"] == headers for request in requests)
    assert client.single == []
    assert client.throttle.statuses == [200] * 8


def test_a_batch_has_at_most_twenty_parts() -> None:
    """A request that is left over is sent as a single one."""
    client = Client()
    assert len(read(client, *range(41))) == 41
    assert [len(batch) for batch in client.batches] == [20, 20]
    assert client.single == [url(40)]


def test_a_read_later_than_the_window_goes_with_others() -> None:
    """A batch contains what is requested within 25 ms."""
    client = Client()

    async def work() -> None:
        coalescer = coalescer_of(client)

        async def later(number: int, after_s: float) -> bytes | None:
            await asyncio.sleep(after_s)
            return await coalescer.get(url(number))

        await asyncio.gather(later(1, 0), later(2, 0.02), later(3, 0.03), later(4, 0.04))

    run(work())
    assert [[request["url"].split("/")[2] for request in batch] for batch in client.batches] == [["1", "2"], ["3", "4"]]


@pytest.mark.parametrize("status", [ABSENT, 204, 302, 401, 403, 404, 429, 500, 503, HTML])
def test_a_part_without_a_good_response_is_a_single_request(status: int) -> None:
    """It has the result or the error of that request; the other parts keep theirs."""
    client = Client(statuses={2: status})
    first, second, third = read(client, 1, 2, 3)
    assert [json.loads(first), json.loads(third)] == [{"number": 1}, {"number": 3}]
    assert isinstance(second, NotFound) if status == 404 else second == b"single"
    assert client.single == [url(2)]


def test_a_batch_that_fails() -> None:
    """All of its parts are sent as single requests."""
    client = Client(outage=Transient("down", code="graph_failing"))
    assert read(client, 1, 2) == [b"single", b"single"]


def test_a_job_that_is_cancelled_disturbs_no_other() -> None:
    """Before its batch is sent it is left out; afterwards its response is dropped."""
    client = Client()

    async def work() -> list[bytes | None]:
        coalescer = coalescer_of(client)
        early, late, *others = (asyncio.create_task(coalescer.get(url(number))) for number in range(4))
        await asyncio.sleep(0.01)
        early.cancel()
        await asyncio.sleep(0.1)
        late.cancel()
        return await asyncio.gather(*others)

    assert run(work()) == [b'{"number": 2}', b'{"number": 3}']
    assert [len(batch) for batch in client.batches] == [3]


@pytest.mark.parametrize("after_s", [0, 0.025, 0.1], ids=["waiting", "begun", "sent"])
def test_closing_leaves_no_one_waiting(after_s: float) -> None:
    """Jobs that wait for a batch send single requests."""
    client = Client()

    async def work() -> list[bytes | None]:
        coalescer = coalescer_of(client)
        reads = [asyncio.create_task(coalescer.get(url(number))) for number in range(2)]
        await asyncio.sleep(after_s)
        await coalescer.close()
        return await asyncio.gather(*reads)

    assert run(work()) == [b"single", b"single"]


def test_a_batch_counts_for_the_first_job() -> None:
    """It is one request, and the other jobs in it have none."""
    client = Client()

    async def work() -> list[int]:
        coalescer = coalescer_of(client)

        async def job(number: int) -> int:
            with count_requests() as counters:
                await coalescer.get(url(number))
                return counters.directory_requests

        return await asyncio.gather(*map(job, range(3)))

    assert run(work()) == [1, 0, 0]
