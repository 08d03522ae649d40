"""What a job costs.

`RequestCounters` counts requests per invocation: adapters count, workflows read. It travels in a context variable, so
that concurrent jobs of one process do not mix.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass


@dataclass(slots=True)
class RequestCounters:
    """Requests sent on behalf of one job so far, retries included."""

    directory_requests: int = 0
    storage_requests: int = 0


_counters: ContextVar[RequestCounters | None] = ContextVar("counters", default=None)


@contextmanager
def count_requests() -> Iterator[RequestCounters]:
    """Count every request made inside the context in the counters that it gives, and in those of an outer context."""
    counters, outer = RequestCounters(), _counters.get()
    token = _counters.set(counters)
    try:
        yield counters
    finally:
        _counters.reset(token)
        if outer is not None:
            outer.directory_requests += counters.directory_requests
            outer.storage_requests += counters.storage_requests


def counted_requests() -> int:
    """Return the number of requests of both kinds that were counted for the current job so far."""
    counters = _counters.get()
    return 0 if counters is None else counters.directory_requests + counters.storage_requests


def count_directory_request() -> None:
    """Count one request to a directory for the current job."""
    if (counters := _counters.get()) is not None:
        counters.directory_requests += 1


def count_storage_request() -> None:
    """Count one request to Table or Queue Storage for the current job."""
    if (counters := _counters.get()) is not None:
        counters.storage_requests += 1
