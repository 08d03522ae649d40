"""The admin interface: start a function manually, and query the status of the host.

Source: FunctionsController.cs and HostController.cs of the Functions host.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from urllib.parse import unquote

import msgspec
from aiohttp import web

from infra.local.functions_host.definitions import FunctionDefinition

#: runs a function for an input of the admin interface
ByHand = Callable[[FunctionDefinition, str], Awaitable[object]]


class _Invocation(msgspec.Struct):
    input: str | int | float | bool | None = None


class Admin:
    """Serves the routes under /admin. All of them except the ping require the master key."""

    def __init__(self, functions: Sequence[FunctionDefinition], by_hand: ByHand, host_id: str) -> None:
        self._functions = {function.name.lower(): function for function in functions}
        self._by_hand = by_hand
        self._host_id = host_id
        self._began = time.monotonic()
        self._running: set[asyncio.Task[object]] = set()

    async def answer(self, request: web.Request, *, has_key: bool) -> web.Response:
        """Return the response to a request under /admin."""
        match request.method, request.rel_url.raw_path.strip("/").split("/")[1:]:
            case (("GET" | "POST"), ["host", "ping"]):
                return web.Response(status=200)
            case _ if not has_key:
                return web.Response(status=401)
            case "GET", ["host", "status"]:
                return web.json_response(self._status())
            case "POST", ["functions", name]:
                return self._invoke(unquote(name), await request.read())
        return web.Response(status=404)

    async def stop(self) -> None:
        """Wait until all manually started invocations have ended."""
        if self._running:
            await asyncio.wait(self._running)

    async def abandon(self) -> None:
        """Cancel all manually started invocations."""
        running = list(self._running)
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)

    def _status(self) -> dict[str, object]:
        return {
            "id": self._host_id,
            "state": "Running",
            "version": "4.0.0.0",
            "versionDetails": "infra.local.functions_host",
            "processUptime": int((time.monotonic() - self._began) * 1000),
        }

    def _invoke(self, name: str, body: bytes) -> web.Response:
        try:
            invocation = msgspec.json.decode(body, type=_Invocation)
        except msgspec.MsgspecError:
            return web.Response(status=400)
        function = self._functions.get(name.lower())
        if function is None:
            return web.Response(status=404)
        given = "" if invocation.input is None else str(invocation.input)
        task = asyncio.ensure_future(self._by_hand(function, given))
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return web.Response(status=202)
