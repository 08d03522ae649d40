"""`python -m infra.local.stack.down`: ends what a stack left running, and nothing else."""

import sys
import time
from pathlib import Path

from infra.local.stack import processes
from infra.local.stack.child import ROOT
from infra.local.stack.local_stack import FILE

#: A living stack ends its parts itself when asked; the Functions host may take this long to drain.
_GRACE_S = 30
_POLL_S = 0.1


def end_leftovers(directory: Path) -> list[str]:
    """No recorded process of `directory` runs any more, and the record is gone; returns a line for each of them.

    A process id that now belongs to another program (another start time or command line) is left alone.
    """
    lines = []
    for each in sorted(processes.load(directory), key=lambda process: process.name != "stack"):
        ended = _ask(each) if each.name == "stack" else False
        ended = processes.kill_group(each) or ended
        lines.append(f"{each.name} (process {each.pid}): {'ended' if ended else 'does not run any more'}")
    for file in (FILE, processes.FILE):
        (directory / file).unlink(missing_ok=True)
    return lines


def main() -> int:
    """0 always: afterwards nothing of the stack runs."""
    print("\n".join(end_leftovers(ROOT / ".local")) or "No stack is on record.")
    return 0


def _ask(recorded: processes.Recorded) -> bool:
    """The stack was asked to end, with all its parts, and has had the time for it; False if it was not running."""
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
