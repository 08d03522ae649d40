"""Events: log lines with a constant name. Inside a job, each names its tenant, run and job."""

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from types import MappingProxyType
from typing import Final

#: Logger of all events.
LOGGER: Final = "recipient_sync"
#: Attribute of a log record with the fields of its event.
FIELDS: Final = "event_fields"

_log = logging.getLogger(LOGGER)
_job: ContextVar[Mapping[str, str]] = ContextVar("job", default=MappingProxyType({}))


def event(name: str, level: int = logging.INFO, **fields: object) -> None:
    """Log one line: a constant event name and ids or numbers; never a name, address, token, secret or link.

    The fields of the current job come first: `tenant`, `run` and `job`.
    """
    _write(name, level, fields, with_exception=False)


def failure(name: str, **fields: object) -> None:
    """Log the exception that is being handled, as an event with its traceback."""
    _write(name, logging.ERROR, fields, with_exception=True)


def _write(name: str, level: int, fields: Mapping[str, object], *, with_exception: bool) -> None:
    known = {**_job.get(), **fields}
    text = " ".join(f"{key}={value}" for key, value in known.items())
    _log.log(level, "%s %s", name, text, exc_info=with_exception, extra={FIELDS: {"event": name, **known}})


@contextmanager
def job_fields(**fields: str | None) -> Iterator[None]:
    """Add fields to all events inside the context. A field of an outer context is replaced; None adds nothing."""
    token = _job.set({**_job.get(), **{name: value for name, value in fields.items() if value is not None}})
    try:
        yield
    finally:
        _job.reset(token)


def current_job_fields() -> Mapping[str, str]:
    """Return the fields of the current job."""
    return _job.get()


def quiet_sdks() -> None:
    """Keep the SDKs from logging each request: their lines hold addresses with links and ids of people."""
    for name in ("azure", "httpx", "httpcore", "msal", "urllib3"):
        logging.getLogger(name).setLevel(logging.WARNING)
    # its warnings repeat the whole answer of the login service; what it refuses is told by events of our own
    logging.getLogger("azure.identity").setLevel(logging.ERROR)
