"""Recipients of a location, searched and paged."""

from typing import Any, Final

import azure.functions as func
import msgspec

from shared.bootstrap import app
from shared.domain.recipient import Origin, Recipient, Status
from shared.errors import Rejected
from shared.triggers.http.answers import Answer, Request, route
from shared.workflows.observe import RecipientFilter

_MAX_PAGE: Final = 1_000

bp = func.Blueprint()


@route(bp, "GET", "tenants/{tenant}/locations/{location}/recipients")
async def recipients_list(request: Request) -> Answer:
    """Answer a page of recipients, and the cursor of the next."""
    found, after = await app().observe.page(request.tenant, request.location, _filter(request))
    return Answer({"recipients": [_view(each) for each in found], "cursor": after})


def _filter(request: Request) -> RecipientFilter:
    try:
        wanted = RecipientFilter(
            search=request.query("search"),
            status=Status(text) if (text := request.query("status")) else None,
            origin=Origin(text) if (text := request.query("origin")) else None,
            after=request.query("cursor"),
            limit=int(request.query("limit", "100")),
        )
    except ValueError as error:
        raise Rejected(f"The query is not what this route takes: {error}.", code="invalid_query") from error
    if not 1 <= wanted.limit <= _MAX_PAGE:
        raise Rejected(f"limit must be 1 to {_MAX_PAGE}.", code="invalid_query")
    return wanted


def _view(recipient: Recipient) -> dict[str, Any]:
    return {
        "id": recipient.id,
        "origin": recipient.origin,
        "status": recipient.status,
        "objectId": recipient.object_id,
        "reason": recipient.reason,
        **msgspec.to_builtins(recipient.profile),
    }
