"""A worker process that records which callbacks of its event loop used the CPU for long.

The host starts it in place of its own (`FUNCTIONS_HOST_WORKER`). What is measured is the CPU time of the loop's thread:
it contains garbage collection and the worker library, and neither waiting for the CPU nor other threads.
"""

import asyncio
import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from time import thread_time, time
from typing import Final

from infra.local.functions_host import worker_process
from infra.local.functions_host.channel import Channel, Handler

#: Name of the setting with the folder of the records.
FOLDER: Final = "LOAD_CALLBACKS"
#: CPU time from which a callback is recorded, in seconds.
RECORDED_S: Final = 0.01


def prepare(channel: Channel) -> Mapping[str, Handler]:
    """Measure every callback once the app is loaded. Each recorded one is a line of JSON in a file of this process."""
    file = Path(os.environ[FOLDER]) / f"{os.getpid()}.jsonl"
    run = asyncio.Handle._run

    def measured(handle: asyncio.Handle) -> None:
        is_loaded, began_s, known = channel.answers("invoke"), thread_time(), len(sys.modules)
        run(handle)
        cpu_s = thread_time() - began_s
        if is_loaded and cpu_s >= RECORDED_S:
            found = {"at": time(), "cpu_s": cpu_s, "what": _name(handle), "imported": len(sys.modules) - known}
            with file.open("a", encoding="utf-8") as records:
                records.write(json.dumps(found) + "\n")

    asyncio.Handle._run = measured  # type: ignore[method-assign, assignment]
    return {}


def _name(handle: asyncio.Handle) -> str:
    """Return the coroutine of a task's step, or the function of another callback."""
    callback = handle._callback  # type: ignore[attr-defined] # no public name
    owner = getattr(callback, "__self__", None)
    if isinstance(owner, asyncio.Task):
        return str(getattr(owner.get_coro(), "__qualname__", owner.get_coro()))
    return str(getattr(callback, "__qualname__", callback))


if __name__ == "__main__":
    worker_process.main(prepare)
