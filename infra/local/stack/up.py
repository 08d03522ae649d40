"""Run the stack on 127.0.0.1 until Ctrl-C: `python -m infra.local.stack.up`. `.local/stack.json` has its addresses."""

import argparse
import asyncio
import os
import signal
import sys
from pathlib import Path

from infra.local.azurite import AzuriteUnavailable
from infra.local.stack.child import ROOT
from infra.local.stack.local_stack import FILE, AlreadyRunning, LocalStack
from infra.local.stack.ports import Ports, PortsUnavailable
from infra.local.stack.programs import HostUnavailable
from infra.local.stack.supervisor import PartFailed

#: Values of SCALE in the environment, and the factor for the size of the sample directories.
SCALES = {"full": 1.0, "small": 0.01}

#: Errors for which the stack cannot start or run. Each message is a complete sentence.
STACK_ERRORS = (AlreadyRunning, AzuriteUnavailable, HostUnavailable, PartFailed, PortsUnavailable)


def main() -> int:
    """Run the stack. Return 0 after Ctrl-C or SIGTERM.

    If the stack cannot start or loses a part, print one sentence and return 1.
    """
    parser = argparse.ArgumentParser(prog="python -m infra.local.stack.up", description=__doc__)
    parser.add_argument("--directory", type=Path, default=ROOT / ".local", help="for logs, certificates and stack.json")
    directory = parser.parse_args().directory.resolve()
    size = os.environ.get("SCALE") or "full"
    if size not in SCALES:
        print(f"Invalid SCALE {size!r}: use SCALE=full or SCALE=small.", file=sys.stderr)
        return 1
    try:
        ports = Ports.chosen(os.environ)
        host = os.environ.get("HOST") or "local"
        stack = LocalStack(directory=directory, ports=ports, scale=SCALES[size], host=host)
        asyncio.run(run_until_signalled(stack))
    except STACK_ERRORS as error:
        print(error, file=sys.stderr)
        return 1
    return 0


async def run_until_signalled(stack: LocalStack) -> None:
    """Run the stack until a signal arrives, and end every part.

    Raises:
        PartFailed: A part ended before that.
    """
    this = asyncio.current_task()
    signalled = asyncio.Event()

    def end() -> None:
        if this is not None and not signalled.is_set():
            signalled.set()
            this.cancel()

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, end)
    print("Starting the stack.", flush=True)
    try:
        async with stack:
            print(f"API        {stack.info['api']}", flush=True)
            print(f"Addresses  {stack.directory / FILE}", flush=True)
            print("Traces     make traces\nRunning until Ctrl-C.", flush=True)
            await stack.failure()
    except asyncio.CancelledError:
        print("The stack has ended.", flush=True)


if __name__ == "__main__":
    sys.exit(main())
