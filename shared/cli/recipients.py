"""Commands for recipients: import, export, explain and erase."""

import json
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final
from uuid import uuid4

import typer

from shared.cli.client import Failure
from shared.cli.session import Json, Location, Tenant, Yes, attention, session
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
    app.command()(erase)


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
        content = b"".join(s.api.pages_of_file(*path))
        if output is not None:
            output.write_bytes(content)
        else:
            sys.stdout.write(content.decode("utf-8-sig"))


def erase(
    context: typer.Context,
    tenant: Tenant,
    mail: Annotated[str, typer.Option(help="E-mail address of the person.")] = "",
    object_id: Annotated[str, typer.Option(help="ID of the person in the directory.")] = "",
    recipient: Annotated[str, typer.Option(help="ID of one of the person's recipients.")] = "",
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Erase one person from everything that is stored of a tenant."""
    given = {"mail": mail, "objectId": object_id, "recipient": recipient}
    body = {name: text for name, text in given.items() if text}
    if len(body) != 1:
        raise typer.BadParameter("Name the person by one of --mail, --object-id and --recipient.")
    if not yes:
        typer.confirm("Erase this person? This cannot be undone.", abort=True)
    with session(context, as_json=as_json) as s:
        report = s.api("POST", "tenants", tenant, "erasures", body=body).json
        s.out.show(report, *report["erased"].items(), columns=("table", "erased rows"))
        s.out.print(f"State: {report['state']}. The app completes it; the same command shows how far it is.")
        for place in report["elsewhere"]:
            until = f" Until {place['until']}." if place["until"] else ""
            s.out.print(f"{place['place']}: {place['detail']}{until}")
        if report["returns"]:
            s.out.print("The next sync brings the person back if they are still in the directory.")
        attention(needed=report["state"] == "ambiguous")


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
