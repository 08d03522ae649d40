"""The `Recorder` on OpenTelemetry."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import Any, Final

from opentelemetry import context, trace
from opentelemetry.metrics import Meter
from opentelemetry.trace import Link, SpanContext, StatusCode, Tracer
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from shared.telemetry.metrics import METRICS, Instrument, Metric
from shared.telemetry.recorder import NOTHING, Span, SpanKind, Value

#: Attribute with the code of an error, or the name of its class.
#: Source: https://opentelemetry.io/docs/specs/semconv/attributes-registry/error/
_ERROR_TYPE: Final = "error.type"
_KINDS: Final = {kind: trace.SpanKind[kind.name] for kind in SpanKind}
#: Kinds of spans that begin in the trace of another process.
_ENTRIES: Final = {SpanKind.SERVER, SpanKind.CONSUMER}
_W3C: Final = TraceContextTextMapPropagator()


class OpenTelemetryRecorder:
    """Records spans with a tracer, and metrics with a meter.

    Neither is registered globally: the SDKs of Microsoft would record spans with URLs of their own.
    """

    def __init__(self, tracer: Tracer, meter: Meter) -> None:
        self._tracer = tracer
        self._instruments = {metric: _instrument(meter, metric) for metric in METRICS}

    def span(
        self, name: str, kind: SpanKind, attributes: Mapping[str, Value], *, parent: str | None, is_new_trace: bool
    ) -> AbstractContextManager[Span]:
        """Return a context in which a new span is the current one. Within a trace that is not sampled, there is none.

        With a parent from a message, the span of the host that delivered the message is linked.
        """
        current = trace.get_current_span()
        within = _remote(parent) if parent is not None else None
        if is_new_trace:
            within = context.Context()
        elif kind not in _ENTRIES and not current.is_recording():
            return NOTHING
        here = current.get_span_context()
        links = [Link(here)] if within is not None and here.is_valid else []
        return _Scope(
            self._tracer.start_span(name, context=within, kind=_KINDS[kind], attributes=dict(attributes), links=links)
        )

    def record(self, metric: Metric, value: float, attributes: Mapping[str, str]) -> None:
        """Add a value to a metric."""
        self._instruments[metric](value, attributes)

    def traceparent(self) -> str | None:
        """Return the current span as a `traceparent` header; None without one."""
        carrier: dict[str, str] = {}
        _W3C.inject(carrier)
        return carrier.get("traceparent")


def _remote(traceparent: str) -> context.Context | None:
    """Return the context of a `traceparent` header; None if it is malformed."""
    within = _W3C.extract({"traceparent": traceparent}, context.Context())
    remote: SpanContext = trace.get_current_span(within).get_span_context()
    return within if remote.is_valid else None


def _instrument(meter: Meter, metric: Metric) -> Callable[[float, Mapping[str, str]], None]:
    created: Any
    match metric.instrument:
        case Instrument.COUNTER:
            created = meter.create_counter(metric.name, metric.unit)
            return created.add  # type: ignore[no-any-return] # one of three types
        case Instrument.HISTOGRAM:
            created = meter.create_histogram(metric.name, metric.unit)
            return created.record  # type: ignore[no-any-return] # as above
        case Instrument.GAUGE:
            created = meter.create_gauge(metric.name, metric.unit)
            return created.set  # type: ignore[no-any-return] # as above


class _Recorded(Span):
    """A span of a recorded trace."""

    def __init__(self, span: trace.Span) -> None:
        self._span = span

    def set(self, name: str, value: Value) -> None:
        """Set an attribute."""
        self._span.set_attribute(name, value)

    def fail(self, error_type: str) -> None:
        """Mark the span as failed."""
        self._span.set_attribute(_ERROR_TYPE, error_type)
        self._span.set_status(StatusCode.ERROR)


class _Scope(AbstractContextManager[Span]):
    """Makes a span the current one, and ends it."""

    def __init__(self, span: trace.Span) -> None:
        self._span = span

    def __enter__(self) -> Span:
        self._token = context.attach(trace.set_span_in_context(self._span))
        return _Recorded(self._span)

    def __exit__(self, *_: object) -> None:
        context.detach(self._token)
        self._span.end()
