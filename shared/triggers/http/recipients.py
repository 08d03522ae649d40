"""Recipients of a location, searched and paged."""

from enum import StrEnum
from typing import Any, Final, TypeVar

import azure.functions as func
import msgspec

from shared.bootstrap import app
from shared.domain.ids import recipient_id
from shared.domain.recipient import Origin, Recipient, Status
from shared.errors import Rejected
from shared.triggers.http.answers import Answer
from shared.triggers.http.requests import Request
from shared.triggers.http.routing import route
from shared.workflows.observe import RecipientFilter

#: Most recipients in one answer.
_MAX_PAGE: Final = 1_000
E = TypeVar("E", bound=StrEnum)

bp = func.Blueprint()


@route(bp, "GET", "tenants/{tenant}/locations/{location}/recipients")
async def recipients_list(request: Request) -> Answer:
    """Answer a page of recipients, and the cursor of the next."""
    found, after = await app().observe.page(request.tenant, request.location, _filter(request))
    return Answer({"recipients": [_view(each) for each in found], "cursor": after})


def _filter(request: Request) -> RecipientFilter:
    cursor = request.query("cursor")
    return RecipientFilter(
        search=request.query("search"),
        status=_choice(request, "status", Status),
        origin=_choice(request, "origin", Origin),
        after=recipient_id(cursor) if cursor else "",
        limit=_limit(request.query("limit", "100")),
    )


def _choice(request: Request, name: str, kind: type[E]) -> E | None:
    """Return one of the words that a parameter of the query may be, None if it is left out."""
    text = request.query(name)
    if not text:
        return None
    try:
        return kind(text)
    except ValueError as error:
        words = ", ".join(each.value for each in kind)
        raise Rejected(f"{name} is {text[:80]!r}; use one of {words}.", code="invalid_query") from error


def _limit(text: str) -> int:
    limit = int(text) if text.isdecimal() and len(text) <= len(str(_MAX_PAGE)) else 0
    if not 1 <= limit <= _MAX_PAGE:
        raise Rejected(f"limit is {text[:80]!r}; use 1 to {_MAX_PAGE}.", code="invalid_query")
    return limit


def _view(recipient: Recipient) -> dict[str, Any]:
    return {
        "id": recipient.id,
        "origin": recipient.origin,
        "status": recipient.status,
        "objectId": recipient.object_id,
        "reason": recipient.reason,
        **msgspec.to_builtins(recipient.profile),
    }
