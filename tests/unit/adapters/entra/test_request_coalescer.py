"""What is asked for together: one request for many, and nothing that would not have come alone as well."""

import asyncio
import gc
import json
from typing import Any, cast

import pytest

from shared.adapters.entra.client import GraphClient
from shared.adapters.entra.request_coalescer import Together
from shared.errors import NotFound, SyncError, Transient
from shared.telemetry import count_directory_request, count_requests
from tests.unit.adapters.entra.virtual_time import now_s, run

GRAPH = "https://graph.microsoft.com"
OUTAGE = Transient("out of order", code="graph_unavailable")
#: Stands for a part that was answered well, but with something else than JSON, which comes as a text in base64.
NO_JSON = 200_000


def url(number: int) -> str:
    """Return the address of one of many things."""
    return f"{GRAPH}/v1.0/groups/{number}?$select=id"


class Throttle:
    """One that has heard of no limit, unless it is told so."""

    def __init__(self) -> None:
        self.is_free = True
        self.told: list[int] = []

    def now_s(self) -> float:
        """It is always the same time."""
        return 0.0

    def record_response(self, status: int, _: dict[str, str], *, sent_s: float) -> None:
        """A part was answered."""
        assert sent_s == 0.0
        self.told.append(status)


class Client:
    """A GraphClient whose batches and single requests are noted; parts are answered in the reverse order."""

    graph = GRAPH

    def __init__(
        self, *, refused: dict[int, int] | None = None, outage: SyncError | None = None, takes_s: float = 0.5
    ) -> None:
        self.throttle = Throttle()
        self.refused = refused or {}
        self.outage = outage
        self.takes_s = takes_s
        self.batches: list[list[dict[str, Any]]] = []
        self.alone: list[str] = []
        self.eventual = True
        self.given_up = 0

    async def post(self, address: str, body: bytes) -> bytes:
        """Answer a batch after a while, without the parts whose status is 0."""
        count_directory_request()
        assert address == f"{GRAPH}/v1.0/$batch"
        requests = json.loads(body)["requests"]
        self.batches.append(requests)
        try:
            await asyncio.sleep(self.takes_s)
        except asyncio.CancelledError:
            self.given_up += 1
            raise
        if self.outage is not None:
            raise self.outage
        answers = []
        for request in reversed(requests):
            number = int(request["url"].removeprefix("/groups/").partition("?")[0])
            if status := self.refused.get(number, 200):
                content: Any = {"number": number} if status != NO_JSON else "PGh0bWw+"
                answers.append({"id": request["id"], "status": 200 if status == NO_JSON else status, "body": content})
        strangers = [{"id": each, "status": 200, "body": {}} for each in ("none", "9" * 5_000, "-1", "99")]
        return json.dumps({"responses": [*answers, *strangers]}).encode()

    async def get(self, address: str, *, eventual: bool) -> bytes:
        """Answer alone. Raises: NotFound for what a batch called 404."""
        assert eventual == self.eventual
        self.alone.append(address)
        if any(status == 404 and address == url(number) for number, status in self.refused.items()):
            raise NotFound("no such group", code="group_not_found")
        return b"alone"


def together(client: Client) -> Together:
    """Return what asks this client."""
    return Together(cast("GraphClient", client))


def asked(client: Client, *numbers: int) -> list[Any]:
    """Return what was answered, or raised, to requests of one moment."""

    async def work() -> list[Any]:
        some = together(client)
        return await asyncio.gather(
            *(some.get(url(number), eventual=True) for number in numbers), return_exceptions=True
        )

    return run(work())


def part(number: int) -> bytes:
    """Return the answer that a part has."""
    return json.dumps({"number": number}).encode()


