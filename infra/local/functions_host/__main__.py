"""Run the host: `python -m infra.local.functions_host --root DIR --port 7071`.

A host that ends because its storage fails is started again: the process replaces itself, so its id stays the same and
nothing of its memory is left.
"""

import argparse
import asyncio
import logging
import os
import secrets
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from infra.local.functions_host.errors import HostError
from infra.local.functions_host.host import Host
from infra.local.functions_host.polling import LOCK_S
from infra.local.functions_host.settings import HostSettings, load_settings
from infra.local.functions_host.workers import ProcessPerGroup
from infra.local.stack import parent

log = logging.getLogger("functions_host")

_LOOPBACK = ("127.0.0.1", "::1", "localhost")
#: seconds between the end of a host whose storage fails and the start of the next
_RESTART_S = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class _End:
    """How a host ended: the number of invocations that had not, and whether it is started again."""

    abandoned: int
    starts_again: bool


def main() -> int:
    """Run the host until a signal ends it, and return 0.

    Return 1 if the app cannot be loaded, and 2 for wrong arguments.
    """
    arguments = _parser().parse_args()
    if arguments.host not in _LOOPBACK:
        sys.stderr.write(f"--host {arguments.host}: this host listens on the loopback interface only; use 127.0.0.1\n")
        return 2
    _log_to_stderr()
    parent.end_with_parent()
    directory = Path.cwd()
    try:
        end = asyncio.run(_run(arguments))
    except HostError as error:
        sys.stderr.write(f"The function app cannot run: {error}\n")
        return 1
    except OSError as error:
        sys.stderr.write(f"The host cannot listen on {arguments.host}:{arguments.port}: {error}\n")
        return 1
    logging.shutdown()
    if end.starts_again:
        os.chdir(directory)
        os.execv(sys.executable, sys.orig_argv)  # noqa: S606 (the command that started this process)
    if end.abandoned:
        # The thread of a synchronous function cannot be ended, and Python would wait for it.
        os._exit(0)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="functions_host", description="Runs function_app.py as Azure Functions does.")
    parser.add_argument("--root", type=Path, required=True, help="folder of function_app.py and host.json")
    parser.add_argument("--port", type=int, default=7071)
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on; the loopback interface only")
    parser.add_argument(
        "--process-per-group", action="store_true", help="run each scale group in a process of its own, as Azure does"
    )
    parser.add_argument(
        "--http-only", action="store_true", help="listen to no queue or timer, as an instance for HTTP functions does"
    )
    parser.add_argument("--drain-seconds", type=float, default=30.0, help="time for running invocations at the end")
    return parser


async def _run(arguments: argparse.Namespace) -> _End:
    settings = load_settings(arguments.root.resolve())
    os.chdir(settings.root)
    waits = float(settings.environ.get("FUNCTIONS_HOST_WAITS") or 1)
    host = Host(
        settings,
        key=_key(settings),
        workers=ProcessPerGroup.running(settings) if arguments.process_per_group else None,
        redeliver=settings.environ.get("FUNCTIONS_HOST_REDELIVER") == "1",
        lock_s=max(1, round(LOCK_S * waits)),
        waits=waits,
        listens=not arguments.http_only,
    )
    async with parent.ending() as signalled:
        port = await host.start(arguments.host, arguments.port, drain_s=arguments.drain_seconds)
        log.info("Host started on http://%s:%d", arguments.host, port)
        await _first_of(signalled, host.failed)
        log.info("Draining")
        abandoned = await host.stop(drain_s=arguments.drain_seconds)
        log.info("Host stopped (%d invocations abandoned)", abandoned)
        if host.failed.is_set():
            with suppress(TimeoutError):
                await asyncio.wait_for(signalled.wait(), _RESTART_S * waits)
        return _End(abandoned=abandoned, starts_again=host.failed.is_set() and not signalled.is_set())


async def _first_of(*events: asyncio.Event) -> None:
    waiting = [asyncio.ensure_future(event.wait()) for event in events]
    await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    for one in waiting:
        one.cancel()


def _key(settings: HostSettings) -> str:
    key = settings.environ.get("FUNCTIONS_HOST_KEY")
    if not key:
        key = secrets.token_urlsafe(32)
        sys.stderr.write(f"FUNCTIONS_HOST_KEY is not set; the key of this run is {key}\n")
        os.environ["FUNCTIONS_HOST_KEY"] = key  # for the host that follows this one
    return key


def _log_to_stderr() -> None:
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    # The SDK logs every request it sends.
    logging.getLogger("azure.core.pipeline").setLevel(logging.WARNING)


if __name__ == "__main__":
    sys.exit(main())
