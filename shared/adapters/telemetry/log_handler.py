"""Log handler: exports events with their fields, and of other log lines only where they come from."""

import logging
import traceback
from collections.abc import Callable, Mapping
from typing import Final

from opentelemetry._logs import Logger, LogRecord, SeverityNumber

from shared.telemetry.events import FIELDS, LOGGER, current_job_fields

#: Loggers of the exporters, whose lines about a failed export would be exported next.
_OWN: Final = ("opentelemetry", "azure.monitor", "azure.core", "azure.identity", "urllib3", "shared.adapters.telemetry")
_SEVERITIES: Final = {
    logging.DEBUG: SeverityNumber.DEBUG,
    logging.INFO: SeverityNumber.INFO,
    logging.WARNING: SeverityNumber.WARN,
    logging.ERROR: SeverityNumber.ERROR,
    logging.CRITICAL: SeverityNumber.FATAL,
}


class TelemetryHandler(logging.Handler):
    """Exports events of the product, and warnings of other loggers without their text, which may name people."""

    def __init__(self, logger: Logger) -> None:
        super().__init__(logging.INFO)
        self._logger = logger
        self.addFilter(_is_exported)

    def emit(self, record: logging.LogRecord) -> None:
        """Export a line, with the trace and span in which it was logged."""
        fields: Mapping[str, object] | None = getattr(record, FIELDS, None)
        body = record.getMessage() if fields is not None else f"{record.levelname} of {record.name}"
        self._logger.emit(
            LogRecord(
                timestamp=int(record.created * 1e9),
                severity_number=_SEVERITIES.get(record.levelno, SeverityNumber.INFO),
                severity_text=record.levelname,
                body=body,
                attributes=_attributes({**(fields if fields is not None else _origin(record)), **_exception(record)}),
            )
        )


def _is_exported(record: logging.LogRecord) -> bool:
    if hasattr(record, FIELDS):
        return True
    return record.levelno >= logging.WARNING and not record.name.startswith(_OWN)


def _origin(record: logging.LogRecord) -> dict[str, object]:
    """Return where a line comes from."""
    return {**current_job_fields(), "logger": record.name, "line": f"{record.module}:{record.lineno}"}


def _exception(record: logging.LogRecord) -> dict[str, object]:
    """Return the type and the place of the exception of a line, without its message."""
    if not record.exc_info or record.exc_info[0] is None:
        return {}
    place = "".join(traceback.format_tb(record.exc_info[2]))
    return {"exception.type": record.exc_info[0].__name__, "exception.stacktrace": place}


def _attributes(fields: Mapping[str, object]) -> dict[str, str | int | float | bool]:
    """Return fields as attributes: numbers as they are, anything else as text. A field without a value is left out."""
    return {
        name: value if isinstance(value, bool | int | float) else str(value)
        for name, value in fields.items()
        if value is not None
    }


def follow(logger: Logger) -> Callable[[], None]:
    """Export the log lines of this process from now on. Return a function that ends it."""
    handler, root, product = TelemetryHandler(logger), logging.getLogger(), logging.getLogger(LOGGER)
    root.addHandler(handler)
    if not product.isEnabledFor(logging.INFO):
        product.setLevel(logging.INFO)
    return lambda: root.removeHandler(handler)
