"""Manners that damage an answer: reading it gives the right result or an error, and never a wrong result."""

import gzip
import json
from datetime import UTC, datetime
from email.utils import format_datetime
from http import HTTPStatus
from typing import Any, Final

from infra.local.entra.http.request import Request
from tests.support.hostile_graph.server import Manner, Sent

_NEXT = "@odata.nextLink"
_HTML = b"<!DOCTYPE html><html><head><title>Sign in</title></head><body>Sign in to the network</body></html>"
_ERROR = {"code": "UnknownError", "message": "", "innerError": {"date": "2026-01-01T00:00:00"}}


def _page(sent: Sent) -> dict[str, Any] | None:
    """Return the content of a page."""
    is_page = isinstance(sent.content, dict) and isinstance(sent.content.get("value"), list)
    return sent.content if is_page else None


def _next_link_as(name: str) -> Manner:
    def manner(_: Request, sent: Sent) -> bool:
        page = _page(sent)
        if page is None or _NEXT not in page:
            return False
        page[name] = page.pop(_NEXT)
        return True

    return manner


def _next_link_to(address: str) -> Manner:
    """Replace scheme and host of the next link."""

    def manner(request: Request, sent: Sent) -> bool:
        page = _page(sent)
        if page is None or _NEXT not in page:
            return False
        page[_NEXT] = page[_NEXT].replace("https://localhost", address).replace("HOST", request.headers["host"])
        return True

    return manner


def _value_as(change: Any) -> Manner:  # noqa: ANN401 - a JSON value, or a function of the page's objects
    def manner(_: Request, sent: Sent) -> bool:
        page = _page(sent)
        if page is None:
            return False
        page["value"] = change(page["value"]) if callable(change) else change
        return True

    return manner


def _each(**properties: Any) -> Manner:  # noqa: ANN401 - JSON values
    """Replace properties of every object of a page."""

    def manner(_: Request, sent: Sent) -> bool:
        page = _page(sent)
        if not page or not page["value"]:
            return False
        page["value"] = [{**each, **properties} if isinstance(each, dict) else each for each in page["value"]]
        return True

    return manner


def _value_under(name: str) -> Manner:
    def manner(_: Request, sent: Sent) -> bool:
        page = _page(sent)
        if page is None:
            return False
        page[name] = page.pop("value")
        return True

    return manner


def _whole(**changes: Any) -> Manner:  # noqa: ANN401 - attributes of a response
    """Replace parts of every response."""

    def manner(_: Request, sent: Sent) -> bool:
        for name, value in changes.items():
            setattr(sent, name, dict(value) if isinstance(value, dict) else value)
        return True

    return manner


def _text(change: Any, **headers: str) -> Manner:  # noqa: ANN401 - a function of the text
    """Change the text of every response, and add headers."""

    def manner(_: Request, sent: Sent) -> bool:
        sent.body = change(json.dumps(sent.content).encode())
        sent.headers |= {name.replace("_", "-"): value for name, value in headers.items()}
        return True

    return manner


def _responses(change: Any) -> Manner:  # noqa: ANN401 - a function of the responses
    """Change the responses in a batch."""

    def manner(_: Request, sent: Sent) -> bool:
        if "responses" not in sent.content:
            return False
        sent.content["responses"] = change(sent.content["responses"])
        return True

    return manner


def _part(name: str, change: Any) -> Manner:  # noqa: ANN401 - a function of the value
    """Change one property of every response in a batch."""
    return _responses(lambda parts: [{**part, name: change(part[name])} for part in parts])


class _Busy:
    """The first request of each method is told to wait."""

    def __init__(self, status: HTTPStatus, retry_after: str) -> None:
        self._asked: set[str] = set()
        self._status = status
        self._retry_after = retry_after

    def __call__(self, request: Request, sent: Sent) -> bool:
        first = request.method not in self._asked
        self._asked.add(request.method)
        if first:
            sent.status, sent.body = self._status, b""
            sent.headers = {"rEtRy-AfTeR": self._retry_after}
        return first


def _untyped_errors(_: Request, sent: Sent) -> bool:
    if sent.status < HTTPStatus.BAD_REQUEST:
        return False
    del sent.headers["Content-Type"]
    return True


