"""Faults of a response: the values of a fault's `action`, by its `type`."""

from dataclasses import replace
from http import HTTPStatus

import msgspec

from infra.local.entra.http.answers import HTML, JSON, Answer, Wire

_FOREIGN = "https://graph.example.net/v1.0/users?$skiptoken=taken"
_VALUE = "value"
_NEXT = "@odata.nextLink"


class Respond(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="respond"):
    """Another response. `body` is JSON, or text if `content_type` is given."""

    status: int = 500
    body: msgspec.Raw = msgspec.Raw(b"{}")
    content_type: str | None = None
    headers: dict[str, str] = {}


class Delay(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="delay"):
    """The correct response, delayed."""

    seconds: float


class Reset(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="reset"):
    """The connection breaks in the middle of the body."""


class Truncate(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="truncate"):
    """Half of the JSON, with a matching Content-Length."""


class Html(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="html"):
    """A proxy's HTML page instead of JSON."""

    status: int = 200


class ErrorInOk(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="error_in_ok"):
    """Status 200 with an error in the body."""


class NoValue(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="no_value"):
    """A page without `value`."""


class RepeatNextLink(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="repeat_next_link"):
    """A nextLink to the same page."""


class ForeignNextLink(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="foreign_next_link"):
    """A nextLink to another host, or to `url` if given."""

    url: str = _FOREIGN


class PlainNextLink(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="plain_next_link"):
    """The correct nextLink with http instead of https."""


class DuplicateItem(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="duplicate_item"):
    """The first item of the page is repeated at its end."""


class DropItem(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="drop_item"):
    """The last item of the page is missing."""


class EmptyPage(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="empty_page"):
    """An empty page with a nextLink to the correct page."""


class Throttled(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="throttled"):
    """429, without Retry-After if `retry_after_s` is null."""

    retry_after_s: int | None = 1


class Refuse(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="aadsts"):
    """Login only: an error by AADSTS number."""

    code: int


Action = (
    Respond
    | Delay
    | Reset
    | Truncate
    | Html
    | ErrorInOk
    | NoValue
    | RepeatNextLink
    | ForeignNextLink
    | PlainNextLink
    | DuplicateItem
    | DropItem
    | EmptyPage
    | Throttled
    | Refuse
)


def apply(action: Action, answer: Answer, url: str) -> Answer:
    """Return `answer` with the fault. `url` is the address of the request."""
    match action:
        case Delay():
            return replace(answer, delay_s=action.seconds)
        case Reset():
            return replace(answer, wire=Wire.RESET)
        case Truncate():
            return replace(answer, wire=Wire.TRUNCATED)
        case Respond() | Html() | ErrorInOk() | Throttled():
            return _instead(action)
        case Refuse():
            return answer
        case _:
            return _changed(action, answer, url)


def _instead(action: Respond | Html | ErrorInOk | Throttled) -> Answer:
    match action:
        case Respond():
            body = bytes(action.body)
            if action.content_type:
                body = msgspec.json.decode(body, type=str).encode()
            return Answer(
                status=action.status, body=body, content_type=action.content_type or JSON, headers=action.headers
            )
        case Html():
            return Answer(
                status=action.status, body=b"<html><body><h1>Service unavailable</h1></body></html>", content_type=HTML
            )
        case ErrorInOk():
            return Answer(body=b'{"error":{"code":"UnknownError","message":"Something went wrong."}}')
        case Throttled():
            headers = {} if action.retry_after_s is None else {"Retry-After": str(action.retry_after_s)}
            body = b'{"error":{"code":"TooManyRequests","message":"Too many requests."}}'
            return Answer(status=HTTPStatus.TOO_MANY_REQUESTS, body=body, headers=headers)


def _changed(action: Action, answer: Answer, url: str) -> Answer:
    try:
        page = msgspec.json.decode(answer.body, type=dict[str, object])
    except msgspec.DecodeError:
        return answer
    items = page.get(_VALUE)
    match action:
        case NoValue():
            page.pop(_VALUE, None)
        case RepeatNextLink():
            page[_NEXT] = url
        case ForeignNextLink():
            page[_NEXT] = action.url
        case PlainNextLink() if isinstance(link := page.get(_NEXT), str):
            page[_NEXT] = link.replace("https://", "http://", 1)
        case DuplicateItem() if isinstance(items, list):
            items.extend(items[:1])
        case DropItem() if isinstance(items, list):
            del items[-1:]
        case EmptyPage():
            page = {"@odata.context": page.get("@odata.context"), _VALUE: [], _NEXT: _behind(url)}
        case _:
            return answer
    return replace(answer, body=msgspec.json.encode(page))


def _behind(url: str) -> str:
    """Return an equivalent but different address, because clients that remember nextLinks would detect a loop."""
    return f"{url}{'&' if '?' in url else '?'}page=again"
