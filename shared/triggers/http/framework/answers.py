"""What routes answer, and errors as problem+json (RFC 9457)."""

import logging
from dataclasses import dataclass, field
from http import HTTPStatus
from math import ceil
from typing import Any, Final
from uuid import uuid4

import azure.functions as func
import msgspec

from shared.domain.connections.validation_report import Report
from shared.errors import (
    ChangedMeanwhile,
    Conflict,
    Forbidden,
    Misconfigured,
    NeedsAttention,
    NotFound,
    RateLimited,
    Rejected,
    SyncError,
    Transient,
    Unauthenticated,
)

#: What a caller is asked to wait, in seconds, where nobody said for how long.
_RETRY_AFTER_S: Final = 5.0
#: What a caller is asked to wait, in seconds, where the operator has to mend something first.
_MENDED_AFTER_S: Final = 60.0
#: What to do about a problem whose sentence only says what is wrong, by its code.
_FIXES: Final = {
    "invalid_body": "Correct the field that is named, and send the request again.",
    "malformed_json": "Send one JSON object in UTF-8.",
    "body_too_large": "Send less, or in several requests.",
    "invalid_query": "Correct the parameter that is named, and send the request again.",
    "invalid_header": "Correct the header that is named, and send the request again.",
    "changed_meanwhile": "Read it again, look at what has changed, and send the change with its new ETag.",
    "sso_required": "Configure the sign-in application with PUT /api/tenants/{tenant}/sso first.",
    "not_connected": "Switch the connection on with PUT /api/tenants/{tenant}/connection.",
    "rate_limited": "Wait as long as Retry-After says, then send the request again.",
    "not_signed_in": "Sign in, and send the request again.",
    "sign_in_off": "Ask the operator to set up sign-in, or use a function key.",
    "forbidden": "Ask the operator for the role and the grant.",
}
#: Codes of Rejected that are about the shape of the request, not about what it asks for.
_MALFORMED: Final = frozenset({"invalid_body", "malformed_json", "body_too_large"})
_log = logging.getLogger("recipient_sync.http")


class WrongMethod(Rejected):
    """The address is right, and takes other methods."""

    def __init__(self, message: str, allowed: tuple[str, ...]) -> None:
        super().__init__(message, code="method_not_allowed")
        self.allowed = allowed


@dataclass(frozen=True, slots=True)
class Answer:
    """What a route answers: any value that msgspec encodes, bytes as they are, None for no content."""

    body: object = None
    status: HTTPStatus = HTTPStatus.OK
    headers: dict[str, str] = field(default_factory=dict)
    mimetype: str = "application/json"

    def encoded(self) -> func.HttpResponse:
        """Return it as the host takes it."""
        if self.body is None:
            return func.HttpResponse(status_code=HTTPStatus.NO_CONTENT, headers=self.headers)
        return func.HttpResponse(
            self.body if isinstance(self.body, bytes) else msgspec.json.encode(self.body),
            status_code=self.status,
            mimetype=self.mimetype,
            headers=self.headers,
        )


def tagged(tag: str) -> dict[str, str]:
    """Return the header that names a version."""
    return {"ETag": f'"{tag}"'}


def problem(error: SyncError) -> func.HttpResponse:
    """Return an error as a problem with a stable code, a sentence, and what to do."""
    status = _status(error)
    body = _head(status, error.code, str(error))
    report = getattr(error, "report", None)
    fix = _FIXES.get(error.code)
    if isinstance(report, Report):
        failures = report.failures()
        fix = next((check for check in failures if check.retry is not True), failures[0]).fix
    if fix:
        body["fix"] = fix
    if report is not None:
        body["report"] = report
    if rows := getattr(error, "problems", None):
        body["problems"] = rows
    headers = {}
    if status in {HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE}:
        asked_s = error.retry_after_s if isinstance(error, Transient) else _MENDED_AFTER_S
        headers["Retry-After"] = str(max(1, ceil(asked_s or _RETRY_AFTER_S)))
    if isinstance(error, WrongMethod):
        headers["Allow"] = ", ".join(error.allowed)
    if isinstance(error, Unauthenticated):
        headers["WWW-Authenticate"] = "Bearer"
    return _encode(body, status, headers)


def defect() -> func.HttpResponse:
    """Return what is answered while an unexpected error is handled: nothing of it but an id that the log has too."""
    trace = uuid4().hex
    _log.exception("http_failed trace=%s", trace)
    status = HTTPStatus.INTERNAL_SERVER_ERROR
    detail = f"Something went wrong on our side; tell the operator this id: {trace}."
    return _encode({**_head(status, "internal", detail), "correlationId": trace}, status)


def _head(status: HTTPStatus, code: str, detail: str) -> dict[str, Any]:
    return {"type": "about:blank", "title": status.phrase, "status": int(status), "code": code, "detail": detail}


def _encode(body: dict[str, Any], status: HTTPStatus, headers: dict[str, str] | None = None) -> func.HttpResponse:
    return func.HttpResponse(
        msgspec.json.encode(body), status_code=status, mimetype="application/problem+json", headers=headers or {}
    )


#: The status of each kind of error; the first kind that fits counts.
_STATUS: Final = (
    (NotFound, HTTPStatus.NOT_FOUND),
    (WrongMethod, HTTPStatus.METHOD_NOT_ALLOWED),
    (Unauthenticated, HTTPStatus.UNAUTHORIZED),
    (Forbidden, HTTPStatus.FORBIDDEN),
    (Rejected, HTTPStatus.UNPROCESSABLE_ENTITY),
    (ChangedMeanwhile, HTTPStatus.PRECONDITION_FAILED),
    (Conflict, HTTPStatus.CONFLICT),
    (NeedsAttention, HTTPStatus.UNPROCESSABLE_ENTITY),
    (RateLimited, HTTPStatus.TOO_MANY_REQUESTS),
    (Transient, HTTPStatus.SERVICE_UNAVAILABLE),
    (Misconfigured, HTTPStatus.SERVICE_UNAVAILABLE),
)


def _status(error: SyncError) -> HTTPStatus:
    if isinstance(error, Rejected) and (error.code in _MALFORMED or error.code.startswith("invalid_")):
        return HTTPStatus.BAD_REQUEST
    return next((status for kind, status in _STATUS if isinstance(error, kind)), HTTPStatus.INTERNAL_SERVER_ERROR)
