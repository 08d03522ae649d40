"""Request and response bodies of the admin API. Invalid requests become 400 or 404."""

import re
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import TypeVar

import msgspec
from aiohttp import web

from infra.local.entra.state.directory import Directory
from infra.local.entra.state.simulator import State

Body = TypeVar("Body")
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

STATE: web.AppKey[State] = web.AppKey("state", State)


async def body_of(request: web.Request, kind: type[Body]) -> Body:
    """Return the JSON body of the request. An empty body counts as `{}`."""
    return msgspec.json.decode(await request.read() or b"{}", type=kind)


def reply(content: object, status: int = HTTPStatus.OK) -> web.Response:
    """Return `content` as a JSON response."""
    return web.Response(body=msgspec.json.encode(content), status=status, content_type="application/json")


def directory_of(request: web.Request) -> Directory:
    """Return the directory that the path names.

    Raises:
        LookupError: It does not exist.
    """
    name = request.match_info["directory"]
    directory = request.app[STATE].directories.get(name) or request.app[STATE].tenant(name)
    if directory is None:
        raise LookupError(f"Directory {name} does not exist.")
    return directory


@web.middleware
async def explain_mistakes(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turn errors of a handler into a response with one sentence."""
    try:
        return await handler(request)
    except LookupError as error:
        return reply({"error": str(error)}, HTTPStatus.NOT_FOUND)
    except (msgspec.MsgspecError, ValueError, re.error) as error:
        return reply({"error": str(error)}, HTTPStatus.BAD_REQUEST)
