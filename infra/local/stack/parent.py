"""End a process together with the stack that started it, so that a killed stack leaves no process behind.

The stack starts each of its programs as `python -IS infra/local/stack/parent.py node azurite.js ...`. The script asks
Linux for SIGKILL on the parent's death and then replaces itself by the command. The request survives `exec`, so it
also works for programs that do not know this module. On other systems, `make down` ends the children of a stack that
was killed with SIGKILL. The script runs without the project on its path: import the standard library only.

Source: https://man7.org/linux/man-pages/man2/pr_set_pdeathsig.2const.html
"""

import asyncio
import ctypes
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

#: Environment variable with the id of the process to end with.
PARENT_PID: Final = "LOCAL_STACK_PARENT_PID"
_PR_SET_PDEATHSIG: Final = 1
#: Seconds between two checks of whether the parent is alive.
_POLL_S: Final = 1.0


def end_with_parent() -> None:
    """Request SIGKILL for this process when its parent ends. Linux only, and only for a parent named in PARENT_PID."""
    if sys.platform == "linux" and os.environ.get(PARENT_PID) == str(os.getppid()):
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


async def watch() -> None:
    """End this process without draining once the process in PARENT_PID has ended. Return if none is named.

    This covers systems other than Linux, and a process to end with that is not the direct parent.
    """
    pid = os.environ.get(PARENT_PID)
    if not pid:
        return
    while _is_alive(int(pid)):  # noqa: ASYNC110 (the system gives no event for another process's end)
        await asyncio.sleep(_POLL_S)
    os._exit(1)


@asynccontextmanager
async def ending() -> AsyncIterator[asyncio.Event]:
    """Yield an event that SIGTERM and SIGINT set. Inside the context, `watch` runs as well."""
    signalled = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, signalled.set)
    watching = asyncio.create_task(watch())
    try:
        yield signalled
    finally:
        watching.cancel()


def main(command: list[str]) -> None:
    """Replace this process by `command`; the process id stays the same."""
    end_with_parent()
    # Checked after the request: a parent that ended before it would not be noticed otherwise.
    if os.environ[PARENT_PID] != str(os.getppid()):
        sys.exit("The stack that started this process has ended.")
    try:
        os.execvp(command[0], command)  # noqa: S606 - no shell is the point
    except OSError as error:
        sys.exit(f"{command[0]} could not be started: {error.strerror}.")


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


if __name__ == "__main__":
    main(sys.argv[1:])
