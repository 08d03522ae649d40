"""The session of one command with the API. Errors are printed and set the exit code."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Annotated

import httpx
import typer

from shared.cli.client import Api, Failure
from shared.cli.exits import Exit
from shared.cli.output import Output

Json = Annotated[bool, typer.Option("--json", help="Print JSON; errors as JSON on stderr.")]
Tenant = Annotated[str, typer.Argument(help="ID of the tenant.")]
Location = Annotated[str, typer.Argument(help="ID of the location.")]
RunId = Annotated[str, typer.Argument(help="ID of the run.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask for confirmation.")]


@dataclass(frozen=True, slots=True)
class Session:
    """The API client and the output of a command."""

    api: Api
    out: Output


@dataclass(frozen=True, slots=True)
class Target:
    """The address of the API. Tests replace the network by `transport`."""

    address: str = ""
    transport: httpx.BaseTransport | None = None


@contextmanager
def session(context: typer.Context, *, as_json: bool) -> Iterator[Session]:
    """Open a session. A Failure is printed and ends the command with its exit code."""
    target = context.find_object(Target) or Target()
    out = Output(as_json=as_json)
    try:
        with Api(target.address, target.transport) as api:
            yield Session(api, out)
    except Failure as failure:
        out.fail(str(failure), failure.problem)
        raise typer.Exit(failure.code) from None


def attention(*, needed: bool) -> None:
    """Exit with `Exit.ATTENTION` if needed."""
    if needed:
        raise typer.Exit(Exit.ATTENTION)
