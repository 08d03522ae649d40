"""Commands about recipients: files in and out, and why somebody is one."""

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated
from uuid import uuid4

import typer

from shared.cli.session import Json, Location, Tenant, attention, session


class Mode(StrEnum):
    """Whether recipients of origin `csv` that a file lacks stay."""

    MERGE = "merge"
    OVERWRITE = "overwrite"


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("import")(import_)
    app.command()(export)
    app.command()(explain)


def import_(
    context: typer.Context,
    tenant: Tenant,
    location: Location,
    file: Annotated[Path, typer.Argument(help="A CSV file.", exists=True, dir_okay=False)],
    mode: Annotated[Mode, typer.Option(help="Whether recipients that the file lacks stay.")] = Mode.MERGE,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what it would do.")] = False,
    approve: Annotated[str, typer.Option(help="The heldDigest of an import before.")] = "",
    as_json: Json = False,
) -> None:
    """Import a CSV file of recipients."""
    query = {"mode": mode.value, "dryRun": "true" if dry_run else None, "approve": approve}
    headers = {"Content-Type": "text/csv", "Idempotency-Key": uuid4().hex}
    with session(context, as_json=as_json) as s:
        path = ("tenants", tenant, "locations", location, "recipients")
        report = s.api("POST", *path, content=file.read_bytes(), query=query, headers=headers).json
        counts = report["counts"]
        s.out.show(report, tuple(counts.values()), columns=tuple(counts))
        for each in report["refused"]:
            s.out.say(f"line {each['line']}: {each['detail']} ({each['code']})")
        if report["held"]:
            s.out.say(f"{report['held']} deactivations are held: look at them, then --approve {report['heldDigest']}")
        attention(needed=bool(report["held"] or report["refusedRows"]))


def export(
    context: typer.Context,
    tenant: Tenant,
    location: Location,
    output: Annotated[Path | None, typer.Option(help="Where to write it; standard output unless said.")] = None,
    as_json: Json = False,
) -> None:
    """Export a location's recipients, as CSV or, with --json, as they are."""
    path = ("tenants", tenant, "locations", location, "recipients")
    with session(context, as_json=as_json) as s:
        if as_json:
            s.out.json({"recipients": list(s.api.every("recipients", *path))})
            return
        content = s.api("GET", *path, headers={"Accept": "text/csv"}).content
        if output is not None:
            output.write_bytes(content)
        else:
            sys.stdout.write(content.decode("utf-8-sig"))


def explain(
    context: typer.Context,
    tenant: Tenant,
    user: Annotated[str, typer.Argument(help="An e-mail address, a user principal name or an object id.")],
    as_json: Json = False,
) -> None:
    """Say, per location, whether somebody is a recipient, and why."""
    with session(context, as_json=as_json) as s:
        answer = s.api("GET", "tenants", tenant, "explain", query={"user": user}).json
        rows = [(each["location"], "yes" if each["in"] else "no", each["detail"]) for each in answer["locations"]]
        s.out.show(answer, *rows, columns=("location", "recipient", "why"))
