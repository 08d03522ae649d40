"""Telemetry as the product sees it: spans, metrics, events, and the requests that a job costs.

Nothing here knows OpenTelemetry. Until bootstrap installs a recorder (`shared/adapters/telemetry`), spans and metrics
are discarded; events are log lines in either case.
"""

from shared.telemetry.events import event, failure, quiet_sdks
from shared.telemetry.recorder import Span, SpanKind, current_traceparent, install, measure
from shared.telemetry.requests import (
    RequestCounters,
    count_directory_request,
    count_requests,
    count_storage_request,
    counted_requests,
)
from shared.telemetry.spans import invocation, new_trace, outcome_of, service_call, stage

__all__ = [
    "RequestCounters",
    "Span",
    "SpanKind",
    "count_directory_request",
    "count_requests",
    "count_storage_request",
    "counted_requests",
    "current_traceparent",
    "event",
    "failure",
    "install",
    "invocation",
    "measure",
    "new_trace",
    "outcome_of",
    "quiet_sdks",
    "service_call",
    "stage",
]
