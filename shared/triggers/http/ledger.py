"""Routes for the operator log: list, retry and discard failed messages."""

import azure.functions as func

from shared.bootstrap import app
from shared.domain.access.callers import name_of
from shared.domain.operations.operator_log import EntryPosition
from shared.triggers.http.framework.answers import Answer
from shared.triggers.http.framework.contracts import NO_CONTENT, Contract, Parameter, answers, paged
from shared.triggers.http.framework.paging import cursor_of, limit_of, position_of
from shared.triggers.http.framework.requests import Request
from shared.triggers.http.framework.routing import route
from shared.triggers.http.schemas.operations import EntryView, LedgerView

bp = func.Blueprint()
_QUEUE = Parameter(name="queue", about="The queue of the entry; needed if entries of several queues have the same id.")


@route(bp, "GET", "ledger", Contract(answers=answers(LedgerView), query=paged()))
async def ledger_get(request: Request) -> Answer:
    """List failed messages and events, newest first."""
    entries, end = await app().replay.list_entries(position_of(request, EntryPosition, "ledger"), limit_of(request))
    return Answer(LedgerView(entries=[EntryView.of(entry) for entry in entries], cursor=cursor_of(end, "ledger")))


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
    """Retry a failed message: send it to its queue again, once."""
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
    """Discard an entry."""
    await app().replay.discard(request.entry, request.query("queue"), name_of(request.caller))
    return Answer()