_PAST: Final = format_datetime(datetime(2020, 2, 29, tzinfo=UTC), usegmt=True)

#: Every manner by what it does.
BREAKAGES: Final[dict[str, Manner]] = {
    "next link in lower case": _next_link_as("@odata.nextlink"),
    "next link without a prefix": _next_link_as("@nextLink"),
    "next link of OData 3": _next_link_as("odata.nextLink"),
    "next link without a namespace": _next_link_as("NextLink"),
    "next link without a host": _next_link_to(""),
    "next link over http": _next_link_to("http://localhost"),
    "next link to another host": _next_link_to("https://graph.example.net"),
    "next link with credentials": _next_link_to("https://me@localhost"),
    "value is null": _value_as(None),
    "value is an object": _value_as({}),
    "value is a text": _value_as("[]"),
    "value in capitals": _value_under("Value"),
    "value under another name": _value_under("items"),
    "a null among the objects": _value_as(lambda objects: [None, *objects]),
    "objects without an id": _each(id=None),
    "ids that are numbers": _each(id=12),
    "ids that are no GUIDs": _each(id="ada@example.com"),
    "booleans as texts": _each(accountEnabled="true"),
    "texts as numbers": _each(employeeId=12, displayName=7),
    "names that are null": _each(userPrincipalName=None),
    "lists as texts": _each(businessPhones="+49 30 1"),
    "an error beside a page": lambda _, sent: bool(sent.content.setdefault("error", _ERROR)),
    "an error with 200": _whole(status=200, content={"error": _ERROR}),
    "an old error with 200": _whole(status=200, content={"odata.error": _ERROR}),
    "HTML with 200": _whole(status=200, body=_HTML, headers={"Content-Type": "text/html"}),
    "HTML with 404": _whole(status=404, body=_HTML, headers={"Content-Type": "text/html"}),
    "HTML with 502": _whole(status=502, body=_HTML, headers={"Content-Type": "text/html"}),
    "HTML as JSON": _whole(body=_HTML),
    "nothing with 200": _whole(status=200, body=b""),
    "204": _whole(status=204, body=b""),
    "202 with a page": _whole(status=202, content={"value": []}),
    "a redirect": _whole(status=302, content={"value": []}, headers={"Location": "https://localhost/v1.0/users"}),
    "null": _whole(content=None),
    "an empty list": _whole(content=[]),
    "an empty object": _whole(content={}),
    "errors without a type": _untyped_errors,
    "no type": _whole(headers={}),
    "another type": _whole(headers={"Content-Type": "text/plain; charset=iso-8859-1"}),
    "a byte order mark": _text(lambda text: b"\xef\xbb\xbf" + text),
    "UTF-16": _text(lambda text: text.decode().encode("utf-16"), Content_Type="application/json; charset=utf-16"),
    "half of the text": _text(lambda text: text[: len(text) // 2]),
    "two texts": _text(lambda text: text + text),
    "a text in a text": _text(lambda text: json.dumps(text.decode()).encode()),
    "gzip that is none": _text(lambda text: text, Content_Encoding="gzip"),
    "half of a gzip": _text(lambda text: gzip.compress(text)[:-12], Content_Encoding="gzip"),
    "an unknown encoding": _text(lambda text: text, Content_Encoding="x-proxy"),
    "a connection that ends early": _whole(cut=9),
    "chunks that end early": _whole(streamed=True, cut=9),
    "429 until a date": _Busy(HTTPStatus.TOO_MANY_REQUESTS, _PAST),
    "503 until a negative time": _Busy(HTTPStatus.SERVICE_UNAVAILABLE, "-5"),
    "no responses of a batch": _responses(lambda _: []),
    "responses that are null": _responses(lambda _: None),
    "half of the responses": _responses(lambda parts: parts[::2]),
    "responses twice": _responses(lambda parts: parts + parts),
    "responses of others": _responses(lambda parts: [{**part, "id": f"9{part['id']}"} for part in parts]),
    "numbers of responses": _part("id", int),
    "statuses as texts": _part("status", str),
    "bodies as texts": _part("body", json.dumps),
    "bodies that are null": _part("body", lambda _: None),
    "all parts not found": _part("status", lambda _: 404),
}
