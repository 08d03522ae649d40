"""Commands for the audit log: list and export."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from shared.cli.session import Json, session

TenantOption = Annotated[
    str, typer.Option("--tenant", help="Only this tenant, also a deleted one. Default: all; for operators.")
]
Since = Annotated[str, typer.Option(help="Time of the oldest entries, such as 2026-11-01T00:00:00Z.")]
Until = Annotated[str, typer.Option(help="Time that all entries precede.")]
Own = Annotated[bool, typer.Option("--own", help="Use the tenant's own route, as its admins do.")]

audit = typer.Typer(help="Audit log: who changed or exported what.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(audit, name="audit")


@audit.command("list")
def listed(
    context: typer.Context,
    tenant: TenantOption = "",
    own: Own = False,
    since: Since = "",
    until: Until = "",
    limit: Annotated[int, typer.Option(help="Number of entries, newest first.", min=1, max=1000)] = 50,
    as_json: Json = False,
) -> None:
    """List the newest entries of the audit log."""
    path, query = _list(tenant, own, since, until)
    with session(context, as_json=as_json) as s:
        answer = s.api("GET", *path, query={**query, "limit": limit}).json
        rows = [
            (
                entry["at"],
                entry["tenant"],
                entry["actor"],
                entry["entryPoint"],
                entry["action"],
                entry["status"],
                " ".join(entry["fields"]),
            )
            for entry in answer["entries"]
        ]
        columns = ("time", "tenant", "actor", "entry point", "action", "status", "fields")
        s.out.show(answer, *rows, columns=columns)


@audit.command()
def export(
    context: typer.Context,
    tenant: TenantOption = "",
    own: Own = False,
    since: Since = "",
    until: Until = "",
    output: Annotated[Path | None, typer.Option(help="File to write; default: standard output.")] = None,
    as_json: Json = False,
) -> None:
    """Export the audit log as CSV, or as JSON with --json."""
    path, query = _list(tenant, own, since, until)
    with session(context, as_json=as_json) as s:
        if as_json:
            s.out.json({"entries": list(s.api.list_all("entries", *path, query=query))})
            return
        content = b"".join(s.api.pages_of_file(*path, query=query))
        if output is not None:
            output.write_bytes(content)
        else:
            sys.stdout.write(content.decode("utf-8-sig"))


def _list(tenant: str, own: bool, since: str, until: str) -> tuple[tuple[str, ...], dict[str, str | None]]:  # noqa: FBT001 - private
    times: dict[str, str | None] = {"since": since, "until": until}
    if own:
        if not tenant:
            raise typer.BadParameter("--own needs --tenant.")
        return ("tenants", tenant, "audit"), times
    return ("audit",), {"tenant": tenant, **times}
