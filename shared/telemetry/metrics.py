"""Metrics: everything that is counted or measured. Alerts and the workbook may use these names only.

docs/reference/telemetry.md lists them; a test compares the two.
"""

from enum import StrEnum
from typing import Final, NamedTuple


class Instrument(StrEnum):
    """How the values of a metric are combined within an export interval."""

    #: Added up.
    COUNTER = "counter"
    #: Count, sum, minimum and maximum.
    HISTOGRAM = "histogram"
    #: The last one counts.
    GAUGE = "gauge"


class Metric(NamedTuple):
    """A metric. Attributes have few values each, and never name a tenant or a person."""

    name: str
    instrument: Instrument
    unit: str
    attributes: tuple[str, ...] = ()


INVOCATIONS: Final = Metric("recipient_sync.invocations", Instrument.COUNTER, "{invocation}", ("function", "outcome"))
PEOPLE_READ: Final = Metric("recipient_sync.people.read", Instrument.COUNTER, "{person}")
RECIPIENTS_CHANGED: Final = Metric("recipient_sync.recipients.changed", Instrument.COUNTER, "{recipient}", ("change",))
GRAPH_REQUESTS: Final = Metric("recipient_sync.graph.requests", Instrument.COUNTER, "{request}", ("outcome",))
STORAGE_REQUESTS: Final = Metric(
    "recipient_sync.storage.requests", Instrument.COUNTER, "{request}", ("service", "outcome")
)
RUNS_ENDED: Final = Metric("recipient_sync.runs.ended", Instrument.COUNTER, "{run}", ("state",))
RUN_DURATION: Final = Metric("recipient_sync.runs.duration", Instrument.HISTOGRAM, "s", ("state",))
HELD_RUNS: Final = Metric("recipient_sync.held_runs", Instrument.GAUGE, "{run}")
HELD_AGE: Final = Metric("recipient_sync.held_runs.age", Instrument.GAUGE, "s")
TENANTS: Final = Metric("recipient_sync.tenants", Instrument.GAUGE, "{tenant}", ("state",))
QUEUE_AGE: Final = Metric("recipient_sync.queue.age", Instrument.GAUGE, "s", ("queue",))

#: All metrics.
METRICS: Final = (
    INVOCATIONS,
    PEOPLE_READ,
    RECIPIENTS_CHANGED,
    GRAPH_REQUESTS,
    STORAGE_REQUESTS,
    RUNS_ENDED,
    RUN_DURATION,
    HELD_RUNS,
    HELD_AGE,
    TENANTS,
    QUEUE_AGE,
)
