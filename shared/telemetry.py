"""What a job costs and which job a log line belongs to.

`RequestCounters` counts requests per invocation: adapters count, workflows read. It travels in a context variable, so
that concurrent jobs of one process do not mix.
"""

import logging
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
_log = logging.getLogger("recipient_sync")


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


def count_directory_request() -> None:
    """Count one request to a directory for the current job."""
    if (counters := _counters.get()) is not None:
        counters.directory_requests += 1


def count_storage_request() -> None:
    """Count one request to Table or Queue Storage for the current job."""
    if (counters := _counters.get()) is not None:
        counters.storage_requests += 1


def event(name: str, level: int = logging.INFO, **fields: object) -> None:
    """Log one line: a constant event name and ids or numbers; never a name, address, token, secret or link."""
    _log.log(level, "%s %s", name, " ".join(f"{key}={value}" for key, value in fields.items()))


def quiet_sdks() -> None:
    """Keep the SDKs from logging each request: their lines hold addresses with links and ids of people."""
    for name in ("azure", "httpx", "httpcore", "msal", "urllib3"):
        logging.getLogger(name).setLevel(logging.WARNING)
    # its warnings repeat the whole answer of the login service; what it refuses is told by events of our own
    logging.getLogger("azure.identity").setLevel(logging.ERROR)
