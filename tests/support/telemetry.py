"""Telemetry in memory: everything that the product would export."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from opentelemetry.sdk._logs import ReadableLogRecord
from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter
from opentelemetry.sdk.metrics.export import MetricExporter, MetricExportResult, MetricsData
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from shared.adapters.telemetry.exporters import DELTA, Exporters
from shared.adapters.telemetry.pipeline import Pipeline
from shared.telemetry.recorder import install, installed


class KeptMetrics(MetricExporter):
    """Keeps all points: name of the metric, attributes, value."""

    def __init__(self) -> None:
        super().__init__(preferred_temporality=DELTA)
        self.points: list[tuple[str, dict[str, Any], float]] = []

    def export(self, metrics_data: MetricsData, timeout_millis: float = 10_000, **_: object) -> MetricExportResult:
        """Keep the points of an export."""
        del timeout_millis
        for resource in metrics_data.resource_metrics:
            for scope in resource.scope_metrics:
                for metric in scope.metrics:
                    for point in metric.data.data_points:
                        value = point.sum if hasattr(point, "sum") else point.value
                        self.points.append((metric.name, dict(point.attributes or {}), value))
        return MetricExportResult.SUCCESS

    def force_flush(self, timeout_millis: float = 10_000) -> bool:
        """Do nothing: nothing is buffered."""
        del timeout_millis
        return True

    def shutdown(self, timeout_millis: float = 30_000, **_: object) -> None:
        """Do nothing."""


class Exported:
    """What was exported so far."""

    def __init__(self, sample_ratio: float) -> None:
        self._spans, self._metrics = InMemorySpanExporter(), KeptMetrics()
        self._logs = InMemoryLogRecordExporter()  # type: ignore[no-untyped-call] # the SDK's
        self.pipeline = Pipeline(Exporters(self._spans, self._metrics, self._logs), sample_ratio=sample_ratio)

    def spans(self) -> list[ReadableSpan]:
        """Return the spans in the order of their end."""
        self.pipeline.flush()
        return list(self._spans.get_finished_spans())

    def points(self) -> list[tuple[str, dict[str, Any], float]]:
        """Return the points of metrics."""
        self.pipeline.flush()
        return self._metrics.points

    def total(self, name: str, **attributes: str) -> float:
        """Return the sum of a counter, or the last value of a gauge that was exported once."""
        return sum(value for metric, found, value in self.points() if (metric, found) == (name, attributes))

    def logs(self) -> list[ReadableLogRecord]:
        """Return the log lines."""
        self.pipeline.flush()
        return list(self._logs.get_finished_logs())

    def texts(self) -> list[str]:
        """Return everything that was exported, as text."""
        return [
            *(span.to_json() for span in self.spans()),
            *(str(point) for point in self.points()),
            *(record.to_json() for record in self.logs()),
        ]


@contextmanager
def exported(*, sample_ratio: float = 1.0) -> Iterator[Exported]:
    """Record everything inside the context."""
    before = installed()
    kept = Exported(sample_ratio)
    install(kept.pipeline.recorder)
    stop = kept.pipeline.follow_logs()
    try:
        yield kept
    finally:
        stop()
        install(before)
        kept.pipeline.shutdown()
