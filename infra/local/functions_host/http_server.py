"""HTTP triggers: routing, keys, and the response.

Source: FunctionInvocationMiddleware.cs and GrpcMessageConversionExtensions.cs of the Functions host.
"""

import hmac
import logging
from collections.abc import Mapping
from http.cookies import SimpleCookie
from typing import cast

from aiohttp import web
from multidict import CIMultiDict

from infra.local.functions_host import worker
from infra.local.functions_host.admin import Admin
from infra.local.functions_host.invocation import Invoker
from infra.local.functions_host.routes import Router
from infra.local.functions_host.worker import Datum

log = logging.getLogger("functions_host")

#: Source: https://learn.microsoft.com/azure/azure-functions/functions-bindings-http-webhook-trigger#limits
MAX_BODY_BYTES = 100 * 1024 * 1024
KEY_HEADER = "x-functions-key"
KEY_PARAMETER = "code"
#: headers that the server sets; a function cannot override them
_HOP_HEADERS = frozenset({"content-length", "transfer-encoding", "connection"})


class HttpServer:
    """Serves functions and the admin interface on one address."""

    def __init__(self, router: Router, invoker: Invoker, admin: Admin, key: str) -> None:
        self._router = router
        self._invoker = invoker
        self._admin = admin
        self._key = key.encode()
        self._runner: web.AppRunner | None = None

    async def start(self, host: str, port: int, drain_s: float) -> int:
        """Listen, and return the port, which the system chooses for port 0.

        Stopping waits up to `drain_s` seconds for requests.
        """
        app = web.Application(client_max_size=MAX_BODY_BYTES)
        app.router.add_route("*", "/{path:.*}", self._answer)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=drain_s)
        await self._runner.setup()
        site = web.TCPSite(self._runner, host, port)
        await site.start()
        return int(self._runner.addresses[0][1])

    async def stop(self) -> None:
        """Accept no new requests, and wait until the running ones have ended or reached their time limit."""
        if self._runner is not None:
            await self._runner.cleanup()

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        raw_path = request.rel_url.raw_path
        if raw_path.startswith("/admin/"):
            return await self._admin.answer(request, has_key=self._has_key(request))
        match = self._router.find(request.method, raw_path)
        if match is None:
            return web.Response(status=404)
        route, params = match
        if route.trigger.auth_level != "ANONYMOUS" and not self._has_key(request):
            return web.Response(status=401)
        value = await _request_datum(request, params)
        outcome = await self._invoker.run(
            route.function,
            value,
            reason="This function was programmatically called via the host APIs.",
            trace_parent=request.headers.get("traceparent", ""),
        )
        return _response(outcome.returned) if outcome.succeeded else web.Response(status=500)

    def _has_key(self, request: web.Request) -> bool:
        given = request.headers.get(KEY_HEADER) or request.query.get(KEY_PARAMETER) or ""
        return hmac.compare_digest(given.encode(), self._key)


async def _request_datum(request: web.Request, params: Mapping[str, str]) -> Datum:
    query: dict[str, str] = {}
    for name, value in request.query.items():
        # As in Azure, repeated parameters are joined, and empty ones are left out.
        if value:
            query[name] = f"{query[name]},{value}" if name in query else value
    return worker.http(
        method=request.method,
        url=str(request.url),
        headers={name.lower(): ",".join(request.headers.getall(name)) for name in request.headers},
        query=query,
        params=params,
        # As in Azure, a chunked body, which has no length, is not passed to functions.
        body=await request.read() if request.content_length else b"",
    )


def _response(returned: Datum | None) -> web.Response:
    if returned is None or returned.type is None:
        return web.Response(status=200)
    if returned.type != "http":
        return web.Response(text=str(returned.value))
    parts = returned.value
    headers = CIMultiDict(
        (name, str(datum.value)) for name, datum in parts["headers"].items() if name.lower() not in _HOP_HEADERS
    )
    for cookies in cast("list[SimpleCookie]", parts["cookies"] or []):
        for cookie in cookies.values():
            headers.add("Set-Cookie", cookie.OutputString())
    return web.Response(status=int(parts["status_code"].value), body=parts["body"].value, headers=headers)
