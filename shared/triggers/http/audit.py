"""Routes for the audit log: of one tenant, and of all for the operator; as JSON or CSV, page by page."""

import csv
import io
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

import azure.functions as func

from shared.bootstrap import app
from shared.domain import ids
from shared.domain.operations.audit import AuditPosition, Recorded
from shared.errors import Rejected
from shared.triggers.http.framework.answers import Answer
from shared.triggers.http.framework.contracts import NO_TENANT, Contract, Parameter, answers, paged
from shared.triggers.http.framework.files import csv_file
from shared.triggers.http.framework.negotiation import preferred
from shared.triggers.http.framework.paging import cursor_of, limit_of, position_of
from shared.triggers.http.framework.records import CSV, JSON
from shared.triggers.http.framework.requests import Request
from shared.triggers.http.framework.routing import route
from shared.triggers.http.schemas.audit import COLUMNS, AuditEntryView, AuditView
from shared.workflows.operations.audit import require_position

bp = func.Blueprint()

_TIME: Final = {"type": "string", "format": "date-time"}
_TIMES: Final = (
    Parameter(name="since", about="Time of the oldest entries, in ISO 8601 with a time zone.", schema=_TIME),
    Parameter(name="until", about="Time that all entries precede.", schema=_TIME),
)


@route(
    bp,
    "GET",
    "tenants/{tenant}/audit",
    Contract(answers=answers(AuditView), answers_csv=True, query=(*_TIMES, *paged()), problems=NO_TENANT),
)
async def audit_of_tenant(request: Request) -> Answer:
    """List who changed or exported what of a tenant, newest first; as CSV on request."""
    scope = ("audit", request.tenant)
    since, until, after = _time(request, "since"), _time(request, "until"), _after(request, *scope)
    entries, end = await app().audit.list_own(request.tenant, after, limit_of(request), since=since, until=until)
    return _answer(request, entries, cursor_of(end, *scope))


@route(
    bp,
    "GET",
    "audit",
    Contract(
        answers=answers(AuditView),
        answers_csv=True,
        query=(
            Parameter(name="tenant", about="Only the entries of this tenant, which may have been deleted."),
            *_TIMES,
            *paged(),
        ),
    ),
)
async def audit_of_all(request: Request) -> Answer:
    """List the operator's entries, then those of each tenant, each newest first; as CSV on request."""
    tenant = ids.tenant_id(request.query("tenant")) if request.query("tenant") else None
    scope = ("audit of all", tenant or "")
    since, until, after = _time(request, "since"), _time(request, "until"), _after(request, *scope)
    entries, end = await app().audit.list_all(tenant, after, limit_of(request), since=since, until=until)
    return _answer(request, entries, cursor_of(end, *scope))


def _after(request: Request, *scope: str) -> AuditPosition | None:
    return position_of(request, AuditPosition, *scope, id_of=require_position)


def _time(request: Request, name: str) -> datetime | None:
    text = request.query(name).replace(" ", "+")  # a + that was not encoded
    if not text:
        return None
    try:
        time = datetime.fromisoformat(text)
        if time.tzinfo is not None:
            return time.astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    raise Rejected(
        f"Invalid {name} {text[:80]!r}: use a time with a time zone, such as 2026-11-30T08:00:00Z.",
        code="invalid_query",
    )


def _answer(request: Request, entries: Sequence[Recorded], cursor: str | None) -> Answer:
    views = [AuditEntryView.of(recorded) for recorded in entries]
    if preferred(request.header("accept"), (JSON, CSV)) != CSV:
        return Answer(AuditView(entries=views, cursor=cursor))
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(COLUMNS)
    writer.writerows(view.row() for view in views)
    return csv_file(text.getvalue().encode("utf-8-sig"), "audit.csv", cursor)
