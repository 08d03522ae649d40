"""Commands for runs: start, watch, list, approve, reject, accept and undo."""

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
    for command in (sync, runs, changes, approve, reject, accept, undo):
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
    full: Annotated[bool, typer.Option("--full", help="Full sync: re-read the whole directory.")] = False,
    preview: Annotated[bool, typer.Option("--preview", help="Only show what the sync would change.")] = False,
    watch: Annotated[bool, typer.Option("--watch", help="Show the progress and wait until the sync ends.")] = False,
    every: Annotated[float, typer.Option(help="Polling interval in seconds.", min=0)] = 2.0,
    as_json: Json = False,
) -> None:
    """Start a sync. With --watch, the exit code tells how it ended."""
    body = {"mode": "full" if full else "incremental", "preview": preview}
    with session(context, as_json=as_json) as s:
        run = s.api("POST", "tenants", tenant, "runs", body=body, headers={"Idempotency-Key": uuid4().hex}).json
        if watch:
            run = _watch(s, tenant, run["id"], every)
        s.out.show(run, _row(run), columns=_COLUMNS)
        _problems(s, run)
        attention(needed=watch and run["state"] != "done")


def _watch(s: Session, tenant: str, run: str, every_s: float) -> dict[str, Any]:
    """Poll a run until it ends, show its progress and return it."""
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.completed:.0f}/{task.total:.0f} jobs"))
    with Progress(*columns, console=s.out.console, disable=s.out.as_json, transient=True) as progress:
        task = progress.add_task("planning", total=1)
        while True:
            state: dict[str, Any] = s.api("GET", "tenants", tenant, "runs", run).json
            jobs = state["progress"]
            done, total = jobs["fetched"] + jobs["reconciled"], jobs["sources"] + jobs["locations"]
            progress.update(task, description=state["state"], completed=done, total=max(total, 1))
            if state["state"] in _ENDED:
                return state
            time.sleep(every_s)


def _problems(s: Session, run: dict[str, Any]) -> None:
    for problem in run["problems"]:
        s.out.print(f"{problem['concerns']}: {problem['detail']} ({problem['code']})")
    for location, report in run["locations"].items():
        if invalid := report["invalidAddresses"]:
            s.out.print(
                f"{location}: {invalid} e-mail addresses in the directory are not valid. They were kept as sent."
            )


def runs(
    context: typer.Context,
    tenant: Tenant,
    limit: Annotated[int, typer.Option(help="Number of runs, newest first.", min=1, max=1000)] = 20,
    as_json: Json = False,
) -> None:
    """List the runs of a tenant, newest first."""
    with session(context, as_json=as_json) as s:
        answer = s.api("GET", "tenants", tenant, "runs", query={"limit": limit}).json
        s.out.show(answer, *map(_row, answer["runs"]), columns=_COLUMNS)


def changes(context: typer.Context, tenant: Tenant, run: RunId, as_json: Json = False) -> None:
    """List the changes of a run with their reasons."""
    with session(context, as_json=as_json) as s:
        entries = list(s.api.list_all("changes", "tenants", tenant, "runs", run, "changes"))
        rows = [
            (change["location"], change["kind"], change["reason"], change["displayName"], change["recipient"])
            for change in entries
        ]
        s.out.show({"changes": entries}, *rows, columns=("location", "change", "reason", "name", "recipient"))


def approve(context: typer.Context, tenant: Tenant, run: RunId, yes: Yes = False, as_json: Json = False) -> None:
    """Approve the pending deactivations of a held run."""
    path = ("tenants", tenant, "runs", run)
    with session(context, as_json=as_json) as s:
        run_state = s.api("GET", *path).json
        held = sum(location["held"] for location in run_state["locations"].values())
        if not yes:
            typer.confirm(f"Deactivate {held} recipients?", abort=True)
        answer = s.api("POST", *path, "approve", body={"digest": run_state["heldDigest"] or ""}).json
        s.out.show(answer, _row(answer), columns=_COLUMNS)


def reject(context: typer.Context, tenant: Tenant, run: RunId, as_json: Json = False) -> None:
    """Reject the pending deactivations of a held run; the recipients stay active."""
    _post(context, tenant, run, "reject", as_json=as_json)


def accept(context: typer.Context, tenant: Tenant, run: RunId, as_json: Json = False) -> None:
    """Accept that properties which a run reports as withheld were cleared. Starts a full sync."""
    _post(context, tenant, run, "accept", as_json=as_json)


def undo(context: typer.Context, tenant: Tenant, run: RunId, as_json: Json = False) -> None:
    """Revert the changes of a run, except where a newer change exists."""
    _post(context, tenant, run, "undo", as_json=as_json)


def _post(context: typer.Context, tenant: str, run: str, action: str, *, as_json: bool) -> None:
    with session(context, as_json=as_json) as s:
        answer = s.api("POST", "tenants", tenant, "runs", run, action).json
        s.out.show(answer, _row(answer), columns=_COLUMNS)
