"""A process ends with the one that started it, at once, so that a killed stack leaves nothing behind."""

import asyncio
import ctypes
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

#: the environment variable with the process id to end with
VARIABLE = "LOCAL_STACK_PARENT_PID"
_PR_SET_PDEATHSIG = 1
_POLL_S = 1.0


def end_with_parent() -> None:
    """Have Linux kill us when our parent dies; `watch` is for other systems and for a parent further up."""
    if os.environ.get(VARIABLE) == str(os.getppid()) and sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


async def watch() -> None:
    """End this process, without draining, once the one to end with is gone; return at once if there is none."""
    pid = os.environ.get(VARIABLE)
    if not pid:
        return
    while _is_alive(int(pid)):  # noqa: ASYNC110 (the system gives no event for another process's end)
        await asyncio.sleep(_POLL_S)
    os._exit(1)


@asynccontextmanager
async def ending() -> AsyncIterator[asyncio.Event]:
    """Give what SIGTERM and SIGINT set from now on; inside the context the process also ends as `watch` says."""
    told = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, told.set)
    watching = asyncio.create_task(watch())
    try:
        yield told
    finally:
        watching.cancel()


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
