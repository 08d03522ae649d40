"""Routes for runs: start, follow, list, approve, reject, accept and undo."""

from http import HTTPStatus

import azure.functions as func
import msgspec

from shared.bootstrap import app
from shared.domain import ids
from shared.domain.access.callers import name_of
from shared.domain.access.rate_limit import Expense
from shared.domain.preferences.preferences import Preferences
from shared.domain.run import RunMode
from shared.errors import Rejected
from shared.triggers.http.framework.answers import Answer
from shared.triggers.http.framework.contracts import NO_RUN, NO_TENANT, Contract, answers, paged
from shared.triggers.http.framework.paging import MAX_PAGE, cursor_of, limit_of, position_of
from shared.triggers.http.framework.requests import Request
from shared.triggers.http.framework.routing import route
from shared.triggers.http.schemas.runs import ChangesView, RunsView, RunView
from shared.workflows.operations.run_history import ChangePosition

bp = func.Blueprint()


class RunBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Starts a run."""

    mode: RunMode = RunMode.INCREMENTAL
    preview: bool = False
    #: Only with `preview`: unsaved preferences whose effect is previewed.
    preferences: Preferences | None = None


class ApproveBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Approves a held run. The digest is its `heldDigest`, which identifies the exact set of recipients."""

    digest: str


@route(
    bp,
    "POST",
    "tenants/{tenant}/runs",
    Contract(
        answers=answers(RunView, HTTPStatus.ACCEPTED),
        body=RunBody,
        repeatable=True,
        located=True,
        expense=Expense.RUNS,
        problems={
            **NO_TENANT,
            400: ("invalid_preferences",),
            409: ("run_active",),
            422: ("not_connected", "not_a_preview"),
        },
    ),
)
async def runs_post(request: Request) -> Answer:
    """Start a run and return it."""
    body = request.body(RunBody)
    by = name_of(request.caller)
    if body.preferences is not None and not body.preview:
        raise Rejected(
            "Unsaved preferences are only allowed in a preview: save them first.",
            code="not_a_preview",
        )
    repeatable = request.repeatable("runs", msgspec.json.encode(body))
    if body.preview:
        run = await app().request_run.preview(request.tenant, body.mode, body.preferences, by, repeatable)
    else:
        run = await app().request_run(request.tenant, body.mode, by, repeatable)
    return Answer(
        RunView.of(run), HTTPStatus.ACCEPTED, headers={"Location": f"/api/tenants/{run.tenant}/runs/{run.id}"}
    )


@route(bp, "GET", "tenants/{tenant}/runs", Contract(answers=answers(RunsView), query=paged(), problems=NO_TENANT))
async def runs_list(request: Request) -> Answer:
    """List the runs of a tenant, newest first."""
    scope = ("runs", request.tenant)
    runs, end = await app().run_history.list_runs(
        request.tenant, position_of(request, str, *scope, id_of=ids.run_id) or "", limit_of(request)
    )
    return Answer(RunsView(runs=[RunView.of(run) for run in runs], cursor=cursor_of(end, *scope)))


@route(bp, "GET", "tenants/{tenant}/runs/{run}", Contract(answers=answers(RunView), problems=NO_RUN))
async def runs_get(request: Request) -> Answer:
    """Return a run and its progress."""
    run, progress = await app().run_history.get(request.tenant, request.run)
    return Answer(RunView.of(run, progress))


@route(
    bp,
    "GET",
    "tenants/{tenant}/runs/{run}/changes",
    Contract(answers=answers(ChangesView), query=paged(MAX_PAGE), problems=NO_RUN),
)
async def runs_changes(request: Request) -> Answer:
    """List the changes of a run with their reasons."""
    scope = ("changes", request.tenant, request.run)
    after = position_of(request, ChangePosition, *scope) or ChangePosition("", 0)
    changes, end = await app().run_history.list_changes(request.tenant, request.run, after, limit_of(request, MAX_PAGE))
    return Answer(ChangesView(changes=changes, cursor=cursor_of(end, *scope)))


@route(
    bp,
    "POST",
    "tenants/{tenant}/runs/{run}/approve",
    Contract(
        answers=answers(RunView, HTTPStatus.ACCEPTED),
        body=ApproveBody,
        expense=Expense.RUNS,
        problems={**NO_RUN, 409: ("held_expired", "run_active", "paused"), 422: ("not_held", "digest_mismatch")},
    ),
)
async def runs_approve(request: Request) -> Answer:
    """Approve the held deactivations of a run and start them (202)."""
    digest = request.body(ApproveBody).digest
    run = await app().review_held.approve(request.tenant, request.run, digest, name_of(request.caller))
    return Answer(RunView.of(run), HTTPStatus.ACCEPTED)


@route(
    bp,
    "POST",
    "tenants/{tenant}/runs/{run}/reject",
    Contract(answers=answers(RunView), problems={**NO_RUN, 409: ("conflict",), 422: ("not_held",)}),
)
async def runs_reject(request: Request) -> Answer:
    """Reject the held deactivations of a run. The next run decides again."""
    return Answer(RunView.of(await app().review_held.reject(request.tenant, request.run, name_of(request.caller))))


@route(
    bp,
    "POST",
    "tenants/{tenant}/runs/{run}/accept",
    Contract(
        answers=answers(RunView, HTTPStatus.ACCEPTED),
        located=True,
        expense=Expense.RUNS,
        problems={**NO_RUN, 409: ("run_active", "run_outdated", "paused"), 422: ("nothing_to_accept", "not_connected")},
    ),
)
async def runs_accept(request: Request) -> Answer:
    """Accept that the properties which a run reports as withheld were cleared, and start a full run (202)."""
    run = await app().accept_cleared(request.tenant, request.run, name_of(request.caller))
    return Answer(
        RunView.of(run), HTTPStatus.ACCEPTED, headers={"Location": f"/api/tenants/{run.tenant}/runs/{run.id}"}
    )


@route(
    bp,
    "POST",
    "tenants/{tenant}/runs/{run}/undo",
    Contract(
        answers=answers(RunView),
        expense=Expense.RUNS,
        problems={**NO_RUN, 409: ("run_active", "paused"), 422: ("not_ended", "nothing_to_undo")},
    ),
)
async def runs_undo(request: Request) -> Answer:
    """Revert the changes of a run, except where a newer change exists."""
    return Answer(RunView.of(await app().undo(request.tenant, request.run, name_of(request.caller))))
