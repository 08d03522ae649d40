"""Tasks nobody awaits until the end: what ends one by mistake must not go unseen."""

import asyncio
import logging
from collections.abc import Coroutine

log = logging.getLogger("functions_host")


def begin(work: Coroutine[object, object, None], name: str) -> asyncio.Task[None]:
    """Run the work as a task; should it fail, that is logged at once."""
    task = asyncio.create_task(work, name=name)
    task.add_done_callback(_report)
    return task


def _report(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        log.critical("Task %r ended by mistake; start the host anew", task.get_name(), exc_info=error)
