"""Responses before they are sent."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from http import HTTPStatus

import msgspec

JSON = "application/json;odata.metadata=minimal;odata.streaming=true;IEEE754Compatible=false;charset=utf-8"
PLAIN = "text/plain"
HTML = "text/html; charset=utf-8"


class Wire(StrEnum):
    """How a response is damaged on its way."""

    WHOLE = "whole"
    TRUNCATED = "truncated"  # half of the body, with a matching Content-Length
    RESET = "reset"  # half of the body, then the connection breaks


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """Status, body and headers. Only faults set `wire` and `delay_s`."""

    status: int = HTTPStatus.OK
    body: bytes = b""
    content_type: str = JSON
    headers: Mapping[str, str] = field(default_factory=dict)
    wire: Wire = Wire.WHOLE
    delay_s: float = 0.0


class GraphError(Exception):
    """An error response with Graph's code."""

    def __init__(self, status: int, code: str, message: str, *, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.headers = dict(headers or {})


def bad_request(message: str, code: str = "Request_BadRequest") -> GraphError:
    """Return a 400 error."""
    return GraphError(HTTPStatus.BAD_REQUEST, code, message)


def unsupported(message: str) -> GraphError:
    """Return the 400 error for a query that needs `ConsistencyLevel: eventual` or that Graph does not support."""
    return bad_request(message, "Request_UnsupportedQuery")


def not_found(object_id: str) -> GraphError:
    """Return the 404 error for a directory object."""
    return GraphError(
        HTTPStatus.NOT_FOUND,
        "Request_ResourceNotFound",
        f"Resource '{object_id}' does not exist or one of its queried reference-property objects are not present.",
    )


def forbidden() -> GraphError:
    """Return the 403 error for a permission that the token does not have."""
    return GraphError(
        HTTPStatus.FORBIDDEN, "Authorization_RequestDenied", "Insufficient privileges to complete the operation."
    )


def error_answer(error: GraphError, *, request_id: str, client_request_id: str, date: str) -> Answer:
    """Return the error as Graph words it."""
    inner = {"date": date, "request-id": request_id, "client-request-id": client_request_id}
    body = {"error": {"code": error.code, "message": error.message, "innerError": inner}}
    return Answer(status=error.status, body=msgspec.json.encode(body), headers=error.headers)


def json_answer(body: Mapping[str, object]) -> Answer:
    """Return a response with a JSON object."""
    return Answer(body=msgspec.json.encode(body))


def entity(context: str, fragment: bytes) -> Answer:
    """Return a response with one encoded JSON object, its context first."""
    head = b'{"@odata.context":' + msgspec.json.encode(context)
    return Answer(body=head + (b"}" if fragment == b"{}" else b"," + fragment[1:]))


def collection(context: str, fragments: Iterable[bytes], annotations: Mapping[str, object]) -> Answer:
    """Return a response with encoded JSON objects under `value`.

    `annotations` such as `@odata.nextLink` come before them.
    """
    head = msgspec.json.encode({"@odata.context": context, **annotations})
    return Answer(body=b"".join((head[:-1], b',"value":[', b",".join(fragments), b"]}")))
