"""OpenTelemetry: the recorder of spans and metrics, and the exporters of all three signals."""

from shared.adapters.telemetry.exporters import exporters
from shared.adapters.telemetry.pipeline import Pipeline
from shared.settings import TelemetrySettings
from shared.telemetry import install


def start(settings: TelemetrySettings) -> None:
    """Record and export everything that this process does from now on."""
    pipeline = Pipeline(exporters(settings), sample_ratio=settings.sample_ratio)
    install(pipeline.recorder)
    pipeline.follow_logs()


__all__ = ["start"]
