"""A reverse proxy that a test puts in front of a service, so as to interfere with what passes."""

import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import aiohttp
from aiohttp import web
from yarl import URL

from infra.local.stack.ports import LOCALHOST

#: Headers that belong to one connection and are not passed on.
_HOP: Final = frozenset({"connection", "keep-alive", "transfer-encoding", "content-length"})
_MAX_BODY: Final = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A response of the service, with its complete body."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def response(self) -> web.Response:
        """Return it as the proxy's own response."""
        return web.Response(status=self.status, body=self.body, headers=self.headers)


class Front:
    """Passes requests on. `behind` has the service's address for each port at which the proxy listens.

    With `tls`, the proxy listens with this context, and trusts `trusted` as the authority of the service.
    """

    def __init__(
        self, behind: Mapping[int, str], *, tls: ssl.SSLContext | None = None, trusted: ssl.SSLContext | None = None
    ) -> None:
        self._behind = behind
        self._tls = tls
        self._trusted = trusted
        self._client: aiohttp.ClientSession | None = None
        self._runner: web.AppRunner | None = None

    async def up(self) -> None:
        """Listen."""
        # a content type that the client did not send would spoil its signature
        self._client = aiohttp.ClientSession(
            auto_decompress=False,
            skip_auto_headers=("Content-Type",),
            connector=aiohttp.TCPConnector(limit=0, ssl=self._trusted or True),
        )
        application = web.Application(client_max_size=_MAX_BODY)
        application.router.add_route("*", "/{rest:.*}", self.answer)
        self._runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        for port in self._behind:
            await web.TCPSite(self._runner, LOCALHOST, port, ssl_context=self._tls).start()

    async def down(self) -> None:
        """Close all connections, and refuse new ones."""
        runner, self._runner = self._runner, None
        if runner is not None:
            await runner.cleanup()
        client, self._client = self._client, None
        if client is not None:
            await client.close()

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """Answer a request: here, pass it on."""
        return (await self.pass_on(request, port_of(request), await request.read())).response()

    async def pass_on(self, request: web.Request, port: int, body: bytes, path: str | None = None) -> Answer:
        """Send a request to the service of a port, with another path and query if given, and return its response.

        Raises:
            aiohttp.ClientError: The service did not respond.
        """
        assert self._client is not None
        url = URL(f"{self._behind[port]}{path or request.raw_path}", encoded=True)
        headers = {name: value for name, value in request.headers.items() if name.lower() not in _HOP}
        async with self._client.request(request.method, url, headers=headers, data=body or None) as answer:
            content = await answer.read()
        passed = {name: value for name, value in answer.headers.items() if name.lower() not in _HOP}
        return Answer(status=answer.status, headers=passed, body=content)


def port_of(request: web.Request) -> int:
    """Return the port at which a request arrived. Its connection must be open."""
    assert request.transport is not None
    port: int = request.transport.get_extra_info("sockname")[1]
    return port
