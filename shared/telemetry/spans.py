"""The kinds of spans: an invocation of a function, a new trace within it, a stage of a job, a request to a service."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from shared.errors import SyncError
from shared.telemetry.events import job_fields
from shared.telemetry.metrics import INVOCATIONS, Metric
from shared.telemetry.recorder import Span, SpanKind, Value, installed, measure

#: Attribute with the status of a response. Azure Monitor's exporter drops `http.response.status_code`, unless it also
#: gets a URL, of which it makes the name of the span.
STATUS: Final = "status"
_SERVER_ERROR: Final = 500


class Invocation:
    """An invocation of a function, to be marked if it fails without an exception."""

    def __init__(self, span: Span) -> None:
        self.span = span
        self.outcome = "succeeded"

    def fail(self, error_type: str) -> None:
        """Mark the invocation as failed."""
        self.outcome = "failed"
        self.span.fail(error_type)


@contextmanager
def invocation(
    name: str, *, function: str, kind: SpanKind, parent: str | None = None, **attributes: Value
) -> Iterator[Invocation]:
    """Record an invocation of a function, which continues the trace of `parent`, a `traceparent` header."""
    with installed().span(name, kind, attributes, parent=parent, is_new_trace=False) as span:
        current = Invocation(span)
        try:
            yield current
        except BaseException as error:
            current.fail(error_type(error))
            raise
        finally:
            measure(INVOCATIONS, function=function, outcome=current.outcome)


@contextmanager
def new_trace(name: str, *, tenant: str) -> Iterator[Span]:
    """Record a new trace for one tenant, which links to the current span."""
    with job_fields(tenant=tenant), _span(name, SpanKind.INTERNAL, {"tenant": tenant}, is_new_trace=True) as span:
        yield span


@contextmanager
def stage(name: str, *, tenant: str, run: str | None = None, subject: str | None = None) -> Iterator[Span]:
    """Record a stage of a job. All events inside it name the tenant, the run and the job.

    The job is the stage with the id of its source or location (`subject`): `fetch/main:users`.
    """
    job = f"{name}/{subject}" if subject else name
    attributes = {"tenant": tenant, "job": job} | ({"run": run} if run else {})
    with job_fields(tenant=tenant, run=run, job=job), _span(name, SpanKind.INTERNAL, attributes) as span:
        yield span


class ServiceCall:
    """A request to a service, to be told the status of the response."""

    def __init__(self, span: Span) -> None:
        self._span = span
        self.outcome = "unreachable"

    def answered(self, status: int, *, is_throttled: bool) -> None:
        """Record the status of the response."""
        self._span.set(STATUS, status)
        self.outcome = outcome_of(status, is_throttled=is_throttled)
        if self.outcome != "ok":
            self._span.fail(str(status))


def outcome_of(status: int, *, is_throttled: bool) -> str:
    """Return the outcome of a request by the status of its response. A 4xx response is ok: the service works."""
    if is_throttled:
        return "throttled"
    return "failed" if status >= _SERVER_ERROR else "ok"


@contextmanager
def service_call(name: str, metric: Metric, *, service: str | None = None) -> Iterator[ServiceCall]:
    """Record and count one request to a service. The name contains no id of a person and no query."""
    with installed().span(name, SpanKind.CLIENT, {}, parent=None, is_new_trace=False) as span:
        call = ServiceCall(span)
        try:
            yield call
        except BaseException as error:
            span.fail(error_type(error))
            raise
        finally:
            attributes = {"service": service} if service is not None else {}
            installed().record(metric, 1, {**attributes, "outcome": call.outcome})


@contextmanager
def _span(
    name: str, kind: SpanKind, attributes: dict[str, Value] | dict[str, str], *, is_new_trace: bool = False
) -> Iterator[Span]:
    with installed().span(name, kind, attributes, parent=None, is_new_trace=is_new_trace) as span:
        try:
            yield span
        except BaseException as error:
            span.fail(error_type(error))
            raise


def error_type(error: BaseException) -> str:
    """Return the code of an error of the product, or the name of another exception."""
    return error.code if isinstance(error, SyncError) else type(error).__name__
