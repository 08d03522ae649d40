"""Spans form one trace across processes, sampled by its id; metrics are counted whether or not it is sampled."""

import asyncio
from collections.abc import Iterator

import pytest
from opentelemetry.trace import StatusCode

from shared.errors import Superseded, Transient
from shared.telemetry import SpanKind, current_traceparent, invocation, measure, new_trace, service_call, stage
from shared.telemetry.metrics import GRAPH_REQUESTS, INVOCATIONS, METRICS, QUEUE_AGE, RUN_DURATION, STORAGE_REQUESTS
from tests.support.telemetry import Exported, exported

TRACE = "0af7651916cd43dd8448eb211c80319c"
PARENT = f"00-{TRACE}-b7ad6b7169203331-01"


@pytest.fixture
def kept() -> Iterator[Exported]:
    """Everything that is exported."""
    with exported() as exporting:
        yield exporting


def test_a_message_continues_the_trace_of_its_sender(kept: Exported) -> None:
    """Its stages and requests are below, and the next message continues from there."""
    with (
        invocation("fetch_jobs", function="fetch_jobs", kind=SpanKind.CONSUMER, parent=PARENT),
        stage("fetch", tenant="contoso", run="r", subject="main:users"),
    ):
        with service_call("GET graph /users", GRAPH_REQUESTS) as call:
            call.answered(200, is_throttled=False)
        sent = current_traceparent()
    request, fetch, message = kept.spans()
    ids = [span.context.span_id for span in (message, fetch) if span.context]
    assert {format(span.context.trace_id, "032x") for span in kept.spans() if span.context} == {TRACE}
    assert [span.parent.span_id for span in (message, fetch, request) if span.parent] == [
        int("b7ad6b7169203331", 16),
        *ids,
    ]
    assert sent is not None
    assert sent.split("-")[1:3] == [TRACE, format(ids[1], "016x")]
    assert dict(fetch.attributes or {}) == {"tenant": "contoso", "run": "r", "job": "fetch/main:users"}


@pytest.mark.parametrize("parent", ["", "garbage", "00-0-0-00", f"00-{'0' * 32}-b7ad6b7169203331-01"])
def test_a_malformed_parent_begins_a_trace(kept: Exported, parent: str) -> None:
    """Messages of other senders may contain anything."""
    with invocation("sync_requests", function="sync_requests", kind=SpanKind.CONSUMER, parent=parent):
        pass
    (span,) = kept.spans()
    assert span.parent is None


def test_the_span_of_the_host_is_linked(kept: Exported) -> None:
    """The message's sender is the parent, not the host that delivered it."""
    with (
        invocation("outer", function="http", kind=SpanKind.SERVER),
        invocation("fetch_jobs", function="fetch_jobs", kind=SpanKind.CONSUMER, parent=PARENT),
    ):
        pass
    message, outer = kept.spans()
    assert [link.context for link in message.links] == [outer.context]


def test_a_new_trace_is_linked_to_the_timer(kept: Exported) -> None:
    """Each tenant of a tick has a trace of its own."""
    with invocation("schedule", function="schedule", kind=SpanKind.SERVER):
        for tenant in ("contoso", "fabrikam"):
            with new_trace("schedule tenant", tenant=tenant):
                pass
    *tenants, timer = kept.spans()
    assert len({span.context.trace_id for span in kept.spans() if span.context}) == 3
    assert [[link.context for link in span.links] for span in tenants] == [[timer.context], [timer.context]]


def test_without_an_invocation_there_are_no_spans(kept: Exported) -> None:
    """A background task belongs to no trace, but its requests are counted."""
    with service_call("GET table Runs", STORAGE_REQUESTS, service="table") as call:
        call.answered(503, is_throttled=True)
    assert kept.spans() == []
    assert kept.total(STORAGE_REQUESTS.name, service="table", outcome="throttled") == 1


async def test_concurrent_invocations_do_not_mix(kept: Exported) -> None:
    """Each task has its own current span."""

    async def work(tenant: str) -> str | None:
        with invocation("fetch_jobs", function="fetch_jobs", kind=SpanKind.CONSUMER, parent=None):
            await asyncio.sleep(0)
            with stage("fetch", tenant=tenant):
                await asyncio.sleep(0)
                return current_traceparent()

    traces = await asyncio.gather(*(work(f"t{number}") for number in range(20)))
    assert len({trace.split("-")[1] for trace in traces if trace}) == 20
    assert len(kept.spans()) == 40


