"""A login service and a Graph that answer just what a test says, over TLS: for what no honest server would send."""

import ssl
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Self

import jwt
from aiohttp import web

from infra.local.stack.certificates import Certificates
from shared.domain.connections.entra.credentials import ClientSecret, Credentials, Endpoints

Answer = Callable[[web.Request], web.StreamResponse]
#: An answer that depends on the body of the request.
ReadingAnswer = Callable[[web.Request], Awaitable[web.StreamResponse]]


def said(body: str, status: int = 200, content_type: str = "application/json", **headers: str) -> Answer:
    """An answer that is always the same; `Retry_After` in `headers` stands for `Retry-After`."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda _: web.Response(text=body, status=status, content_type=content_type, headers=named)


def token(_: web.Request) -> web.StreamResponse:
    """A token that nobody checks."""
    return web.json_response(
        {"access_token": jwt.encode({}, "k" * 32), "expires_in": 3599, "token_type": "Bearer"},
    )


class ScriptedGraph:
    """`async with ScriptedGraph(tls) as graph:` answers with `graph.graph` and `graph.login`, each used in turn.

    The last answer of each is used for ever. `asked` are the requests to Graph, `logins` counts those for a token.
    """

    def __init__(self, tls: Certificates) -> None:
        self.graph: list[Answer | ReadingAnswer] = [said('{"value":[]}')]
        self.login: list[Answer] = [token]
        self.asked: list[web.Request] = []
        self.logins = 0
        self.url = ""
        self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._tls.load_cert_chain(tls.cert, tls.key)
        application = web.Application()
        application.router.add_post("/{tenant}/oauth2/v2.0/token", self._on_login)
        application.router.add_route("*", "/{rest:.*}", self._on_graph)
        self._runner = web.AppRunner(application, access_log=None, shutdown_timeout=1)

    @property
    def credentials(self) -> Credentials:
        """What leads here."""
        return Credentials(
            azure_tenant_id="33333333-3333-4333-8333-333333333333",
            client_id="44444444-4444-4444-8444-444444444444",
            proof=ClientSecret(value="the secret"),
            endpoints=Endpoints(login=self.url, graph=self.url),
        )

    async def _on_login(self, request: web.Request) -> web.StreamResponse:
        self.logins += 1
        return (self.login.pop(0) if len(self.login) > 1 else self.login[0])(request)

    async def _on_graph(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(request)
        answer = (self.graph.pop(0) if len(self.graph) > 1 else self.graph[0])(request)
        return answer if isinstance(answer, web.StreamResponse) else await answer

    async def __aenter__(self) -> Self:
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0, ssl_context=self._tls).start()
        self.url = f"https://127.0.0.1:{self._runner.addresses[0][1]}"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._runner.cleanup()