def test_many_are_one_request() -> None:
    """Each gets its own answer, whatever the order; everybody's advanced query is allowed."""
    client = Client()
    assert [json.loads(each) for each in asked(client, 3, 1, 2)] == [{"number": each} for each in (3, 1, 2)]
    (requests,) = client.batches
    assert [request["url"] for request in requests] == [f"/groups/{number}?$select=id" for number in (3, 1, 2)]
    assert all(
        request["method"] == "GET" and request["headers"]["ConsistencyLevel"] == "eventual" for request in requests
    )
    assert client.alone == []
    assert client.throttle.told == [200] * 7


def test_no_more_than_graph_takes() -> None:
    """Twenty in one request, and what is left in another."""
    client = Client()
    assert len(set(asked(client, *range(45)))) == 45
    assert [len(batch) for batch in client.batches] == [20, 20, 5]


def test_one_goes_alone() -> None:
    """As a request of its own, with its own retries."""
    client = Client()
    assert asked(client, 7) == [b"alone"]
    assert (client.batches, client.alone) == ([], [url(7)])


def test_the_same_twice_is_asked_once() -> None:
    """Both get it."""
    client = Client()
    assert [json.loads(each) for each in asked(client, 1, 1, 2)] == [{"number": each} for each in (1, 1, 2)]
    assert [len(batch) for batch in client.batches] == [2]


@pytest.mark.parametrize("status", [0, 204, 302, 401, 403, 429, 500, 503, NO_JSON])
def test_what_has_no_good_answer_is_asked_for_alone(status: int) -> None:
    """0 is a part without any answer. The others keep theirs."""
    client = Client(refused={2: status})
    found = asked(client, 1, 2, 3)
    assert (json.loads(found[0]), found[1], json.loads(found[2])) == ({"number": 1}, b"alone", {"number": 3})
    assert client.alone == [url(2)]


def test_errors_are_those_of_asking_alone() -> None:
    """A group that is gone says so itself, and to nobody else."""
    found = asked(Client(refused={2: 404}), 1, 2)
    assert isinstance(found[1], NotFound)
    assert json.loads(found[0]) == {"number": 1}


def test_a_batch_that_is_refused_as_a_whole() -> None:
    """Each is asked for alone: it may be the batch that is not taken."""
    client = Client(outage=OUTAGE)
    assert asked(client, 1, 2) == [b"alone"] * 2
    assert client.alone == [url(1), url(2)]


def test_a_mistake_of_ours_leaves_nobody_waiting_and_is_seen() -> None:
    """It is no reason to read nothing, and none to be silent."""

    class Mistaken(Client):
        async def post(self, address: str, body: bytes) -> bytes:
            raise RuntimeError("a mistake")

    client = Mistaken()
    seen: list[str] = []

    async def work() -> list[bytes | None]:
        asyncio.get_running_loop().set_exception_handler(lambda _, context: seen.append(str(context["exception"])))
        some = together(client)
        found = await asyncio.gather(*(some.get(url(number), eventual=True) for number in range(2)))
        gc.collect()
        return list(found)

    assert run(work()) == [b"alone"] * 2
    assert seen == ["a mistake"]


def test_a_slow_part_keeps_the_others_waiting_for_a_moment_only() -> None:
    """A second; after it, and for five minutes, all are asked for alone, and then together again."""
    client = Client(takes_s=3)

    async def work() -> list[float]:
        some, began_s, found = together(client), now_s(), []
        for pause_s in (0.0, 250.0, 60.0):
            await asyncio.sleep(pause_s)
            asked_s = now_s()
            await asyncio.gather(*(some.get(url(number), eventual=True) for number in range(5)))
            found.append(round(now_s() - asked_s, 1))
        assert now_s() - began_s > 300
        return found

    assert run(work()) == [1.0, 0.0, 1.0]
    assert (len(client.batches), client.given_up, len(client.alone)) == (2, 2, 15)


def test_who_waits_pays() -> None:
    """A batch is counted once, for somebody who still waits for it when it goes."""
    client = Client()
    counted: dict[int, int] = {}

    async def one(some: Together, number: int) -> None:
        with count_requests() as counters:
            try:
                await some.get(url(number), eventual=True)
            finally:
                counted[number] = counters.directory_requests

    async def work() -> None:
        some = together(client)
        tasks = [asyncio.create_task(one(some, number)) for number in range(4)]
        await asyncio.sleep(0)
        tasks[0].cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    run(work())
    assert counted == {0: 0, 1: 1, 2: 0, 3: 0}