def test_every_process_samples_the_same_traces() -> None:
    """By the id of the trace alone; events and metrics are not sampled."""
    traces = [f"{number:032x}" for number in range(2**60, 2**64, 2**58)]
    sampled = []
    for _ in range(2):
        with exported(sample_ratio=0.5) as kept:
            for trace in traces:
                parent = f"00-{trace}-b7ad6b7169203331-00"
                with invocation("f", function="f", kind=SpanKind.CONSUMER, parent=parent), stage("plan", tenant="t"):
                    pass
            sampled.append({format(span.context.trace_id, "032x") for span in kept.spans() if span.context})
            assert kept.total(INVOCATIONS.name, function="f", outcome="succeeded") == len(traces)
    assert sampled[0] == sampled[1]
    assert 0 < len(sampled[0]) < len(traces)


def test_a_trace_that_is_not_sampled_stays_together() -> None:
    """Its id travels on, so that the next process does not sample it either."""
    with exported(sample_ratio=0) as kept:
        with invocation("f", function="f", kind=SpanKind.CONSUMER, parent=PARENT), stage("plan", tenant="t"):
            sent = current_traceparent()
        assert kept.spans() == []
    assert sent is not None
    assert (sent.split("-")[1], sent.split("-")[3]) == (TRACE, "00")


@pytest.mark.parametrize(
    ("error", "kind"),
    [(Transient("about alice@contoso.com", code="storage_busy"), "storage_busy"), (KeyError("x"), "KeyError")],
)
def test_an_error_is_a_code(kept: Exported, error: Exception, kind: str) -> None:
    """Its message may quote anything, and is not recorded."""
    with (
        pytest.raises(type(error)),
        invocation("watchdog", function="watchdog", kind=SpanKind.SERVER),
        stage("fetch", tenant="t"),
    ):
        raise error
    for span in kept.spans():
        assert (span.attributes or {})["error.type"] == kind
        assert span.status.status_code is StatusCode.ERROR
        assert (span.status.description, span.events) == (None, ())
    assert kept.total(INVOCATIONS.name, function="watchdog", outcome="failed") == 1


@pytest.mark.parametrize(
    ("status", "outcome"),
    [(200, "ok"), (404, "ok"), (412, "ok"), (429, "throttled"), (500, "failed"), (None, "unreachable")],
)
def test_the_outcome_of_a_request(kept: Exported, status: int | None, outcome: str) -> None:
    """A refusal that says something about the request is not a failure of the service."""
    with service_call("GET graph /users", GRAPH_REQUESTS) as call:
        if status is not None:
            call.answered(status, is_throttled=status == 429)
    assert kept.total(GRAPH_REQUESTS.name, outcome=outcome) == 1


def test_a_request_has_the_status_of_its_response(kept: Exported) -> None:
    """Under a name that Azure Monitor's exporter keeps."""
    with (
        invocation("f", function="f", kind=SpanKind.CONSUMER),
        service_call("GET table Runs", STORAGE_REQUESTS, service="table") as call,
    ):
        call.answered(404, is_throttled=False)
    assert dict(kept.spans()[0].attributes or {}) == {"status": 404}


def test_every_metric_is_exported(kept: Exported) -> None:
    """Counters are added up, the last value of a gauge counts, a histogram has a sum."""
    for metric in METRICS:
        measure(metric, 2, **dict.fromkeys(metric.attributes, "x"))
        measure(metric, 3, **dict.fromkeys(metric.attributes, "x"))
    values = {name: value for name, _, value in kept.points()}
    assert set(values) == {metric.name for metric in METRICS}
    assert (values[INVOCATIONS.name], values[QUEUE_AGE.name], values[RUN_DURATION.name]) == (5, 3, 5)


def test_superseded_work_is_named(kept: Exported) -> None:
    """Errors of the product have codes."""
    with pytest.raises(Superseded), invocation("f", function="f", kind=SpanKind.CONSUMER):
        raise Superseded("x", code="superseded")
    assert (kept.spans()[0].attributes or {})["error.type"] == "superseded"


def test_a_gauge_is_exported_once(kept: Exported) -> None:
    """Another process may measure the next value, and the old one must not contradict it."""
    measure(QUEUE_AGE, 5, queue="fetch-jobs")
    assert [len(kept.points()) for _ in range(3)] == [1, 1, 1]
