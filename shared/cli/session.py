"""One command's session with the API: opened, shown, and ended with the right exit code."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Annotated

import httpx
import typer

from shared.cli.client import Api, Failure
from shared.cli.exits import Exit
from shared.cli.output import Output

Json = Annotated[bool, typer.Option("--json", help="Answer JSON, also for errors (on stderr).")]
Tenant = Annotated[str, typer.Argument(help="The tenant's id.")]
Location = Annotated[str, typer.Argument(help="The location's id.")]
RunId = Annotated[str, typer.Argument(help="The run's id.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]


@dataclass(frozen=True, slots=True)
class Session:
    """The API, and where to write what it says."""

    api: Api
    out: Output


@dataclass(frozen=True, slots=True)
class Place:
    """Where the API is; `transport` stands in for the network."""

    address: str = ""
    transport: httpx.BaseTransport | None = None


@contextmanager
def session(context: typer.Context, *, as_json: bool) -> Iterator[Session]:
    """Give a session; what goes wrong in it is said, and ends the command."""
    place = context.find_object(Place) or Place()
    out = Output(as_json=as_json)
    try:
        with Api(place.address, place.transport) as api:
            yield Session(api, out)
    except Failure as failure:
        out.fail(str(failure), failure.problem)
        raise typer.Exit(failure.code) from None


def attention(*, needed: bool) -> None:
    """End the command with the code that says that somebody has to look, if so."""
    if needed:
        raise typer.Exit(Exit.ATTENTION)
