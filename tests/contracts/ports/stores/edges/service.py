"""A Table service that says what a test wants it to say, for what the emulator never does."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web
from aiohttp.test_utils import TestServer

from infra.local.azurite import ACCOUNT, KEY
from shared.adapters.stores import Tables
from tests.support.samples import settings


@dataclass
class Service:
    """Creates every table; then gives `answers` one by one, the last of them for ever."""

    tables: Tables
    answers: list[web.Response | None] = field(default_factory=list)
    #: Path with query, and body, of every request but the creation of tables.
    seen: list[tuple[str, bytes]] = field(default_factory=list)

    async def handle(self, request: web.Request) -> web.Response:
        """Answer one request; None breaks the connection off."""
        if request.path.endswith("/Tables"):
            return web.json_response({"TableName": "t"}, status=201)
        self.seen.append((request.path_qs, await request.read()))
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if answer is None:
            assert request.transport is not None
            request.transport.close()
            return web.Response()
        # an object of aiohttp's can be sent once only
        return web.Response(status=answer.status, text=answer.text, headers=answer.headers)


@asynccontextmanager
async def running(*answers: web.Response | None) -> AsyncIterator[Service]:
    """A service on a free port, and the client that talks to it."""
    app = web.Application(client_max_size=8 * 1024 * 1024)
    # the router is frozen when the server starts, the port is known only then
    handlers: list[Service] = []

    async def handle(request: web.Request) -> web.Response:
        return await handlers[0].handle(request)

    app.router.add_route("*", "/{tail:.*}", handle)
    async with TestServer(app) as server:
        url = f"http://127.0.0.1:{server.port}/{ACCOUNT}"
        tables = Tables(settings(f"AccountName={ACCOUNT};AccountKey={KEY};TableEndpoint={url};"))
        service = Service(tables=tables, answers=list(answers))
        handlers.append(service)
        try:
            yield service
        finally:
            await tables.close()
