"""All commands, and where the API is."""

from typing import Annotated

import typer

from shared.cli import connection, operator, recipients, runs
from shared.cli.client import API
from shared.cli.session import Place

app = typer.Typer(
    help="Asks Recipient Sync for what a person or a script needs. The key comes from RECIPIENT_SYNC_KEY, or a token "
    "from RECIPIENT_SYNC_TOKEN; never from the command line.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,  # its tracebacks would show variables
)


@app.callback()
def main(
    context: typer.Context,
    api: Annotated[str, typer.Option(help=f"Address of the API, else that in {API}.")] = "",
) -> None:
    """Remember where the API is."""
    known = context.obj if isinstance(context.obj, Place) else Place()
    context.obj = Place(address=api or known.address, transport=known.transport)


for commands in (operator, connection, runs, recipients):
    commands.register(app)
