"""Exporters: Azure Monitor, or OTLP files in a folder. They are imported at the first export, in its thread.

Importing Azure Monitor's takes half a second, which a cold start does not have to wait for.
"""

import logging
from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeVar
from uuid import uuid4

from opentelemetry.sdk._logs import ReadableLogRecord
from opentelemetry.sdk._logs.export import LogRecordExporter, LogRecordExportResult
from opentelemetry.sdk.metrics import Counter, Histogram, _Gauge
from opentelemetry.sdk.metrics.export import AggregationTemporality, MetricExporter, MetricExportResult, MetricsData
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from shared.settings import TelemetrySettings

#: Counters and histograms are exported as the difference to the last export, because Azure Monitor adds them up; a
#: gauge once, because the next value may be measured by another process.
DELTA: Final[dict[type, AggregationTemporality]] = {
    Counter: AggregationTemporality.DELTA,
    Histogram: AggregationTemporality.DELTA,
    _Gauge: AggregationTemporality.DELTA,
}
#: Said about the first export that fails.
_REMEDY: Final = (
    "Telemetry could not be exported. Give the app's identity the role Monitoring Metrics Publisher on Application "
    "Insights, and check APPLICATIONINSIGHTS_CONNECTION_STRING, or TELEMETRY_FOLDER."
)
R = TypeVar("R")
_log = logging.getLogger(__name__)


class Exporters(NamedTuple):
    """One exporter for each signal."""

    spans: SpanExporter
    metrics: MetricExporter
    logs: LogRecordExporter


def exporters(settings: TelemetrySettings) -> Exporters:
    """Return the exporters that the settings choose: a folder, or else Azure Monitor."""
    create = _Files(Path(settings.folder)) if settings.folder is not None else _AzureMonitor(settings.connection_string)
    return Exporters(_LateSpans(create.spans), _LateMetrics(create.metrics), _LateLogs(create.logs))


class _AzureMonitor:
    """Application Insights. The exporter reads `APPLICATIONINSIGHTS_AUTHENTICATION_STRING` itself."""

    def __init__(self, connection_string: str | None) -> None:
        self._options = {"connection_string": connection_string}

    def spans(self) -> Any:  # noqa: ANN401 - imported only when needed
        from azure.monitor.opentelemetry.exporter import AzureMonitorTraceExporter  # noqa: PLC0415 - as above

        return AzureMonitorTraceExporter(**self._options)

    def metrics(self) -> Any:  # noqa: ANN401 - as above
        from azure.monitor.opentelemetry.exporter import AzureMonitorMetricExporter  # noqa: PLC0415 - as above

        return AzureMonitorMetricExporter(**self._options)

    def logs(self) -> Any:  # noqa: ANN401 - as above
        from azure.monitor.opentelemetry.exporter import AzureMonitorLogExporter  # noqa: PLC0415 - as above

        return AzureMonitorLogExporter(**self._options)


class _Files:
    """Files of a folder with one OTLP message a line, as JSON. Each process has files of its own."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._process = uuid4().hex[:8]

    def spans(self) -> Any:  # noqa: ANN401 - as above
        from opentelemetry.exporter.otlp.json.file import FileSpanExporter  # noqa: PLC0415 - as above

        return FileSpanExporter(self._path("traces"))

    def metrics(self) -> Any:  # noqa: ANN401 - as above
        from opentelemetry.exporter.otlp.json.file import FileMetricExporter  # noqa: PLC0415 - as above

        return FileMetricExporter(self._path("metrics"))

    def logs(self) -> Any:  # noqa: ANN401 - as above
        from opentelemetry.exporter.otlp.json.file._log_exporter import FileLogExporter  # noqa: PLC0415 - as above

        return FileLogExporter(self._path("logs"))

    def _path(self, signal: str) -> Path:
        self._folder.mkdir(parents=True, exist_ok=True)
        return self._folder / f"{signal}-{self._process}.jsonl"


class _Late:
    """Creates an exporter at its first use. The first failure of an export is logged."""

    def __init__(self, create: Callable[[], Any]) -> None:
        self._create = create
        self._has_told = False

    @cached_property
    def exporter(self) -> Any:  # noqa: ANN401 - one of three kinds
        """The exporter."""
        return self._create()

    def told(self, result: R, success: R) -> R:
        """Return the result of an export. The first failure is logged with its remedy."""
        if result is not success and not self._has_told:
            self._has_told = True
            _log.warning(_REMEDY)
        return result

    def shutdown(self, *_: object, **__: object) -> None:
        """Close the exporter, if it was used."""
        if "exporter" in vars(self):
            self.exporter.shutdown()


class _LateSpans(_Late, SpanExporter):
    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        result: SpanExportResult = self.exporter.export(spans)
        return self.told(result, SpanExportResult.SUCCESS)


class _LateMetrics(_Late, MetricExporter):
    def __init__(self, create: Callable[[], Any]) -> None:
        _Late.__init__(self, create)
        MetricExporter.__init__(self, preferred_temporality=DELTA)

    def export(self, metrics_data: MetricsData, timeout_millis: float = 10_000, **_: object) -> MetricExportResult:
        result: MetricExportResult = self.exporter.export(metrics_data, timeout_millis)
        return self.told(result, MetricExportResult.SUCCESS)

    def force_flush(self, timeout_millis: float = 10_000) -> bool:
        del timeout_millis
        return True


class _LateLogs(_Late, LogRecordExporter):
    def force_flush(self, timeout_millis: int = 10_000) -> bool:
        del timeout_millis
        return True

    def export(self, batch: Sequence[ReadableLogRecord]) -> LogRecordExportResult:
        result: LogRecordExportResult = self.exporter.export(batch)
        return self.told(result, LogRecordExportResult.SUCCESS)
