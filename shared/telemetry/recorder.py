"""The recorder of spans and metrics: what an adapter implements, and the one that is installed in this process."""

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from enum import StrEnum
from typing import Final, Protocol

from shared.telemetry.metrics import Metric

Value = str | int | float | bool


class SpanKind(StrEnum):
    """Role of a span, as in OpenTelemetry."""

    INTERNAL = "internal"
    SERVER = "server"
    CONSUMER = "consumer"
    CLIENT = "client"


class Span:
    """A timed part of a trace. This one belongs to no recorded trace, and discards everything."""

    def set(self, name: str, value: Value) -> None:
        """Set an attribute: an id of a tenant, run or job, a number, or a constant text."""

    def fail(self, error_type: str) -> None:
        """Mark the span as failed, with a code or the name of an exception. Messages of errors are not recorded."""


class Recorder(Protocol):
    """Records spans and metrics."""

    def span(
        self, name: str, kind: SpanKind, attributes: Mapping[str, Value], *, parent: str | None, is_new_trace: bool
    ) -> AbstractContextManager[Span]:
        """Return a context in which a new span is the current one.

        Its parent is the `traceparent` header `parent`, or else the current span. A new trace links to that span.
        """

    def record(self, metric: Metric, value: float, attributes: Mapping[str, str]) -> None:
        """Add a value to a metric."""

    def traceparent(self) -> str | None:
        """Return the current span as a `traceparent` header; None without one.

        Source: https://www.w3.org/TR/trace-context/#traceparent-header
        """


class _NoRecorder:
    """Discards everything."""

    def span(
        self, name: str, kind: SpanKind, attributes: Mapping[str, Value], *, parent: str | None, is_new_trace: bool
    ) -> AbstractContextManager[Span]:
        """Return a context without a span."""
        del name, kind, attributes, parent, is_new_trace
        return NOTHING

    def record(self, metric: Metric, value: float, attributes: Mapping[str, str]) -> None:
        """Discard the value."""

    def traceparent(self) -> str | None:
        """Return None."""
        return None


#: The context of a span that is not recorded.
NOTHING: Final = nullcontext(Span())

_recorder: Recorder = _NoRecorder()


def install(recorder: Recorder) -> None:
    """Record all spans and metrics of this process with a recorder."""
    global _recorder  # noqa: PLW0603 - one per process, like logging's handlers
    _recorder = recorder


def installed() -> Recorder:
    """Return the recorder of this process."""
    return _recorder


def measure(metric: Metric, value: float = 1, **attributes: str) -> None:
    """Add a value to a metric, with its attributes."""
    _recorder.record(metric, value, attributes)


def current_traceparent() -> str | None:
    """Return the current span as a `traceparent` header, which travels in messages; None without one."""
    return _recorder.traceparent()
