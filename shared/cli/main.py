"""The command line application: registers all commands and the address of the API."""

from typing import Annotated

import typer

from shared.cli import audit, connection, keys, operator, pause, recipients, runs
from shared.cli.client import API
from shared.cli.session import Target

app = typer.Typer(
    help="Command line for Recipient Sync. Set RECIPIENT_SYNC_KEY to a named key or the function key, or "
    "RECIPIENT_SYNC_TOKEN to a bearer token. Keys and tokens are never passed as arguments.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,  # its tracebacks would print variables, and so secrets
)


@app.callback()
def main(
    context: typer.Context,
    api: Annotated[str, typer.Option(help=f"Address of the API. Default: the value of {API}.")] = "",
) -> None:
    """Store the address of the API for the commands."""
    target = context.obj if isinstance(context.obj, Target) else Target()
    context.obj = Target(address=api or target.address, transport=target.transport)


for commands in (operator, pause, keys, connection, runs, recipients, audit):
    commands.register(app)
