"""Commands for the operator: tenants, poison messages, and the deployment's health."""

from datetime import UTC, datetime
from typing import Annotated, Any, Final

import typer

from shared.cli.session import Json, Yes, attention, session

#: How far this machine's clock may be from the server's, in seconds.
_SKEW_S: Final = 60.0
Entry = Annotated[str, typer.Argument(help="The entry's id.")]
Queue = Annotated[str, typer.Option(help="Its queue, where entries of several have one id.")]

poison = typer.Typer(help="Messages that could not be worked off.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(tenants)
    app.command()(doctor)
    app.add_typer(poison, name="poison")


def tenants(
    context: typer.Context,
    search: Annotated[str, typer.Option(help="Part of an id or a name.")] = "",
    sort: Annotated[
        str, typer.Option(help="name, state, lastSuccessAt or secretDaysLeft; - before it reverses.")
    ] = "name",
    as_json: Json = False,
) -> None:
    """List all tenants and how they fare."""
    with session(context, as_json=as_json) as s:
        found = list(s.api.every("tenants", "overview", query={"search": search, "sort": sort}))
        rows = [
            (
                each["id"],
                each["name"],
                each["connection"]["state"],
                each["recipients"],
                each["lastSuccessAt"],
                each["heldRun"],
            )
            for each in found
        ]
        s.out.show(
            {"tenants": found}, *rows, columns=("id", "name", "connection", "recipients", "last success", "held")
        )


def doctor(context: typer.Context, as_json: Json = False) -> None:
    """Examine the deployment: settings, roles, queues, tables, Key Vault, clocks."""
    with session(context, as_json=as_json) as s:
        answer = s.api("GET", "doctor")
        report = answer.json
        checks = [*report["checks"], _clock(answer.date)]
        report = {**report, "checks": checks, "ok": all(each["status"] != "fail" for each in checks)}
        s.out.checks(report, checks)
        attention(needed=not report["ok"])


def _clock(there: datetime | None) -> dict[str, Any]:
    check: dict[str, Any] = {
        "id": "clock_here",
        "status": "pass",
        "title": "This machine's clock agrees with the API's",
    }
    if there is None:
        return {**check, "status": "skip", "title": "What time it is at the API is not known"}
    apart_s = abs((datetime.now(UTC) - there).total_seconds())
    if apart_s <= _SKEW_S:
        return check
    detail = f"The clocks of this machine and of the API are {apart_s:.0f} s apart."
    title, fix = "The clocks differ", "Have both set by the network."
    return {**check, "status": "fail", "title": title, "detail": detail, "fix": fix}


@poison.command("list")
def listed(context: typer.Context, as_json: Json = False) -> None:
    """List what could not be worked off."""
    with session(context, as_json=as_json) as s:
        entries = list(s.api.every("entries", "ledger"))
        rows = [
            (each["id"], each["at"], each["queue"], each["tenant"], each["code"], each["detail"]) for each in entries
        ]
        s.out.show({"entries": entries}, *rows, columns=("id", "at", "queue", "tenant", "code", "detail"))


@poison.command()
def replay(context: typer.Context, entry: Entry, queue: Queue = "", as_json: Json = False) -> None:
    """Put a message back on its queue, once."""
    with session(context, as_json=as_json) as s:
        answer = s.api("POST", "ledger", entry, "replay", query={"queue": queue}).json
        s.out.show(answer, (answer["queue"], answer["replayedAt"]), columns=("put back on", "at"))


@poison.command()
def discard(context: typer.Context, entry: Entry, queue: Queue = "", yes: Yes = False, as_json: Json = False) -> None:
    """Throw an entry away."""
    if not yes:
        typer.confirm(f"Throw {entry} away?", abort=True)
    with session(context, as_json=as_json) as s:
        s.api("DELETE", "ledger", entry, query={"queue": queue})
        s.out.show({"discarded": entry}, (entry,), columns=("discarded",))
