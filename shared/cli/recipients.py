"""Commands for recipients: import, export and explain."""

import json
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final
from uuid import uuid4

import typer

from shared.cli.client import Failure
from shared.cli.session import Json, Location, Tenant, attention, session
from shared.cli.uploads import upload

#: Codes with which the API refuses a file that has to be uploaded in parts.
_TOO_LARGE: Final = frozenset({"too_many_rows", "file_too_large"})


class Mode(StrEnum):
    """How an import treats CSV recipients that the file does not contain: keep or deactivate them."""

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
    file: Annotated[Path, typer.Argument(help="The CSV file.", exists=True, dir_okay=False)],
    mode: Annotated[
        Mode,
        typer.Option(
            help="merge keeps recipients missing in the file; overwrite deactivates those from earlier files."
        ),
    ] = Mode.MERGE,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what the import would change.")] = False,
    approve: Annotated[str, typer.Option(help="Approval code printed by the previous import.")] = "",
    column: Annotated[
        list[str] | None,
        typer.Option(
            help='A column and its field: "Primary Email=mail"; "Size=" ignores it. The location remembers them.'
        ),
    ] = None,
    every: Annotated[float, typer.Option(help="Polling interval for large files, in seconds.", min=0)] = 2.0,
    as_json: Json = False,
) -> None:
    """Import a CSV file of recipients. A large file is uploaded in parts, and cannot be tried with --dry-run."""
    columns = dict(_column(text) for text in column or ())
    reading = {"mode": mode.value, "columns": json.dumps(columns) if columns else None}
    query = {**reading, "dryRun": "true" if dry_run else None, "approve": approve}
    headers = {"Content-Type": "text/csv", "Idempotency-Key": uuid4().hex}
    content, path = file.read_bytes(), ("tenants", tenant, "locations", location)
    with session(context, as_json=as_json) as s:
        try:
            report = s.api("POST", *path, "recipients", content=content, query=query, headers=headers).json
        except Failure as failure:
            if dry_run or failure.problem["code"] not in _TOO_LARGE:
                raise
            report = upload(s, path, content, query=reading, approve=approve, every_s=every)
        counts = report["counts"]
        s.out.show(report, tuple(counts.values()), columns=tuple(counts))
        for row in report["refused"]:
            s.out.print(f"line {row['line']}: {row['detail']} ({row['code']})")
        if report["guessedNames"]:
            s.out.print(f"Check the special characters of these names: {', '.join(report['guessedNames'])}")
        for unused in report["unusedColumns"]:
            nearest = f" Did you mean {unused['nearest']}?" if unused["nearest"] else ""
            s.out.print(f"Column {unused['name']!r} is not used.{nearest}")
        if report["held"]:
            s.out.print(f"{report['held']} deactivations exceed the deactivation limit and were not made.")
        for row in report["lookAlikeRows"]:
            s.out.print(f"line {row['line']}: {row['detail']} ({row['code']})")
        if report["lookAlikes"]:
            s.out.print(f"{report['lookAlikes']} new people look like existing recipients. Nothing was imported.")
        if report["heldDigest"]:
            s.out.print(f"To approve this, import the file again with --approve {report['heldDigest']}")
        attention(needed=bool(report["heldDigest"] or report["refusedRows"]))


def _column(text: str) -> tuple[str, str | None]:
    """Return the name of a column and its field, None to ignore it."""
    name, separator, field = text.rpartition("=")
    if not separator:
        raise typer.BadParameter(f"Invalid column {text!r}: write NAME=FIELD, or NAME= to ignore it.")
    return name.strip(), field.strip() or None


def export(
    context: typer.Context,
    tenant: Tenant,
    location: Location,
    output: Annotated[Path | None, typer.Option(help="File to write; default: standard output.")] = None,
    as_json: Json = False,
) -> None:
    """Export the recipients of a location as CSV, or as JSON with --json."""
    path = ("tenants", tenant, "locations", location, "recipients")
    with session(context, as_json=as_json) as s:
        if as_json:
            s.out.json({"recipients": list(s.api.list_all("recipients", *path))})
            return
        content = s.api("GET", *path, headers={"Accept": "text/csv"}).content
        if output is not None:
            output.write_bytes(content)
        else:
            sys.stdout.write(content.decode("utf-8-sig"))


def explain(
    context: typer.Context,
    tenant: Tenant,
    user: Annotated[str, typer.Argument(help="E-mail address, user principal name or object ID.")],
    as_json: Json = False,
) -> None:
    """Explain for every location whether a person is a recipient, and why."""
    with session(context, as_json=as_json) as s:
        answer = s.api("GET", "tenants", tenant, "explain", query={"user": user}).json
        rows = [(row["location"], "yes" if row["in"] else "no", row["detail"]) for row in answer["locations"]]
        s.out.show(answer, *rows, columns=("location", "recipient", "why"))
