"""Events are exported with their fields, and of other log lines only where they come from."""

import logging
from collections.abc import Iterator

import pytest

from shared.telemetry import SpanKind, event, failure, invocation, stage
from tests.support.telemetry import Exported, exported

SECRET = "alice@contoso.com"


@pytest.fixture
def kept() -> Iterator[Exported]:
    """Everything that is exported."""
    with exported() as exporting:
        yield exporting


def test_an_event_names_tenant_run_and_job(kept: Exported) -> None:
    """Inside a stage, in the text and as attributes, with its trace."""
    with (
        invocation("fetch_jobs", function="fetch_jobs", kind=SpanKind.CONSUMER),
        stage("fetch", tenant="contoso", run="r", subject="main:users"),
    ):
        event("fetched", users=3, problem=None)
    (line,) = kept.logs()
    record = line.log_record
    assert record.body == "fetched tenant=contoso run=r job=fetch/main:users users=3 problem=None"
    assert dict(record.attributes or {}) == {
        "event": "fetched",
        "tenant": "contoso",
        "run": "r",
        "job": "fetch/main:users",
        "users": 3,
    }
    assert record.trace_id == next(span.context.trace_id for span in kept.spans() if span.context)


def test_events_are_exported_without_a_sampled_trace() -> None:
    """What alerts count is never sampled."""
    with exported(sample_ratio=0) as kept:
        with invocation("schedule", function="schedule", kind=SpanKind.SERVER):
            event("held", tenant="contoso", people=3)
        assert kept.spans() == []
        assert [line.log_record.body for line in kept.logs()] == ["held tenant=contoso people=3"]


def test_other_loggers_are_named_and_not_quoted(kept: Exported) -> None:
    """A library may log what it likes: an address, a link, a token."""
    logging.getLogger("asyncio").warning("about %s", SECRET)
    logging.getLogger("asyncio").info("not exported")
    logging.getLogger("azure.core.pipeline").warning("the exporter's own, not exported")
    (line,) = kept.logs()
    assert line.log_record.body == "WARNING of asyncio"
    assert (line.log_record.attributes or {})["logger"] == "asyncio"
    assert SECRET not in line.to_json()


def test_of_an_exception_its_type_and_place_are_exported(kept: Exported) -> None:
    """An id in the log leads to it, and its message stays out."""
    known: dict[str, str] = {}
    try:
        known[SECRET]
    except KeyError:
        failure("http_failed", trace="abc")
    (line,) = kept.logs()
    attributes = line.log_record.attributes or {}
    assert (attributes["exception.type"], attributes["trace"]) == ("KeyError", "abc")
    assert "test_log_handler.py" in str(attributes["exception.stacktrace"])
    assert SECRET not in line.to_json()
