"""Two doors to the same routes: `/api/...` for the back end, by function key; `/api/signed-in/...` for people.

The host checks the keys of the first; whoever has one is the product's own back end. The second is open to the host,
and everything behind it is decided here: who the person is, which route is meant, and whether its rule allows it.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote

import azure.functions as func

from shared.bootstrap import app
from shared.domain import ids
from shared.domain.access.callers import Access, BackEnd, Caller
from shared.errors import Forbidden, NotFound, SyncError
from shared.telemetry import count_requests
from shared.triggers.http.framework.answers import Answer, WrongMethod, defect, problem
from shared.triggers.http.framework.contracts import Contract
from shared.triggers.http.framework.requests import Request
from shared.triggers.http.framework.rules import RULES

Handler = Callable[[Request], Awaitable[Answer]]
_ALL: Final = ["GET", "POST", "PUT", "PATCH", "DELETE"]
#: Where a browser says that a request comes from, if it may be ours. Others can send a person's cookie along.
#: Source: https://developer.mozilla.org/docs/Web/HTTP/Headers/Sec-Fetch-Site
_OWN_SITES: Final = frozenset({"same-origin", "none"})

bp = func.Blueprint()


@dataclass(frozen=True, slots=True)
class Route:
    """One method of one path, for whom it is, and what serves it."""

    method: str
    path: str
    access: Access
    handler: Handler
    contract: Contract

    def match(self, method: str, path: str) -> dict[str, str] | None:
        """Return the parameters of a path that is this route's, None for any other."""
        patterns, parts = self.path.split("/"), path.split("/")
        if method != self.method or len(patterns) != len(parts):
            return None
        parameters = {}
        for pattern, part in zip(patterns, parts, strict=True):
            if pattern.startswith("{"):
                parameters[pattern.strip("{}")] = unquote(part)
            elif pattern != part:
                return None
        return parameters


#: Every route that was registered.
ROUTES: Final[list[Route]] = []


def route(
    blueprint: func.Blueprint, method: str, path: str, contract: Contract | None = None
) -> Callable[[Handler], Handler]:
    """Register a handler under its own name as what serves a method of a path. Raises: KeyError without a rule."""
    access = RULES[f"{method} {path}"]

    def register(handler: Handler) -> Handler:
        ROUTES.append(Route(method, path, access, handler, contract or Contract()))

        async def trigger(req: func.HttpRequest) -> func.HttpResponse:
            return await _guarded(lambda: handler(Request(req, req.route_params, BackEnd())))

        trigger.__name__ = trigger.__qualname__ = handler.__name__
        trigger.__doc__ = handler.__doc__
        level = func.AuthLevel.ANONYMOUS if access is Access.PUBLIC else func.AuthLevel.FUNCTION
        blueprint.route(route=path, methods=[method], auth_level=level)(trigger)
        return handler

    return register


@bp.route(route="signed-in/{*path}", methods=_ALL, auth_level=func.AuthLevel.ANONYMOUS)
async def signed_in(req: func.HttpRequest) -> func.HttpResponse:
    """Serve a signed-in person every route whose rule allows it."""
    return await _guarded(lambda: _for_person(req))


async def _for_person(req: func.HttpRequest) -> Answer:
    person = await app().ports.sign_in.person(_lower(req.headers))
    site = _lower(req.headers).get("sec-fetch-site", "none")
    if req.method != "GET" and site not in _OWN_SITES:
        raise Forbidden("The request was made by the page of another site.", code="cross_site")
    path = req.route_params.get("path", "").strip("/")
    for each in ROUTES:
        parameters = each.match(req.method, path)
        if parameters is not None:
            await _authorize(person, each.access, parameters)
            return await each.handler(Request(req, parameters, person))
    allowed = tuple(sorted({each.method for each in ROUTES if each.match(each.method, path) is not None}))
    if allowed:
        raise WrongMethod(f"{req.method} is not for this address; it takes {', '.join(allowed)}.", allowed)
    raise NotFound("There is no such route; GET /api/openapi.json lists them.", code="route_not_found")


async def _authorize(caller: Caller, access: Access, parameters: Mapping[str, str]) -> None:
    tenant = parameters.get("tenant")
    await app().authorize(caller, access, ids.tenant_id(tenant) if tenant is not None else None)


def _lower(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}


async def _guarded(work: Callable[[], Awaitable[Answer]]) -> func.HttpResponse:
    """Return the answer, or the error as a problem."""
    with count_requests():
        try:
            return (await work()).encoded()
        except SyncError as error:
            return problem(error)
        except Exception:  # noqa: BLE001 - the edge: nothing of what went wrong inside may leave
            return defect()