def test_near_a_limit_everybody_goes_alone() -> None:
    """A refused part is paid for, and asked for again."""
    client = Client()
    client.throttle.is_free = False
    assert asked(client, 1, 2) == [b"alone"] * 2
    assert client.batches == []


@pytest.mark.parametrize(("left", "given_up"), [(1, 0), (0, 1)])
def test_who_does_not_wait_any_more(left: int, given_up: int) -> None:
    """What is sent is waited for as long as somebody wants any of it."""
    client = Client()

    async def work() -> list[Any]:
        some = together(client)
        tasks = [asyncio.create_task(some.get(url(number), eventual=True)) for number in range(2)]
        await asyncio.sleep(0.5)
        for task in tasks[left:]:
            task.cancel()
        return await asyncio.gather(*tasks, return_exceptions=True)

    found = run(work())
    assert [isinstance(each, asyncio.CancelledError) for each in found] == [number >= left for number in range(2)]
    assert (len(client.batches), client.given_up) == (1, given_up)


@pytest.mark.parametrize(("asking", "sent"), [(3, 1), (2, 0), (1, 0)])
def test_who_leaves_before_it_is_sent(asking: int, sent: int) -> None:
    """Is not asked for; one who is left goes alone, and for nobody nothing is sent."""
    client = Client()

    async def work() -> None:
        some = together(client)
        tasks = [asyncio.create_task(some.get(url(number), eventual=True)) for number in range(asking)]
        await asyncio.sleep(0)
        tasks[0].cancel()
        found = await asyncio.gather(*tasks, return_exceptions=True)
        assert [isinstance(each, bytes) for each in found[1:]] == [True] * (asking - 1)
        await asyncio.sleep(1)

    run(work())
    assert len(client.batches) == sent
    assert len(client.alone) == (asking == 2)


def test_a_limit_that_comes_near_while_a_batch_is_gathered() -> None:
    """It is not sent: after a wait one request goes, not twenty."""
    client = Client()

    async def work() -> list[bytes | None]:
        some = together(client)
        tasks = [asyncio.create_task(some.get(url(number), eventual=True)) for number in range(3)]
        await asyncio.sleep(0.01)
        client.throttle.is_free = False
        return list(await asyncio.gather(*tasks))

    assert run(work()) == [b"alone"] * 3
    assert client.batches == []


@pytest.mark.parametrize(("count", "wait_s", "sent"), [(2, 0.5, 1), (2, 0.0, 0), (20, 0.0, 0), (20, 0.5, 1)])
def test_closing_leaves_nobody_waiting(count: int, wait_s: float, sent: int) -> None:
    """Whoever still does finds out alone that there is no client any more; nothing is sent together afterwards."""
    client = Client()

    async def work() -> list[Any]:
        some = together(client)
        tasks = [asyncio.create_task(some.get(url(number), eventual=True)) for number in range(count)]
        await asyncio.sleep(wait_s)
        await some.close()
        found = await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.gather(*(some.get(url(number), eventual=True) for number in range(2)))
        await asyncio.sleep(1)
        return found

    assert run(work()) == [b"alone"] * count
    assert (len(client.batches), client.given_up) == (sent, sent)


def test_several_in_their_order() -> None:
    """None of them an advanced query; and one that fails is raised once all have ended."""

    async def work(client: Client, count: int) -> list[bytes | None]:
        client.eventual = False
        return await together(client).get_all([url(number) for number in range(count)])

    assert [json.loads(each or b"") for each in run(work(Client(), 3))] == [{"number": number} for number in range(3)]
    assert run(work(Client(), 0)) == []
    with pytest.raises(NotFound):
        run(work(Client(refused={1: 404}), 3))
