"""Commands about runs: asked for, watched, looked at, decided on, undone."""

import time
from typing import Annotated, Any, Final
from uuid import uuid4

import typer
from rich.progress import BarColumn, Progress, TextColumn

from shared.cli.session import Json, RunId, Session, Tenant, Yes, attention, session

_ENDED: Final = frozenset({"done", "held", "failed", "superseded"})
_COLUMNS: Final = (
    "run",
    "kind",
    "state",
    "requested",
    "by",
    "created",
    "updated",
    "deactivated",
    "reactivated",
    "skipped",
)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    for command in (sync, runs, changes, approve, reject, undo):
        app.command()(command)


def _row(run: dict[str, Any]) -> tuple[object, ...]:
    return (
        run["id"],
        run["kind"],
        run["state"],
        run["requestedAt"],
        run["requestedBy"],
        *(run["counts"][name] for name in _COLUMNS[5:]),
    )


def sync(
    context: typer.Context,
    tenant: Tenant,
    full: Annotated[bool, typer.Option("--full", help="Read everything, as on the first day.")] = False,
    preview: Annotated[bool, typer.Option("--preview", help="Only say what it would do.")] = False,
    watch: Annotated[bool, typer.Option("--watch", help="Wait for its end, with its progress.")] = False,
    every: Annotated[float, typer.Option(help="How often to look, in seconds.", min=0)] = 2.0,
    as_json: Json = False,
) -> None:
    """Ask for a sync. With --watch the exit code says how it ended."""
    body = {"mode": "full" if full else "incremental", "preview": preview}
    with session(context, as_json=as_json) as s:
        run = s.api("POST", "tenants", tenant, "runs", body=body, headers={"Idempotency-Key": uuid4().hex}).json
        if watch:
            run = _watched(s, tenant, run["id"], every)
        s.out.show(run, _row(run), columns=_COLUMNS)
        _problems(s, run)
        attention(needed=watch and run["state"] != "done")


def _watched(s: Session, tenant: str, run: str, every_s: float) -> dict[str, Any]:
    """Return a run once it has ended, its progress drawn meanwhile."""
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.completed:.0f}/{task.total:.0f} jobs"))
    with Progress(*columns, console=s.out.console, disable=s.out.as_json, transient=True) as progress:
        task = progress.add_task("planning", total=1)
        while True:
            found: dict[str, Any] = s.api("GET", "tenants", tenant, "runs", run).json
            jobs = found["progress"]
            done, total = jobs["fetched"] + jobs["reconciled"], jobs["sources"] + jobs["locations"]
            progress.update(task, description=found["state"], completed=done, total=max(total, 1))
            if found["state"] in _ENDED:
                return found
            time.sleep(every_s)


def _problems(s: Session, run: dict[str, Any]) -> None:
    for problem in run["problems"]:
        s.out.say(f"{problem['concerns']}: {problem['detail']} ({problem['code']})")


def runs(
    context: typer.Context,
    tenant: Tenant,
    limit: Annotated[int, typer.Option(help="How many, the newest first.", min=1, max=1000)] = 20,
    as_json: Json = False,
) -> None:
    """List a tenant's history."""
    with session(context, as_json=as_json) as s:
        answer = s.api("GET", "tenants", tenant, "runs", query={"limit": limit}).json
        s.out.show(answer, *map(_row, answer["runs"]), columns=_COLUMNS)


def changes(context: typer.Context, tenant: Tenant, run: RunId, as_json: Json = False) -> None:
    """List what a run has changed, and why."""
    with session(context, as_json=as_json) as s:
        found = list(s.api.every("changes", "tenants", tenant, "runs", run, "changes"))
        rows = [
            (each["location"], each["kind"], each["reason"], each["displayName"], each["recipient"]) for each in found
        ]
        s.out.show({"changes": found}, *rows, columns=("location", "change", "reason", "name", "recipient"))


def approve(context: typer.Context, tenant: Tenant, run: RunId, yes: Yes = False, as_json: Json = False) -> None:
    """Deactivate exactly whom a run holds."""
    path = ("tenants", tenant, "runs", run)
    with session(context, as_json=as_json) as s:
        found = s.api("GET", *path).json
        held = sum(each["held"] for each in found["locations"].values())
        if not yes:
            typer.confirm(f"Deactivate {held} recipients?", abort=True)
        answer = s.api("POST", *path, "approve", body={"digest": found["heldDigest"] or ""}).json
        s.out.show(answer, _row(answer), columns=_COLUMNS)


def reject(context: typer.Context, tenant: Tenant, run: RunId, as_json: Json = False) -> None:
    """Drop what a run holds."""
    _told(context, tenant, run, "reject", as_json=as_json)


def undo(context: typer.Context, tenant: Tenant, run: RunId, as_json: Json = False) -> None:
    """Put back what a run has changed, where nothing newer has changed it."""
    _told(context, tenant, run, "undo", as_json=as_json)


def _told(context: typer.Context, tenant: str, run: str, what: str, *, as_json: bool) -> None:
    with session(context, as_json=as_json) as s:
        answer = s.api("POST", "tenants", tenant, "runs", run, what).json
        s.out.show(answer, _row(answer), columns=_COLUMNS)
