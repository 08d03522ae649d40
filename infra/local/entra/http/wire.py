"""Conversion from aiohttp requests to `Request`, and from `Answer` to the network, with faults."""

import asyncio

from aiohttp import web

from infra.local.entra.http.answers import Answer, Wire
from infra.local.entra.http.request import Request

#: Arrival time of a request, before the simulated latency.
CAME_S = web.RequestKey("came_s", float)


async def read(request: web.Request) -> Request:
    """Return the request with its complete body."""
    return Request(
        method=request.method,
        url=request.raw_path,
        headers={name.lower(): value for name, value in request.headers.items()},
        body=await request.read(),
        came_s=request.get(CAME_S, 0.0),
    )


async def send(request: web.Request, answer: Answer) -> web.StreamResponse:
    """Send the response, damaged as its fault specifies."""
    if answer.delay_s:
        await asyncio.sleep(answer.delay_s)
    headers = {**answer.headers, "Content-Type": answer.content_type}
    half = answer.body[: len(answer.body) // 2]
    if answer.wire is Wire.RESET:
        response = web.StreamResponse(status=answer.status, headers=headers)
        response.content_length = len(answer.body)
        await response.prepare(request)
        await response.write(half)
        if request.transport is not None:
            request.transport.abort()
        return response
    body = half if answer.wire is Wire.TRUNCATED else answer.body
    return web.Response(status=answer.status, body=body, headers=headers)
