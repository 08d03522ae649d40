"""End the processes that a stack left running, and no others: `python -m infra.local.stack.down`."""

import sys
import time
from pathlib import Path

from infra.local.stack import processes
from infra.local.stack.child import ROOT
from infra.local.stack.local_stack import FILE

#: Seconds that a running stack gets to end its parts; the Functions host may need them to drain.
_GRACE_S = 30
_POLL_S = 0.1


def end_leftovers(directory: Path) -> list[str]:
    """End the recorded processes of `directory`, delete the record, and return a line per process.

    A process id that now belongs to another program (other start time or command line) is left alone.
    """
    lines = []
    for recorded in sorted(processes.load(directory), key=lambda process: process.name != "stack"):
        ended = _ask(recorded) if recorded.name == "stack" else False
        ended = processes.kill_group(recorded) or ended
        lines.append(f"{recorded.name} (process {recorded.pid}): {'ended' if ended else 'does not run any more'}")
    for file in (FILE, processes.FILE):
        (directory / file).unlink(missing_ok=True)
    return lines


def main() -> int:
    """End the leftovers and return 0."""
    print("\n".join(end_leftovers(ROOT / ".local")) or "No stack is on record.")
    return 0


def _ask(recorded: processes.Recorded) -> bool:
    """Ask a recorded stack to end with all its parts, and wait for it. Return False if it was not running."""
    process = recorded.process()
    if process is None:
        return False
    process.terminate()
    deadline = time.monotonic() + _GRACE_S
    while recorded.process() is not None and time.monotonic() < deadline:
        time.sleep(_POLL_S)
    return True


if __name__ == "__main__":
    sys.exit(main())
