"""Timer triggers: the schedule that asks for runs, and the watchdog that looks after those that are under way."""

from datetime import UTC, datetime

import azure.functions as func

from shared.bootstrap import app
from shared.telemetry import count_requests

bp = func.Blueprint()


@bp.timer_trigger(arg_name="timer", schedule="%SYNC_SCHEDULE%", run_on_startup=False, use_monitor=True)
async def schedule(timer: func.TimerRequest) -> None:
    """Ask for a run of every connected tenant. A tick that comes late asks all the same."""
    del timer
    await app().schedule(datetime.now(UTC))


@bp.timer_trigger(arg_name="timer", schedule="%WATCHDOG_SCHEDULE%", run_on_startup=False, use_monitor=True)
async def watchdog(timer: func.TimerRequest) -> None:
    """Enqueue again what a crash left behind, and end runs that are past their deadline."""
    del timer
    with count_requests() as counters:
        await app().watch(counters)
