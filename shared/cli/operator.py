"""Commands for operators: tenants, failed messages and health checks of the deployment."""

from datetime import UTC, datetime
from typing import Annotated, Any, Final

import typer

from shared.cli.session import Json, Yes, attention, session

#: Largest accepted difference between the local clock and the server's, in seconds.
_SKEW_S: Final = 60.0
Entry = Annotated[str, typer.Argument(help="ID of the failed message.")]
Queue = Annotated[
    str, typer.Option(help="Queue of the message; needed if messages of several queues have the same ID.")
]

poison = typer.Typer(help="Failed messages: list, retry or discard them.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(tenants)
    app.command()(doctor)
    app.add_typer(poison, name="poison")


def tenants(
    context: typer.Context,
    search: Annotated[str, typer.Option(help="Part of an ID or a name.")] = "",
    sort: Annotated[
        str, typer.Option(help="name, state, lastSuccessAt or secretDaysLeft; a leading - reverses the order.")
    ] = "name",
    as_json: Json = False,
) -> None:
    """List all tenants with the state of their connection and last sync."""
    with session(context, as_json=as_json) as s:
        entries = list(s.api.list_all("tenants", "overview", query={"search": search, "sort": sort}))
        rows = [
            (
                tenant["id"],
                tenant["name"],
                tenant["connection"]["state"],
                tenant["recipients"],
                tenant["lastSuccessAt"],
                tenant["heldRun"],
            )
            for tenant in entries
        ]
        columns = ("ID", "name", "connection", "recipients", "last success", "held run")
        s.out.show({"tenants": entries}, *rows, columns=columns)


def doctor(context: typer.Context, as_json: Json = False) -> None:
    """Check the deployment: settings, roles, queues, tables, Key Vault and clocks."""
    with session(context, as_json=as_json) as s:
        response = s.api("GET", "doctor")
        report = response.json
        checks = [*report["checks"], _clock(response.date)]
        report = {**report, "checks": checks, "ok": all(check["status"] != "fail" for check in checks)}
        s.out.checks(report, checks)
        attention(needed=not report["ok"])


def _clock(server_time: datetime | None) -> dict[str, Any]:
    check: dict[str, Any] = {
        "id": "clock_here",
        "status": "pass",
        "title": "The clocks of this machine and the API agree",
    }
    if server_time is None:
        return {**check, "status": "skip", "title": "The time of the API is unknown"}
    difference_s = abs((datetime.now(UTC) - server_time).total_seconds())
    if difference_s <= _SKEW_S:
        return check
    detail = f"The clocks of this machine and the API differ by {difference_s:.0f} seconds."
    title, fix = "The clocks of this machine and the API differ", "Turn on time synchronization on both."
    return {**check, "status": "fail", "title": title, "detail": detail, "fix": fix}


@poison.command("list")
def listed(context: typer.Context, as_json: Json = False) -> None:
    """List the failed messages."""
    with session(context, as_json=as_json) as s:
        entries = list(s.api.list_all("entries", "ledger"))
        rows = [
            (entry["id"], entry["at"], entry["queue"], entry["tenant"], entry["code"], entry["detail"])
            for entry in entries
        ]
        s.out.show({"entries": entries}, *rows, columns=("ID", "time", "queue", "tenant", "code", "details"))


@poison.command()
def replay(context: typer.Context, entry: Entry, queue: Queue = "", as_json: Json = False) -> None:
    """Retry a failed message: put it back on its queue, once."""
    with session(context, as_json=as_json) as s:
        answer = s.api("POST", "ledger", entry, "replay", query={"queue": queue}).json
        s.out.show(answer, (answer["queue"], answer["replayedAt"]), columns=("queue", "retried at"))


@poison.command()
def discard(context: typer.Context, entry: Entry, queue: Queue = "", yes: Yes = False, as_json: Json = False) -> None:
    """Discard a failed message."""
    if not yes:
        typer.confirm(f"Discard message {entry}?", abort=True)
    with session(context, as_json=as_json) as s:
        s.api("DELETE", "ledger", entry, query={"queue": queue})
        s.out.show({"discarded": entry}, (entry,), columns=("discarded",))
