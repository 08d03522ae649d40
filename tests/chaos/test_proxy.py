"""Each fault of the proxy, on a service that records what reaches it."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field

import aiohttp
import pytest
import pytest_asyncio
from aiohttp import web

from infra.local.stack.ports import LOCALHOST, free_ports
from tests.chaos.faults import Asked, Fault, Faults, Service
from tests.chaos.proxy import Proxy
from tests.support.table_service.batches import success

ROW = "/account/Rows(PartitionKey='the-tenant',RowKey='1')"
LISTING = "/account/Rows()?$filter=x"
BATCH = "/account/$batch"
CHANGESET = b'PUT http://x/Rows HTTP/1.1\r\nIf-Match: W/"1"\r\n\r\n{}'


class Chosen(Faults):
    """Draws one fault for every request."""

    def __init__(self, fault: Fault | None) -> None:
        super().__init__("", 1)
        self.fault = fault

    def draw(self, asked: Asked) -> Fault | None:
        """Return the fault."""
        return self.fault


@dataclass
class Stack:
    """The proxy, its address, and what reached the service."""

    proxy: Proxy
    url: str
    faults: Chosen
    client: aiohttp.ClientSession
    seen: list[str] = field(default_factory=list)

    async def sent(
        self, method: str, path: str, body: bytes = b"{}", headers: Mapping[str, str] | None = None
    ) -> tuple[int, bytes]:
        """Return the status and the body of an answer."""
        async with self.client.request(method, self.url + path, data=body, headers=headers) as answer:
            return answer.status, await answer.read()


@pytest_asyncio.fixture
async def stack() -> AsyncIterator[Stack]:
    """Run a proxy in front of a service."""
    seen: list[str] = []

    async def serve(request: web.Request) -> web.Response:
        seen.append(f"{request.method} {request.path_qs}")
        more = {"x-ms-continuation-NextPartitionKey": "next"} if "$top" in request.query else {}
        return web.json_response({"value": list(range(50))}, headers=more)

    application = web.Application()
    application.router.add_route("*", "/{rest:.*}", serve)
    runner = web.AppRunner(application)
    await runner.setup()
    behind, port = free_ports(2)
    await web.TCPSite(runner, LOCALHOST, behind).start()
    faults = Chosen(None)
    proxy = Proxy({port: (Service.TABLE, behind)}, faults)
    await proxy.up()
    proxy.on, proxy.tenant = True, "the-tenant"
    async with aiohttp.ClientSession() as client:
        yield Stack(proxy, f"http://{LOCALHOST}:{port}", faults, client, seen)
    await proxy.settle()
    await proxy.down()
    await runner.cleanup()


async def test_without_a_fault_a_request_passes(stack: Stack) -> None:
    """The answer is the service's, and writes for the tenant are counted."""
    assert await stack.sent("PUT", ROW) == (200, b'{"value": [' + b", ".join(b"%d" % n for n in range(50)) + b"]}")
    assert (stack.proxy.writes, stack.faults.counts.total()) == (1, 0)


@pytest.mark.parametrize(("fault", "status"), [(Fault.ERROR_500_AFTER, 500), (Fault.ERROR_503_AFTER, 503)])
async def test_an_error_hides_that_the_write_was_applied(stack: Stack, fault: Fault, status: int) -> None:
    """The service has the request, and the client an error."""
    stack.faults.fault = fault
    assert (await stack.sent("PUT", ROW))[0] == status
    assert (len(stack.seen), stack.faults.counts[fault]) == (1, 1)


@pytest.mark.parametrize("fault", [Fault.RESET_AFTER, Fault.TRUNCATED])
async def test_an_answer_is_lost_or_cut_off(stack: Stack, fault: Fault) -> None:
    """The service has the request, and the client no complete answer."""
    stack.faults.fault = fault
    with pytest.raises(aiohttp.ClientError):
        await stack.sent("POST", BATCH)
    assert (len(stack.seen), stack.faults.counts[fault]) == (1, 1)


async def test_a_throttled_request_does_not_reach_the_service(stack: Stack) -> None:
    """It is answered with 429."""
    stack.faults.fault = Fault.THROTTLED_429
    assert (await stack.sent("PUT", ROW))[0] == 429
    assert stack.seen == []


