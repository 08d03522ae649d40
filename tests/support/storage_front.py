"""A front of the storage emulator that a test can switch off, let refuse requests, or let withhold answers."""

import asyncio
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field

import aiohttp
from aiohttp import web
from yarl import URL

from infra.local.azurite import Azurite
from infra.local.stack.ports import LOCALHOST, free_ports

#: Headers that belong to one connection and are not passed on.
_HOP = frozenset({"connection", "keep-alive", "transfer-encoding", "content-length"})


@dataclass
class StorageFront:
    """Passes requests on to an emulator. `address` has the ports at which it listens."""

    address: Azurite
    _behind: dict[int, int]
    _client: aiohttp.ClientSession
    #: Method and path with query of every request.
    seen: list[str] = field(default_factory=list)
    #: Headers of the last request that `seen` has.
    headers: dict[str, str] = field(default_factory=dict)
    _refused: dict[re.Pattern[str], tuple[int, str]] = field(default_factory=dict)
    _held: dict[re.Pattern[str], tuple[asyncio.Event, asyncio.Event]] = field(default_factory=dict)
    _runner: web.AppRunner | None = None

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

    async def up(self) -> None:
        """Listen."""
        application = web.Application(client_max_size=64 * 1024 * 1024)
        application.router.add_route("*", "/{rest:.*}", self._answer)
        self._runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        for port in self._behind:
            await web.TCPSite(self._runner, LOCALHOST, port).start()

    async def down(self) -> None:
        """Close all connections, and refuse new ones."""
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        named = f"{request.method} {request.path_qs}"
        self.seen.append(named)
        self.headers = dict(request.headers)
        for pattern, (status, code) in self._refused.items():
            if pattern.search(named):
                return web.Response(status=status, headers={"x-ms-error-code": code})
        assert request.transport is not None
        port = self._behind[request.transport.get_extra_info("sockname")[1]]
        url = URL(f"http://{LOCALHOST}:{port}{request.raw_path}", encoded=True)
        headers = {name: value for name, value in request.headers.items() if name.lower() not in _HOP}
        body = await request.read()
        async with self._client.request(request.method, url, headers=headers, data=body or None) as answer:
            content = await answer.read()
        for pattern, (answered, released) in list(self._held.items()):
            if pattern.search(named):
                answered.set()
                await released.wait()
        passed = {name: value for name, value in answer.headers.items() if name.lower() not in _HOP}
        return web.Response(status=answer.status, body=content, headers=passed)


@asynccontextmanager
async def front_of(behind: Azurite) -> AsyncIterator[StorageFront]:
    """Run a front of an emulator."""
    blob, queue, table = free_ports(3)
    ports = {blob: behind.blob_port, queue: behind.queue_port, table: behind.table_port}
    address = Azurite(blob_port=blob, queue_port=queue, table_port=table)
    # a content type that the client did not send would spoil its signature
    async with aiohttp.ClientSession(auto_decompress=False, skip_auto_headers=("Content-Type",)) as client:
        front = StorageFront(address=address, _behind=ports, _client=client)
        await front.up()
        try:
            yield front
        finally:
            await front.down()
