"""Commands for the emergency stop: pause and resume all changes of recipients."""

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from shared.cli.session import Json, Session, session

Subject = Annotated[str, typer.Argument(help="ID of the tenant; omit it with --all.")]
All = Annotated[bool, typer.Option("--all", help="All tenants.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(pause)
    app.command()(resume)


def pause(context: typer.Context, tenant: Subject = "", everything: All = False, as_json: Json = False) -> None:
    """Stop all changes of recipients, of a tenant or of all. Nothing is lost: work waits."""
    with session(context, as_json=as_json) as s:
        _show(s, tenant, s.api("POST", *_path(tenant, "pause", everything=everything)).json)


def resume(context: typer.Context, tenant: Subject = "", everything: All = False, as_json: Json = False) -> None:
    """End a pause. A tenant that was paused on its own stays paused with --all."""
    with session(context, as_json=as_json) as s:
        _show(s, tenant, s.api("POST", *_path(tenant, "resume", everything=everything)).json)


def _path(tenant: str, verb: str, *, everything: bool) -> tuple[str, ...]:
    if everything == bool(tenant):
        raise typer.BadParameter("Name a tenant, or use --all.")
    return (verb,) if everything else ("tenants", tenant, verb)


def _show(s: Session, tenant: str, answer: Mapping[str, Any]) -> None:
    row = (tenant or "all tenants", "paused" if answer["paused"] else "running")
    s.out.show(answer, row, columns=("subject", "changes of recipients"))
