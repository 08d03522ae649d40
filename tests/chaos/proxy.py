"""The proxy in front of storage and vault, which lets faults befall what passes."""

import asyncio
import re
import ssl
from collections import Counter
from collections.abc import Mapping
from http import HTTPStatus
from time import monotonic
from typing import Final

import aiohttp
from aiohttp import web

from infra.local.stack.certificates import Certificates
from infra.local.stack.ports import LOCALHOST
from tests.chaos.faults import Asked, Fault, Faults, Service
from tests.support.front import Answer, Front, port_of
from tests.support.table_service import batches
from tests.support.table_service.faults import changed
from tests.support.table_service.partitions import FailedOperation

#: Longest delay of a request, and of what a late or duplicate write comes after, in seconds.
_DELAY_S: Final = 2.0
_LATE_S: Final = 4.0
#: Longest wait for requests that the service is processing, in seconds.
_DRAIN_S: Final = 30.0
#: Fewest and most rows of a page that is cut short.
_PAGE: Final = (1, 40)

_ERRORS: Final = {
    Fault.ERROR_500_AFTER: (500, "InternalError"),
    Fault.ERROR_503_AFTER: (503, "ServerBusy"),
    Fault.LATE_WRITE: (500, "OperationTimedOut"),
    Fault.THROTTLED_429: (429, "TooManyRequests"),
    Fault.VAULT_500: (500, "InternalServerError"),
    Fault.VAULT_429: (429, "Throttled"),
}
_CONTINUES: Final = "x-ms-continuation-nextpartitionkey"
_DELAYED: Final = re.compile(r"[?&]visibilitytimeout=(\d+)")
#: Faults of requests that are not passed on, or later.
_REFUSED: Final = frozenset(
    {
        Fault.THROTTLED_429,
        Fault.CONFLICT_412,
        Fault.LATE_WRITE,
        Fault.VAULT_500,
        Fault.VAULT_429,
        Fault.VAULT_RESET,
    }
)
_CUT: Final = frozenset({Fault.TRUNCATED, Fault.VAULT_TRUNCATED})


