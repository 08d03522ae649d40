"""Routing. Two entry points serve the same routes: the service API `/api` and the user API `/api/signed-in`.

Service API: the Functions host checks the function key; the caller is the back end of the product.
User API: the host lets all requests pass; this module identifies the person or the named key, finds the route and
applies its rule.
"""

from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus
from typing import Final
from urllib.parse import unquote

import azure.functions as func
import msgspec

from shared.bootstrap import app, start_telemetry
from shared.domain import ids
from shared.domain.access.callers import Access, BackEnd, Caller, KeyScope, Person, name_of
from shared.domain.access.rate_limit import Expense
from shared.domain.ids import TenantId
from shared.errors import Forbidden, NotFound, RateLimited, SyncError
from shared.telemetry import SpanKind, count_requests, invocation
from shared.telemetry.spans import STATUS
from shared.triggers.http.framework.answers import Answer, WrongMethod, defect, problem
from shared.triggers.http.framework.browser import API_HEADERS, require_own_page
from shared.triggers.http.framework.contracts import Contract
from shared.triggers.http.framework.recording import REFUSALS, recorded, refused
from shared.triggers.http.framework.records import Record, record_of
from shared.triggers.http.framework.requests import Request
from shared.triggers.http.framework.rules import RULES, scopes_of

Handler = Callable[[Request], Awaitable[Answer]]
_ALL: Final = ["GET", "POST", "PUT", "PATCH", "DELETE"]

bp = func.Blueprint()


class Route(msgspec.Struct, frozen=True):
    """One method of one path, with its access rule and handler."""

    method: str
    path: str
    access: Access
    handler: Handler
    contract: Contract
    #: Scopes of which a named key needs one.
    scopes: frozenset[KeyScope]
    #: What it is recorded as in the audit log; None for a route that is left out.
    record: Record | None

    async def serve(self, request: Request) -> Answer:
        """Count a request of an authorized caller, record it, and handle it. Public routes are never limited."""
        if self.access is Access.PUBLIC:  # it must answer also while the settings are wrong
            return await self.handler(request)
        expense = self.contract.expense_of(request)
        try:
            await app().request_limits.spend(expense, request.caller, _tenant(request.parameters))
        except RateLimited as error:
            if expense is not Expense.OTHER:  # what is counted in the process is refused without a request to storage
                await refused(app(), request, request.caller, error, self.record)
            raise
        return await recorded(app(), self.record, self.contract.body, self.handler, request)

    def match(self, method: str, path: str) -> dict[str, str] | None:
        """Return the path parameters, None if the path or the method does not match."""
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


#: All registered routes.
ROUTES: Final[list[Route]] = []


def route(
    blueprint: func.Blueprint, method: str, path: str, contract: Contract | None = None
) -> Callable[[Handler], Handler]:
    """Register a handler for a method and a path, under its own name.

    Raises KeyError without an access rule, and for a route that may change something and is not in `RECORDS`.
    """
    access, scopes = RULES[f"{method} {path}"], scopes_of(f"{method} {path}")
    record = record_of(method, path)

    def register(handler: Handler) -> Handler:
        served = Route(method, path, access, handler, contract or Contract(), scopes, record)
        ROUTES.append(served)

        async def trigger(req: func.HttpRequest) -> func.HttpResponse:
            name = f"{method} /{path}"
            return await _guarded(name, lambda: served.serve(Request(req, req.route_params, BackEnd())))

        trigger.__name__ = trigger.__qualname__ = handler.__name__
        trigger.__doc__ = handler.__doc__
        level = func.AuthLevel.ANONYMOUS if access is Access.PUBLIC else func.AuthLevel.FUNCTION
        # The server drops the body of an answer to HEAD (RFC 9110, section 9.3.2); monitors probe with it.
        methods = [method, "HEAD"] if (method, access) == ("GET", Access.PUBLIC) else [method]
        blueprint.route(route=path, methods=methods, auth_level=level)(trigger)
        return handler

    return register


@bp.route(route="signed-in/{*path}", methods=_ALL, auth_level=func.AuthLevel.ANONYMOUS)
async def signed_in(req: func.HttpRequest) -> func.HttpResponse:
    """Handle requests of signed-in people, and of programs with a named key, to the routes whose rule allows it."""
    path = req.route_params.get("path", "").strip("/")
    found = next((route.path for route in ROUTES if route.match(req.method, path) is not None), "{path}")
    return await _guarded(f"{req.method} /signed-in/{found}", lambda: _for_caller(req))


async def _for_caller(req: func.HttpRequest) -> Answer:
    headers = _lower(req.headers)
    path = req.route_params.get("path", "").strip("/")
    matches = ((route, route.match(req.method, path)) for route in ROUTES)
    found, parameters = next(((route, found) for route, found in matches if found is not None), (None, {}))
    caller: Caller | None = None
    try:
        caller = await app().identify(headers)
        if isinstance(caller, Person):
            await _require_own_page(caller, req.url, headers)
        if found is not None:
            await _authorize(caller, found, parameters)
    except REFUSALS as error:
        if caller is None or not isinstance(error, RateLimited):  # the entries of a known caller would fill the log
            request = Request(req, parameters, caller or BackEnd())
            await refused(app(), request, caller, error, found.record if found is not None else None)
        raise
    if found is not None:
        return await found.serve(Request(req, parameters, caller))
    allowed = tuple(sorted({route.method for route in ROUTES if route.match(route.method, path) is not None}))
    if allowed:
        raise WrongMethod(f"This address does not support {req.method}: use {', '.join(allowed)}.", allowed)
    raise NotFound("Unknown address: the OpenAPI description of this API lists all addresses.", code="route_not_found")


async def _require_own_page(person: Person, url: str, headers: Mapping[str, str]) -> None:
    """Raise Forbidden for a request of another website's page, and RateLimited for many. The person is not limited."""
    try:
        require_own_page(url, headers, app().settings.portal_origins)
    except Forbidden:
        await app().refusal_limit.count(f"page:{name_of(person)}")
        raise


async def _authorize(caller: Caller, route: Route, parameters: Mapping[str, str]) -> None:
    if route.access is not Access.PUBLIC:
        async with app().refusal_limit.checked(name_of(caller)):
            await app().authorize(caller, route.access, _tenant(parameters), route.scopes)


def _tenant(parameters: Mapping[str, str]) -> TenantId | None:
    text = parameters.get("tenant")
    return None if text is None else ids.tenant_id(text)


def _lower(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}


async def _guarded(name: str, work: Callable[[], Awaitable[Answer]]) -> func.HttpResponse:
    """Return the response, or an error as problem+json. The request is a span with the `name` of its route."""
    start_telemetry()
    with invocation(name, function="http", kind=SpanKind.SERVER) as current, count_requests():
        try:
            response = (await work()).encoded()
        except SyncError as error:
            response = problem(error)
        except Exception:  # noqa: BLE001 - the edge: internal errors must not leak
            response = defect()
        for header, value in API_HEADERS.items():
            response.headers.setdefault(header, value)
        current.span.set(STATUS, response.status_code)
        if response.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR:
            current.fail(str(response.status_code))
        return response
