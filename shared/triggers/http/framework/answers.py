"""Responses of routes, and errors as problem+json (RFC 9457)."""

from http import HTTPStatus
from math import ceil
from typing import Any, Final
from uuid import uuid4

import azure.functions as func
import msgspec

from shared.domain.connections.validation_report import Report
from shared.domain.retry_policy import API_RETRY_AFTER_S
from shared.errors import (
    ChangedMeanwhile,
    Conflict,
    Contended,
    Forbidden,
    Misconfigured,
    NeedsAttention,
    NotFound,
    Paused,
    RateLimited,
    Rejected,
    SyncError,
    TooLarge,
    Transient,
    Unauthenticated,
)
from shared.telemetry import failure

#: Retry-After in seconds for errors that the operator has to repair first.
_MENDED_AFTER_S: Final = 60.0
#: How an error about a file names the columns, by attribute.
_COLUMNS: Final = {"used_columns": "usedColumns", "unused_columns": "unusedColumns"}
#: The fix for errors whose message only states what is wrong, by code.
_FIXES: Final = {
    "invalid_body": "Correct the named field, then send the request again.",
    "malformed_json": "Send one JSON object, encoded in UTF-8.",
    "body_required": "Send the content again, together with its length.",
    "body_too_large": "Send a smaller request, or split it into several.",
    "invalid_query": "Correct the named parameter, then send the request again.",
    "invalid_header": "Correct the named header, then send the request again.",
    "changed_meanwhile": "Load the current version, check what has changed, then repeat your change.",
    "sso_required": "Enter the sign-in application first, on the Connect page.",
    "not_connected": "Connect the directory first, on the Connect page.",
    "contended": "Wait a moment, then try again.",
    "paused": "Wait until your operator has ended the pause, then try again.",
    "rate_limited": "Wait a moment, then try again.",
    "not_signed_in": "Sign in, then try again.",
    "sign_in_off": "Ask the operator to set up sign-in, or use a function key.",
    "forbidden": "Ask the operator for access.",
    "key_refused": "Ask the operator for a new key.",
}
#: Codes of Rejected for malformed requests, which are answered with 400 instead of 422.
_MALFORMED: Final = frozenset({"malformed_json", "body_required", "body_too_large", "mixed_credentials"})


class WrongMethod(Rejected):
    """The path exists but does not support the HTTP method."""

    def __init__(self, message: str, allowed: tuple[str, ...]) -> None:
        super().__init__(message, code="method_not_allowed")
        self.allowed = allowed


class LengthRequired(Rejected):
    """The request announces a body of unknown length (`Transfer-Encoding`), and nothing of it was received."""

    default_code = "body_required"


class Answer(msgspec.Struct, frozen=True):
    """The response of a route: a value that msgspec encodes, bytes to send unchanged, or None for no content."""

    body: object = None
    status: HTTPStatus = HTTPStatus.OK
    headers: dict[str, str] = msgspec.field(default_factory=dict)
    mimetype: str = "application/json"

    def encoded(self) -> func.HttpResponse:
        """Return the response in the form of the Functions host."""
        if self.body is None:
            return func.HttpResponse(status_code=HTTPStatus.NO_CONTENT, headers=self.headers)
        return func.HttpResponse(
            self.body if isinstance(self.body, bytes) else msgspec.json.encode(self.body),
            status_code=self.status,
            mimetype=self.mimetype,
            headers=self.headers,
        )


def tagged(tag: str) -> dict[str, str]:
    """Return the ETag header for a version."""
    return {"ETag": f'"{tag}"'}


def problem(error: SyncError) -> func.HttpResponse:
    """Return an error as problem+json: a stable code, what is wrong, and the fix."""
    status = status_of(error)
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
    for name, shown in _COLUMNS.items():
        if (columns := getattr(error, name, None)) is not None:
            body[shown] = columns
    headers = {}
    if status in {HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE} or isinstance(error, Contended):
        wait_s = error.retry_after_s if isinstance(error, Transient) else _MENDED_AFTER_S
        headers["Retry-After"] = str(max(1, ceil(wait_s or API_RETRY_AFTER_S)))
    if isinstance(error, WrongMethod):
        headers["Allow"] = ", ".join(error.allowed)
    if isinstance(error, Unauthenticated):
        headers["WWW-Authenticate"] = "Bearer"
    return _encode(body, status, headers)


def defect() -> func.HttpResponse:
    """Log the exception being handled and return a 500 that reveals only its id in the log."""
    trace = uuid4().hex
    failure("http_failed", trace=trace)
    status = HTTPStatus.INTERNAL_SERVER_ERROR
    detail = f"An unexpected error occurred. Give this ID to your operator: {trace}."
    return _encode({**_head(status, "internal", detail), "correlationId": trace}, status)


def _head(status: HTTPStatus, code: str, detail: str) -> dict[str, Any]:
    return {"type": "about:blank", "title": status.phrase, "status": int(status), "code": code, "detail": detail}


def _encode(body: dict[str, Any], status: HTTPStatus, headers: dict[str, str] | None = None) -> func.HttpResponse:
    return func.HttpResponse(
        msgspec.json.encode(body), status_code=status, mimetype="application/problem+json", headers=headers or {}
    )


#: HTTP status by error class; the first matching class counts.
_STATUS: Final = (
    (NotFound, HTTPStatus.NOT_FOUND),
    (WrongMethod, HTTPStatus.METHOD_NOT_ALLOWED),
    (Unauthenticated, HTTPStatus.UNAUTHORIZED),
    (Forbidden, HTTPStatus.FORBIDDEN),
    (TooLarge, HTTPStatus.REQUEST_ENTITY_TOO_LARGE),
    (Rejected, HTTPStatus.UNPROCESSABLE_ENTITY),
    (ChangedMeanwhile, HTTPStatus.PRECONDITION_FAILED),
    (Conflict, HTTPStatus.CONFLICT),
    (NeedsAttention, HTTPStatus.UNPROCESSABLE_ENTITY),
    (RateLimited, HTTPStatus.TOO_MANY_REQUESTS),
    (Contended, HTTPStatus.CONFLICT),
    (Paused, HTTPStatus.CONFLICT),
    (Transient, HTTPStatus.SERVICE_UNAVAILABLE),
    (Misconfigured, HTTPStatus.SERVICE_UNAVAILABLE),
)


def status_of(error: SyncError) -> HTTPStatus:
    """Return the status of the answer to an error."""
    if isinstance(error, LengthRequired):
        return HTTPStatus.LENGTH_REQUIRED
    if isinstance(error, Rejected) and (error.code in _MALFORMED or error.code.startswith("invalid_")):
        return HTTPStatus.BAD_REQUEST
    return next((status for kind, status in _STATUS if isinstance(error, kind)), HTTPStatus.INTERNAL_SERVER_ERROR)
