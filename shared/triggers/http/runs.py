"""Runs: asked for, followed, and read afterwards."""

from http import HTTPStatus
from typing import Any

import azure.functions as func
import msgspec

from shared.bootstrap import app
from shared.domain.callers import name_of
from shared.domain.preferences import Preferences
from shared.domain.run import Run, RunMode
from shared.errors import Rejected
from shared.ports import RunProgress
from shared.triggers.http.answers import Answer
from shared.triggers.http.paging import MAX_PAGE, cursor_of, limit_of, position_of
from shared.triggers.http.requests import Request
from shared.triggers.http.routing import route
from shared.workflows.observe import ChangePosition

bp = func.Blueprint()


class RunBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What asks for a run."""

    mode: RunMode = RunMode.INCREMENTAL
    preview: bool = False
    #: With `preview`: what would be saved, to see what it would do.
    preferences: Preferences | None = None


class ApproveBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What approves: the run's `heldDigest`, which names the exact set of people."""

    digest: str


@route(bp, "POST", "tenants/{tenant}/runs")
async def runs_post(request: Request) -> Answer:
    """Ask for a run, and answer it as it will be found."""
    body = request.body(RunBody)
    by = name_of(request.caller)
    if body.preferences is not None and not body.preview:
        raise Rejected("Other preferences can only be previewed; save them with PUT preferences.", code="not_a_preview")
    repeatable = request.repeatable("runs", msgspec.json.encode(body))
    if body.preview:
        run = await app().request_run.preview(request.tenant, body.mode, body.preferences, by, repeatable)
    else:
        run = await app().request_run(request.tenant, body.mode, by, repeatable)
    return Answer(run_view(run), HTTPStatus.ACCEPTED, headers={"Location": f"/api/tenants/{run.tenant}/runs/{run.id}"})


@route(bp, "GET", "tenants/{tenant}/runs")
async def runs_list(request: Request) -> Answer:
    """Answer a page of the history, newest first."""
    scope = ("runs", request.tenant)
    runs, end = await app().observe.history(request.tenant, position_of(request, str, *scope) or "", limit_of(request))
    return Answer({"runs": [run_view(run) for run in runs], "cursor": cursor_of(end, *scope)})


@route(bp, "GET", "tenants/{tenant}/runs/{run}")
async def runs_get(request: Request) -> Answer:
    """Answer a run and how far it is."""
    run, progress = await app().observe.run(request.tenant, request.run)
    return Answer(run_view(run, progress))


@route(bp, "GET", "tenants/{tenant}/runs/{run}/changes")
async def runs_changes(request: Request) -> Answer:
    """Answer a page of a run's changes, each with its reason."""
    scope = ("changes", request.tenant, request.run)
    after = position_of(request, ChangePosition, *scope) or ChangePosition("", 0)
    changes, end = await app().observe.changes(request.tenant, request.run, after, limit_of(request, MAX_PAGE))
    return Answer({"changes": changes, "cursor": cursor_of(end, *scope)})


@route(bp, "POST", "tenants/{tenant}/runs/{run}/approve")
async def runs_approve(request: Request) -> Answer:
    """Deactivate exactly whom the run holds; 202, because it takes a while."""
    digest = request.body(ApproveBody).digest
    run = await app().decide_held.approve(request.tenant, request.run, digest, name_of(request.caller))
    return Answer(run_view(run), HTTPStatus.ACCEPTED)


@route(bp, "POST", "tenants/{tenant}/runs/{run}/reject")
async def runs_reject(request: Request) -> Answer:
    """Drop what the run holds; the next run decides anew."""
    return Answer(run_view(await app().decide_held.reject(request.tenant, request.run, name_of(request.caller))))


@route(bp, "POST", "tenants/{tenant}/runs/{run}/undo")
async def runs_undo(request: Request) -> Answer:
    """Put back what a run has changed, where nothing newer has changed it."""
    return Answer(run_view(await app().undo(request.tenant, request.run, name_of(request.caller))))


def run_view(run: Run, progress: RunProgress | None = None) -> dict[str, Any]:
    """Return a run as the API shows it."""
    seconds = (run.finished_at - run.requested_at).total_seconds() if run.finished_at else None
    return {
        "id": run.id,
        "tenant": run.tenant,
        "mode": run.mode,
        "kind": run.kind,
        "preview": run.preview,
        "undoes": run.undoes,
        "state": run.state,
        "requestedAt": run.requested_at,
        "requestedBy": run.requested_by,
        "finishedAt": run.finished_at,
        "seconds": seconds,
        "counts": run.counts,
        "locations": run.locations,
        "problems": run.problems,
        "heldDigest": run.held_digest,
        "decision": run.decision,
        "graphRequests": run.graph_requests,
        "storageRequests": run.storage_requests,
        "progress": progress,
    }
