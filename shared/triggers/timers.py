"""Timer triggers: the schedule that requests runs, and the watchdog that recovers what a crash left behind."""

from datetime import UTC, datetime

import azure.functions as func

from shared.bootstrap import app, start_telemetry
from shared.telemetry import SpanKind, count_requests, invocation

bp = func.Blueprint()


@bp.timer_trigger(arg_name="timer", schedule="%SYNC_SCHEDULE%", run_on_startup=False, use_monitor=True)
async def schedule(timer: func.TimerRequest) -> None:
    """Request a run of every connected tenant. A late tick is not skipped."""
    del timer
    start_telemetry()
    with invocation("schedule", function="schedule", kind=SpanKind.SERVER):
        await app().schedule(datetime.now(UTC))


@bp.timer_trigger(arg_name="timer", schedule="%WATCHDOG_SCHEDULE%", run_on_startup=False, use_monitor=True)
async def watchdog(timer: func.TimerRequest) -> None:
    """Resume or end stuck runs, complete erasures, record poison messages, report gauges, and delete old rows."""
    del timer
    start_telemetry()
    with invocation("watchdog", function="watchdog", kind=SpanKind.SERVER), count_requests() as counters:
        await app().watchdog(counters)
        await app().erase_person.complete()
        await app().dead_letters.collect(counters)
        await app().gauges()
        await app().retention()
