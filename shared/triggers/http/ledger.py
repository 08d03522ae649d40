"""The operator's ledger: what could not be worked off, put back or thrown away."""

import azure.functions as func

from shared.bootstrap import app
from shared.domain.access.callers import name_of
from shared.triggers.http.framework.answers import Answer
from shared.triggers.http.framework.contracts import NO_CONTENT, Contract, Parameter, answers, paged
from shared.triggers.http.framework.paging import cursor_of, limit_of, position_of
from shared.triggers.http.framework.requests import Request
from shared.triggers.http.framework.routing import route
from shared.triggers.http.schemas.operations import EntryView, LedgerView
from shared.workflows.operations.queries import EntryPosition

bp = func.Blueprint()
_QUEUE = Parameter(name="queue", about="The entry's queue, where entries of several have one id.")


@route(bp, "GET", "ledger", Contract(answers=answers(LedgerView), query=paged()))
async def ledger_get(request: Request) -> Answer:
    """Answer a page of what needs the operator's eye, newest first."""
    found, end = await app().observe.entries(position_of(request, EntryPosition, "ledger"), limit_of(request))
    return Answer(LedgerView(entries=[EntryView.of(each) for each in found], cursor=cursor_of(end, "ledger")))


@route(
    bp,
    "POST",
    "ledger/{entry}/replay",
    Contract(
        answers=answers(EntryView),
        query=(_QUEUE,),
        problems={
            404: ("entry_not_found",),
            409: ("run_ended", "request_in_progress", "conflict"),
            422: ("not_replayable", "ambiguous_entry"),
        },
    ),
)
async def ledger_replay(request: Request) -> Answer:
    """Put a message back on its queue, once."""
    by = name_of(request.caller)
    return Answer(EntryView.of(await app().replay.replay(request.entry, request.query("queue"), by)))


@route(
    bp,
    "DELETE",
    "ledger/{entry}",
    Contract(
        answers=NO_CONTENT,
        query=(_QUEUE,),
        problems={404: ("entry_not_found",), 409: ("conflict",), 422: ("ambiguous_entry",)},
    ),
)
async def ledger_discard(request: Request) -> Answer:
    """Throw an entry away."""
    await app().replay.discard(request.entry, request.query("queue"), name_of(request.caller))
    return Answer()
