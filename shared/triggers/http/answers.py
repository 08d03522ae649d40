"""What every route has in common: decoding, encoding, and errors as problem+json (RFC 9457)."""

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from http import HTTPStatus
from math import ceil
from typing import Any, Final, TypeVar
from uuid import uuid4

import azure.functions as func
import msgspec

from shared.domain import ids
from shared.domain.ids import LocationId, RunId, TenantId
from shared.domain.report import Report
from shared.errors import Conflict, Misconfigured, NeedsAttention, NotFound, Rejected, SyncError, Transient
from shared.telemetry import measured

T = TypeVar("T")

#: Longest body that is read, in bytes.
_MAX_BODY: Final = 256 * 1024
#: What a caller is asked to wait, in seconds, where nobody said for how long.
_RETRY_AFTER_S: Final = 5.0
#: What to do about a problem whose sentence only says what is wrong, by its code.
_FIXES: Final = {
    "invalid_body": "Correct the field that is named, and send the request again.",
    "malformed_json": "Send one JSON object in UTF-8.",
    "body_too_large": "Send less, or in several requests.",
    "invalid_query": "Correct the parameter that is named, and send the request again.",
    "sso_required": "Configure the sign-in application with PUT /api/tenants/{tenant}/sso first.",
    "not_connected": "Switch the connection on with PUT /api/tenants/{tenant}/connection.",
}
_log = logging.getLogger("recipient_sync.http")


@dataclass(frozen=True, slots=True)
class Answer:
    """What a route answers: any value that msgspec encodes, None for no content."""

    body: object = None
    status: HTTPStatus = HTTPStatus.OK
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Request:
    """A request, whose ids are validated as they are taken from it."""

    raw: func.HttpRequest

    @property
    def tenant(self) -> TenantId:
        """The tenant of the route. Raises: Rejected."""
        return ids.tenant_id(self.raw.route_params["tenant"])

    @property
    def location(self) -> LocationId:
        """The location of the route. Raises: Rejected."""
        return ids.location_id(self.raw.route_params["location"])

    @property
    def run(self) -> RunId:
        """The run of the route. Raises: Rejected."""
        return ids.run_id(self.raw.route_params["run"])

    def query(self, name: str, default: str = "") -> str:
        """Return a parameter of the query."""
        return self.raw.params.get(name) or default

    def body(self, kind: type[T]) -> T:
        """Return the body. Raises: Rejected, naming the field that is wrong."""
        content = self.raw.get_body()
        if len(content) > _MAX_BODY:
            raise Rejected(f"The body has {len(content)} bytes; send at most {_MAX_BODY}.", code="body_too_large")
        try:
            return msgspec.json.decode(content or b"{}", type=kind)
        except msgspec.ValidationError as error:
            raise Rejected(f"The body is not what this route takes: {error}.", code="invalid_body") from error
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise Rejected(f"The body is no JSON: {error}.", code="malformed_json") from error


Handler = Callable[[Request], Awaitable[Answer]]


def route(
    blueprint: func.Blueprint,
    method: str,
    path: str,
    *,
    auth_level: func.AuthLevel = func.AuthLevel.FUNCTION,
) -> Callable[[Handler], Handler]:
    """Register a handler under its own name as the function that serves a method of a path."""

    def register(handler: Handler) -> Handler:
        async def trigger(req: func.HttpRequest) -> func.HttpResponse:
            with measured():
                return await _answer(handler, req)

        trigger.__name__ = trigger.__qualname__ = handler.__name__
        trigger.__doc__ = handler.__doc__
        blueprint.route(route=path, methods=[method], auth_level=auth_level)(trigger)
        return handler

    return register


async def _answer(handler: Handler, req: func.HttpRequest) -> func.HttpResponse:
    try:
        answer = await handler(Request(req))
    except SyncError as error:
        return _problem(error)
    except Exception:  # noqa: BLE001 - the edge: nothing of what went wrong inside may leave
        trace = uuid4().hex
        _log.exception("http_failed trace=%s", trace)
        status = HTTPStatus.INTERNAL_SERVER_ERROR
        detail = f"Something went wrong on our side; tell the operator this id: {trace}."
        return _encode({**_head(status, "internal", detail), "correlationId": trace}, status)
    if answer.body is None:
        return func.HttpResponse(status_code=HTTPStatus.NO_CONTENT, headers=answer.headers)
    return func.HttpResponse(
        msgspec.json.encode(answer.body),
        status_code=answer.status,
        mimetype="application/json",
        headers=answer.headers,
    )


def _problem(error: SyncError) -> func.HttpResponse:
    status = _status(error)
    body = _head(status, error.code, str(error))
    report = getattr(error, "report", None)
    fix = report.first_fix() if isinstance(report, Report) else _FIXES.get(error.code)
    if fix:
        body["fix"] = fix
    if report is not None:
        body["report"] = report
    headers = {}
    if isinstance(error, Transient):
        headers["Retry-After"] = str(max(1, ceil(error.retry_after_s or _RETRY_AFTER_S)))
    return _encode(body, status, headers)


def _head(status: HTTPStatus, code: str, detail: str) -> dict[str, Any]:
    return {"type": "about:blank", "title": status.phrase, "status": int(status), "code": code, "detail": detail}


def _encode(body: dict[str, Any], status: HTTPStatus, headers: dict[str, str] | None = None) -> func.HttpResponse:
    return func.HttpResponse(
        msgspec.json.encode(body), status_code=status, mimetype="application/problem+json", headers=headers or {}
    )


#: Codes of Rejected that are about the shape of the request, not about what it asks for.
_MALFORMED: Final = frozenset({"invalid_body", "malformed_json", "body_too_large"})


def _status(error: SyncError) -> HTTPStatus:
    match error:
        case NotFound():
            return HTTPStatus.NOT_FOUND
        case Rejected():
            shape = error.code in _MALFORMED or error.code.startswith("invalid_")
            return HTTPStatus.BAD_REQUEST if shape else HTTPStatus.UNPROCESSABLE_ENTITY
        case Conflict():
            return HTTPStatus.CONFLICT
        case NeedsAttention():
            return HTTPStatus.UNPROCESSABLE_ENTITY
        case Transient() | Misconfigured():
            return HTTPStatus.SERVICE_UNAVAILABLE
    return HTTPStatus.INTERNAL_SERVER_ERROR