class Proxy(Front):
    """Passes requests on to one or several services, with the faults that `faults` draws while it is `on`.

    `services` has the service, and its own port, for each port at which the proxy listens.
    """

    def __init__(
        self, services: Mapping[int, tuple[Service, int]], faults: Faults, *, certificates: Certificates | None = None
    ) -> None:
        tls = trusted = None
        if certificates is not None:
            tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            tls.load_cert_chain(certificates.cert, certificates.key)
            trusted = ssl.create_default_context(cafile=certificates.ca)
        scheme = "http" if certificates is None else "https"
        behind = {port: f"{scheme}://{LOCALHOST}:{other}" for port, (_, other) in services.items()}
        super().__init__(behind, tls=tls, trusted=trusted)
        self.on = False
        #: Writes to tables that name this tenant are counted, and the time at which the last of them arrived is kept.
        self.tenant = ""
        self.writes = 0
        self.written_s = 0.0
        #: Number of messages that were sent with a delay, by the delay in seconds.
        self.delays: Counter[int] = Counter()
        self._services = services
        self._faults = faults
        self._closed = False
        self._passing = 0
        self._late: set[asyncio.Task[None]] = set()

    async def close(self) -> None:
        """Reset every request from now on, and wait until the service has answered those before."""
        self._closed = True
        async with asyncio.timeout(_DRAIN_S):
            while self._passing:  # noqa: ASYNC110 - ends soon, and is asked for once in a round
                await asyncio.sleep(0.01)

    def open(self) -> None:
        """Pass requests on again."""
        self._closed = False

    async def settle(self) -> None:
        """Wait for the writes that are late."""
        await asyncio.gather(*self._late)

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """Answer a request with or without a fault."""
        port = port_of(request)
        body = await request.read()
        asked = Asked(
            service=self._services[port][0],
            port=port,
            method=request.method,
            path=request.raw_path,
            if_match=request.headers.get("If-Match", ""),
            body=body,
            arrived_s=monotonic(),
        )
        fault = self._faults.draw(asked) if self.on else None
        try:
            return await self._answer(request, asked, fault)
        except aiohttp.ClientError:
            return _reset(request)

    async def _answer(self, request: web.Request, asked: Asked, fault: Fault | None) -> web.StreamResponse:
        if fault in _REFUSED:
            return self._refuse(request, asked, fault)
        if fault is Fault.DELAY:
            self._faults.counts[fault] += 1
            await asyncio.sleep(self._faults.random.uniform(0, _DELAY_S))
        path = self._shorter(asked.path) if fault is Fault.CUT_PAGE else None
        answer = await self._pass(request, asked, path)
        if fault is None or fault is Fault.DELAY or (asked.is_poll and b"<MessageId>" not in answer.body):
            return answer.response()
        return await self._spoilt(request, asked, answer, fault)

    def _refuse(self, request: web.Request, asked: Asked, fault: Fault) -> web.StreamResponse:
        """Answer a request that is not passed on, or not yet."""
        if fault is Fault.CONFLICT_412:
            return self._conflict(asked)
        if fault is Fault.VAULT_RESET:
            self._faults.counts[fault] += 1
            return _reset(request)
        if fault is Fault.LATE_WRITE:
            self._later(request, asked)
        return self._error(fault)

    async def _spoilt(self, request: web.Request, asked: Asked, answer: Answer, fault: Fault) -> web.StreamResponse:
        """Return what is left of an answer."""
        if fault in _ERRORS:
            return self._error(fault)
        if fault is Fault.RESET_AFTER:
            self._faults.counts[fault] += 1
            return _reset(request)
        if fault in _CUT and len(answer.body) > 1:
            self._faults.counts[fault] += 1
            return await _truncated(request, answer)
        if fault is Fault.CUT_PAGE:
            self._faults.counts[fault] += any(name.lower() == _CONTINUES for name in answer.headers)
        if fault is Fault.DUPLICATE_WRITE:
            self._faults.counts[fault] += 1
            self._later(request, asked)
        return answer.response()

    async def _pass(self, request: web.Request, asked: Asked, path: str | None = None) -> Answer:
        if self._closed:
            raise aiohttp.ServerDisconnectedError
        self._passing += 1
        try:
            answer = await self.pass_on(request, asked.port, asked.body, path)
        finally:
            self._passing -= 1
        if asked.writes and answer.status < HTTPStatus.BAD_REQUEST:
            self._count(asked)
        return answer

    def _count(self, asked: Asked) -> None:
        if asked.service is Service.QUEUE:
            delay = _DELAYED.search(asked.path)
            if asked.method == "POST" and delay is not None:
                self.delays[int(delay[1])] += 1
        elif self.tenant and (self.tenant.encode() in asked.body or self.tenant in asked.path):
            self.writes += 1
            self.written_s = max(self.written_s, asked.arrived_s)

    def _later(self, request: web.Request, asked: Asked) -> None:
        async def apply() -> None:
            await asyncio.sleep(wait_s)
            try:
                await self._pass(request, asked)
            except aiohttp.ClientError:
                return  # the service has ended since

        wait_s = self._faults.random.uniform(0, _LATE_S)
        task = asyncio.create_task(apply())
        self._late.add(task)
        task.add_done_callback(self._late.discard)

    def _shorter(self, path: str) -> str:
        """Return the path of a query for a few rows only; it has no `$top` of its own."""
        if "top=" in path:
            return path
        return f"{path}{'&' if '?' in path else '?'}$top={self._faults.random.randint(*_PAGE)}"

    def _error(self, fault: Fault) -> web.Response:
        self._faults.counts[fault] += 1
        status, code = _ERRORS[fault]
        headers = {"x-ms-error-code": code}
        if status == HTTPStatus.TOO_MANY_REQUESTS:
            headers["Retry-After"] = "1"
        body = {"odata.error": {"code": code, "message": {"lang": "en-US", "value": code}}}
        return web.json_response(body, status=status, headers=headers)

    def _conflict(self, asked: Asked) -> web.Response:
        """Return what the Table service answers when a row was changed."""
        self._faults.counts[Fault.CONFLICT_412] += 1
        refusal = changed()
        if asked.is_batch:
            body = batches.failure(FailedOperation(0, refusal))
            return web.Response(status=202, body=body, headers={"Content-Type": batches.ANSWER_TYPE})
        headers = {"Content-Type": "application/json", "x-ms-error-code": refusal.code}
        return web.Response(status=refusal.status, body=refusal.body(), headers=headers)


def _reset(request: web.Request) -> web.StreamResponse:
    """Break the connection off; what is returned is never sent."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response(status=HTTPStatus.BAD_GATEWAY)


async def _truncated(request: web.Request, answer: Answer) -> web.StreamResponse:
    """Send half of the announced body, and break the connection off."""
    response = web.StreamResponse(status=answer.status, headers=answer.headers)
    response.content_length = len(answer.body)
    await response.prepare(request)
    await response.write(answer.body[: len(answer.body) // 2])
    return _reset(request)
