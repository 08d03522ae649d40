"""Exporters are imported when they are used, and write OTLP files that the local viewer reads."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from infra.local.traces.otlp_files import messages, read_spans
from shared.adapters.telemetry.exporters import exporters
from shared.adapters.telemetry.pipeline import Pipeline
from shared.settings import TelemetrySettings
from shared.telemetry import SpanKind, event, install, invocation, measure, stage
from shared.telemetry.metrics import PEOPLE_READ
from shared.telemetry.recorder import installed

ROOT = Path(__file__).parents[4]
#: Starts telemetry as a function does, and prints what it has imported.
START = """
import sys, json
from shared.bootstrap import start_telemetry
start_telemetry()
names = ("opentelemetry.sdk.trace", "azure.monitor.opentelemetry.exporter", "opentelemetry.exporter.otlp.json.file")
print(json.dumps([name for name in names if name in sys.modules]))
import os; os._exit(0)
"""
SETTINGS = {"AzureWebJobsStorage": "UseDevelopmentStorage=true", "KEY_VAULT_URL": "https://127.0.0.1:1"}
INSIGHTS = "InstrumentationKey=00000000-0000-0000-0000-000000000000;IngestionEndpoint=https://127.0.0.1:1"


@pytest.mark.parametrize(
    ("settings", "imported"),
    [
        ({}, []),
        ({"TELEMETRY_FOLDER": "/nowhere"}, ["opentelemetry.sdk.trace"]),
        ({"APPLICATIONINSIGHTS_CONNECTION_STRING": INSIGHTS}, ["opentelemetry.sdk.trace"]),
    ],
)
def test_a_start_imports_no_exporter(settings: dict[str, str], imported: list[str]) -> None:
    """Without settings not even the SDK; an exporter at the first export."""
    environment = {**os.environ, **SETTINGS, **settings}
    command = [sys.executable, "-c", START]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, check=True)  # noqa: S603 - from here
    assert json.loads(done.stdout) == imported


def test_files_contain_every_signal(tmp_path: Path) -> None:
    """One folder, files of each process, one message a line."""
    settings = TelemetrySettings(connection_string=None, folder=str(tmp_path / "new"), sample_ratio=1)
    pipeline, before = Pipeline(exporters(settings), sample_ratio=1), installed()
    install(pipeline.recorder)
    stop = pipeline.follow_logs()
    try:
        with invocation("f", function="f", kind=SpanKind.CONSUMER), stage("fetch", tenant="contoso", run="r"):
            measure(PEOPLE_READ, 7)
            event("fetched")
    finally:
        stop()
        install(before)
        pipeline.shutdown()
    parent, child = read_spans(tmp_path / "new")
    assert (parent.name, child.name, child.parent) == ("f", "fetch", parent.id)
    assert child.attributes == {"tenant": "contoso", "run": "r", "job": "fetch"}
    assert "recipient_sync.people.read" in json.dumps(list(messages(tmp_path / "new", "metrics")))
    assert "fetched tenant=contoso" in json.dumps(list(messages(tmp_path / "new", "logs")))