async def test_a_conflict_looks_like_that_of_the_service(stack: Stack) -> None:
    """A single write is answered with 412, a batch with 202 and 412 inside."""
    stack.faults.fault = Fault.CONFLICT_412
    assert (await stack.sent("PUT", ROW, headers={"If-Match": 'W/"1"'}))[0] == 412
    status, body = await stack.sent("POST", BATCH, CHANGESET)
    assert (status, b"HTTP/1.1 412" in body, b"HTTP/1.1 204" in success([None])) == (202, True, True)
    assert stack.seen == []


async def test_a_late_write_comes_after_its_answer(stack: Stack) -> None:
    """The client is told that it failed, and it is applied nevertheless."""
    stack.faults.fault = Fault.LATE_WRITE
    assert (await stack.sent("PUT", ROW))[0] == 500
    stack.faults.fault = None
    await stack.proxy.settle()
    assert stack.seen == [f"PUT {ROW}"]


async def test_a_duplicate_write_is_applied_twice(stack: Stack) -> None:
    """The client gets the answer to the first."""
    stack.faults.fault = Fault.DUPLICATE_WRITE
    assert (await stack.sent("PUT", ROW))[0] == 200
    stack.faults.fault = None
    await stack.proxy.settle()
    assert stack.seen == [f"PUT {ROW}"] * 2


async def test_a_late_write_counts_as_written_when_it_arrived(stack: Stack) -> None:
    """Its sender may have been killed since: it does not show that the work goes on."""
    stack.faults.fault = Fault.DUPLICATE_WRITE
    await stack.sent("PUT", ROW)
    written_s = stack.proxy.written_s
    await stack.proxy.settle()
    assert (stack.proxy.writes, stack.proxy.written_s) == (2, written_s)


async def test_a_page_is_cut_short_with_its_continuation(stack: Stack) -> None:
    """The service is asked for fewer rows, so that the client has to ask for the rest."""
    stack.faults.fault = Fault.CUT_PAGE
    await stack.sent("GET", LISTING)
    assert "$top=" in stack.seen[0]
    assert stack.faults.counts[Fault.CUT_PAGE] == 1


async def test_a_closed_proxy_passes_nothing(stack: Stack) -> None:
    """As if the service were down; then it goes on."""
    await stack.proxy.close()
    with pytest.raises(aiohttp.ClientError):
        await stack.sent("GET", LISTING)
    stack.proxy.open()
    assert (await stack.sent("GET", LISTING))[0] == 200
    assert len(stack.seen) == 1


def asked(method: str, path: str, *, service: Service = Service.TABLE, if_match: str = "", body: bytes = b"") -> Asked:
    """Return a request."""
    return Asked(service=service, port=1, method=method, path=path, if_match=if_match, body=body)


@pytest.mark.parametrize(
    ("request_", "fault", "possible"),
    [
        (asked("PUT", ROW), Fault.CONFLICT_412, False),
        (asked("PUT", ROW, if_match='W/"1"'), Fault.CONFLICT_412, True),
        (asked("POST", BATCH, body=CHANGESET), Fault.CONFLICT_412, True),
        (asked("GET", ROW), Fault.LATE_WRITE, False),
        (asked("GET", ROW), Fault.CUT_PAGE, False),
        (asked("GET", LISTING), Fault.CUT_PAGE, True),
        (asked("GET", "/account/q/messages?numofmessages=8", service=Service.QUEUE), Fault.TRUNCATED, False),
        (asked("POST", "/account/q/messages", service=Service.QUEUE), Fault.DUPLICATE_WRITE, True),
        (asked("PUT", "/account/container/blob", service=Service.BLOB), Fault.RESET_AFTER, False),
        (asked("GET", "/secrets/x", service=Service.VAULT), Fault.VAULT_500, True),
    ],
)
def test_a_fault_befalls_only_requests_that_it_fits(request_: Asked, fault: Fault, *, possible: bool) -> None:
    """A service answers 412 only to conditional writes, and continues only listings."""
    assert (fault in request_.possible()) is possible


def test_a_seed_repeats_its_faults() -> None:
    """The same requests meet the same faults."""
    requests = [asked("PUT", ROW, if_match='W/"1"'), asked("GET", LISTING)] * 200
    drawn = [[faults.draw(one) for one in requests] for faults in (Faults("1", 0.2), Faults("1", 0.2))]
    assert drawn[0] == drawn[1]
    assert len(set(drawn[0])) > 5
