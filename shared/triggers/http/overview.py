"""Route for the overview of all tenants, for operators."""

import azure.functions as func

from shared.bootstrap import app
from shared.errors import Rejected
from shared.triggers.http.framework.answers import Answer
from shared.triggers.http.framework.contracts import Contract, Parameter, answers, one_of, paged
from shared.triggers.http.framework.paging import cursor_of, limit_of, position_of
from shared.triggers.http.framework.requests import Request
from shared.triggers.http.framework.routing import route
from shared.triggers.http.schemas.operations import OverviewView
from shared.workflows.operations.overview import Position, Sort

bp = func.Blueprint()


@route(
    bp,
    "GET",
    "overview",
    Contract(
        answers=answers(OverviewView),
        query=(
            Parameter(name="search", about="Part of the id or the name of a tenant."),
            one_of("sort", "Sort order.", Sort, reversible=True),
            *paged(),
        ),
    ),
)
async def overview(request: Request) -> Answer:
    """List all tenants with the state of their connection and last sync."""
    search, sort = request.query("search"), request.query("sort", Sort.NAME.value)
    scope = ("overview", search, sort)
    lines, end = await app().overview(
        search,
        _sort(sort.removeprefix("-")),
        descending=sort.startswith("-"),
        after=position_of(request, Position, *scope),
        limit=limit_of(request),
    )
    return Answer(OverviewView(tenants=lines, cursor=cursor_of(end, *scope)))


def _sort(text: str) -> Sort:
    try:
        return Sort(text)
    except ValueError as error:
        words = ", ".join(order.value for order in Sort)
        raise Rejected(
            f"Invalid sort order {text[:80]!r}: use {words}, with a leading - for descending order.",
            code="invalid_query",
        ) from error
