"""Background tasks that are not awaited before the end. An unexpected failure of one is logged."""

import asyncio
import logging
from collections.abc import Coroutine

log = logging.getLogger("functions_host")


def begin(work: Coroutine[object, object, None], name: str) -> asyncio.Task[None]:
    """Run the coroutine as a task. If it fails, log the failure immediately."""
    task = asyncio.create_task(work, name=name)
    task.add_done_callback(_report)
    return task


def _report(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        log.critical("Task %r ended unexpectedly; restart the host", task.get_name(), exc_info=error)
