"""Pipeline: from the recorder and the log handler, through batches, to the exporters."""

from collections.abc import Callable
from typing import Final

from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import TraceIdRatioBased

from shared.adapters.telemetry.exporters import Exporters
from shared.adapters.telemetry.log_handler import follow
from shared.adapters.telemetry.recorder import OpenTelemetryRecorder

#: Name of the app in all signals.
SERVICE: Final = "recipient-sync"
#: Spans that wait for their export; further ones are dropped. A job of a minute has some thousands.
_MAX_QUEUED: Final = 8_192


class Pipeline:
    """Exports what its recorder records. Export happens in threads, at the intervals of the `OTEL_*` settings.

    Args:
        exporters: where the signals go.
        sample_ratio: share of the traces that are exported, 0 to 1. Every process decides alike, by the trace's id.

    """

    def __init__(self, exporters: Exporters, *, sample_ratio: float) -> None:
        # made by hand: `Resource.create` looks through all installed packages for detectors
        resource = Resource({"service.name": SERVICE})
        # not `ParentBased`: the host, and whatever calls it, samples otherwise
        self._traces = TracerProvider(resource=resource, sampler=TraceIdRatioBased(sample_ratio))
        self._traces.add_span_processor(BatchSpanProcessor(exporters.spans, max_queue_size=_MAX_QUEUED))
        self._metrics = MeterProvider([PeriodicExportingMetricReader(exporters.metrics)], resource=resource)
        self._logs = LoggerProvider(resource=resource)
        self._logs.add_log_record_processor(BatchLogRecordProcessor(exporters.logs))
        self.recorder = OpenTelemetryRecorder(self._traces.get_tracer(SERVICE), self._metrics.get_meter(SERVICE))

    def follow_logs(self) -> Callable[[], None]:
        """Export the log lines of this process. Return a function that ends it."""
        return follow(self._logs.get_logger(SERVICE))

    def flush(self) -> None:
        """Export everything that was recorded so far."""
        self._traces.force_flush()
        self._metrics.force_flush()
        self._logs.force_flush()

    def shutdown(self) -> None:
        """Export everything that was recorded so far, and end the threads."""
        self._traces.shutdown()
        self._metrics.shutdown()
        self._logs.shutdown()
