"""What is logged and measured when a run ends."""

from datetime import datetime

import msgspec

from shared.domain.run import Run
from shared.telemetry import event, measure
from shared.telemetry.metrics import RECIPIENTS_CHANGED, RUN_DURATION, RUNS_ENDED


def report_end(ended: Run, at: datetime) -> None:
    """Log and measure a run that ended with a report. The changes of a preview are not counted."""
    duration_s = (at - ended.requested_at).total_seconds()
    counts = msgspec.structs.asdict(ended.counts)
    event(
        "finished",
        tenant=ended.tenant,
        run=ended.id,
        state=ended.state,
        seconds=round(duration_s, 1),
        directory_requests=ended.directory_requests,
        storage_requests=ended.storage_requests,
        **counts,
    )
    measure(RUNS_ENDED, state=ended.state)
    measure(RUN_DURATION, duration_s, state=ended.state)
    for change, people in counts.items():
        if people and not ended.preview:
            measure(RECIPIENTS_CHANGED, people, change=change)
