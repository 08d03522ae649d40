"""A front of the storage emulator that a test can switch off, let refuse requests, or let withhold answers."""

import asyncio
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

from aiohttp import web

from infra.local.azurite import Azurite
from infra.local.stack.ports import LOCALHOST, free_ports
from tests.support.front import Front, port_of


class StorageFront(Front):
    """Passes requests on to an emulator. `address` has the ports at which it listens."""

    def __init__(self, behind: Azurite) -> None:
        blob, queue, table = free_ports(3)
        ports = {blob: behind.blob_port, queue: behind.queue_port, table: behind.table_port}
        super().__init__({port: f"http://{LOCALHOST}:{other}" for port, other in ports.items()})
        self.address = Azurite(blob_port=blob, queue_port=queue, table_port=table)
        #: Method and path with query of every request.
        self.seen: list[str] = []
        #: Headers of the last request that `seen` has.
        self.headers: dict[str, str] = {}
        self._refused: dict[re.Pattern[str], tuple[int, str]] = {}
        self._held: dict[re.Pattern[str], tuple[asyncio.Event, asyncio.Event]] = {}

    @contextmanager
    def refusing(self, matching: str, status: int, code: str) -> Iterator[None]:
        """Answer requests whose method and path match with this status and error code."""
        pattern = re.compile(matching)
        self._refused[pattern] = status, code
        try:
            yield
        finally:
            del self._refused[pattern]

    @contextmanager
    def holding(self, matching: str) -> Iterator[asyncio.Event]:
        """Pass matching requests on and withhold the answers. The event is set when there is one."""
        pattern, answered, released = re.compile(matching), asyncio.Event(), asyncio.Event()
        self._held[pattern] = answered, released
        try:
            yield answered
        finally:
            del self._held[pattern]
            released.set()

    def count(self, matching: str) -> int:
        """Return the number of requests whose method and path match."""
        return sum(re.search(matching, request) is not None for request in self.seen)

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """Refuse the request, or pass it on, and withhold the answer if a test holds it."""
        named = f"{request.method} {request.path_qs}"
        self.seen.append(named)
        self.headers = dict(request.headers)
        for pattern, (status, code) in self._refused.items():
            if pattern.search(named):
                return web.Response(status=status, headers={"x-ms-error-code": code})
        answer = await self.pass_on(request, port_of(request), await request.read())
        for pattern, (answered, released) in list(self._held.items()):
            if pattern.search(named):
                answered.set()
                await released.wait()
        return answer.response()


@asynccontextmanager
async def front_of(behind: Azurite) -> AsyncIterator[StorageFront]:
    """Run a front of an emulator."""
    front = StorageFront(behind)
    await front.up()
    try:
        yield front
    finally:
        await front.down()
