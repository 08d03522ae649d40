"""Routes for recipients: search, edit, export and explain."""

import azure.functions as func
from msgspec import UnsetType

from shared.bootstrap import app
from shared.domain import ids
from shared.domain.access.callers import name_of
from shared.domain.access.rate_limit import Expense
from shared.domain.recipient import Origin, Status
from shared.runtime.fair_scheduler import paced
from shared.triggers.http.framework.answers import Answer, tagged
from shared.triggers.http.framework.contracts import NO_LOCATION, NO_TENANT, Contract, Parameter, answers, one_of, paged
from shared.triggers.http.framework.files import csv_file
from shared.triggers.http.framework.negotiation import preferred
from shared.triggers.http.framework.paging import cursor_of, limit_of, position_of
from shared.triggers.http.framework.records import CSV, JSON
from shared.triggers.http.framework.requests import Request
from shared.triggers.http.framework.routing import route
from shared.triggers.http.schemas.recipients import FULL_BODY, RecipientsView, RecipientView
from shared.workflows.operations.recipient_queries import RecipientFilter
from shared.workflows.recipients.explain import Answer as Explained

bp = func.Blueprint()


def _is_export(request: Request) -> bool:
    return preferred(request.header("accept"), (JSON, CSV)) == CSV


def _expense(request: Request) -> Expense:
    """Return whether recipients are exported, searched, or only listed page by page."""
    if _is_export(request):
        return Expense.EXPORT
    searches = any(request.query(name) for name in ("search", "status", "origin"))
    return Expense.SEARCH if searches else Expense.OTHER


@route(
    bp,
    "PATCH",
    "tenants/{tenant}/locations/{location}/recipients/{recipient}",
    Contract(
        answers=answers(RecipientView),
        body=FULL_BODY,
        tagged=True,
        conditional=True,
        problems={
            400: ("invalid_value",),
            404: (*NO_LOCATION[404], "recipient_not_found"),
            409: ("run_active", "paused"),
        },
    ),
)
async def recipients_edit(request: Request) -> Answer:
    """Edit a recipient."""
    body = request.body(FULL_BODY)
    active = None if isinstance(body.active, UnsetType) else body.active
    edited = await app().edit_recipient(
        request.tenant,
        request.location,
        request.recipient,
        body.fields(),
        active,
        name_of(request.caller),
        request.condition(),
    )
    return Answer(RecipientView.of(edited), headers=tagged(edited.tag()))


@route(
    bp,
    "GET",
    "tenants/{tenant}/locations/{location}/recipients/{recipient}",
    Contract(answers=answers(RecipientView), tagged=True, problems={404: (*NO_LOCATION[404], "recipient_not_found")}),
)
async def recipients_get(request: Request) -> Answer:
    """Return a recipient."""
    recipient = await app().recipient_queries.get(request.tenant, request.location, request.recipient)
    return Answer(RecipientView.of(recipient), headers=tagged(recipient.tag()))


@route(
    bp,
    "GET",
    "tenants/{tenant}/locations/{location}/recipients",
    Contract(
        answers=answers(RecipientsView),
        answers_csv=True,
        expense=_expense,
        query=(
            Parameter(name="search", about="Part of a name or an e-mail address."),
            one_of("status", "Only recipients with this status.", Status),
            one_of("origin", "Only recipients of this origin.", Origin),
            *paged(),
        ),
        problems=NO_LOCATION,
    ),
)
async def recipients_list(request: Request) -> Answer:
    """List recipients page by page, or export them as CSV.

    A search looks at 5,000 recipients for one page, which can be empty although more pages follow; an export at
    100,000, and `X-Next-Cursor` is the cursor of the rest.
    """
    scope = ("recipients", request.tenant, request.location)
    criteria = _filter(request, position_of(request, str, *scope, id_of=ids.recipient_id) or "")
    if _is_export(request):
        part = await app().recipient_queries.export(request.tenant, request.location, criteria)
        return csv_file(part.content, f"{request.tenant}-{request.location}.csv", cursor_of(part.end, *scope))
    found = await app().recipient_queries.find(request.tenant, request.location, criteria)
    return Answer(
        RecipientsView(
            recipients=[RecipientView.of(recipient) async for recipient in paced(found.recipients)],
            cursor=cursor_of(found.end, *scope),
            complete=found.end is None,
            searched=found.searched,
        )
    )


@route(
    bp,
    "GET",
    "tenants/{tenant}/explain",
    Contract(
        answers=answers(Explained),
        expense=Expense.SEARCH,
        query=(Parameter(name="user", about="E-mail address, user principal name or object id.", required=True),),
        problems=NO_TENANT,
    ),
)
async def explain(request: Request) -> Answer:
    """Explain for every location whether a person is a recipient, and why."""
    return Answer(await app().explain(request.tenant, request.query("user")))


def _filter(request: Request, after: str) -> RecipientFilter:
    return RecipientFilter(
        search=request.query("search"),
        status=request.choice("status", Status),
        origin=request.choice("origin", Origin),
        after=after,
        limit=limit_of(request),
    )
