"""Timer triggers: the schedule that requests runs, and the watchdog that recovers what a crash left behind."""

from datetime import UTC, datetime

import azure.functions as func

from shared.bootstrap import app
from shared.telemetry import count_requests

bp = func.Blueprint()


@bp.timer_trigger(arg_name="timer", schedule="%SYNC_SCHEDULE%", run_on_startup=False, use_monitor=True)
async def schedule(timer: func.TimerRequest) -> None:
    """Request a run of every connected tenant. A late tick is not skipped."""
    del timer
    await app().schedule(datetime.now(UTC))


@bp.timer_trigger(arg_name="timer", schedule="%WATCHDOG_SCHEDULE%", run_on_startup=False, use_monitor=True)
async def watchdog(timer: func.TimerRequest) -> None:
    """Re-enqueue jobs without progress, end runs past their deadline, and record the messages of poison queues."""
    del timer
    with count_requests() as counters:
        await app().watchdog(counters)
        await app().dead_letters.collect(counters)
