"""How long a remote service asks us to wait, and how much of it is slept through."""

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime


def retry_after_s(headers: Mapping[str, str]) -> float | None:
    """Return the wait in seconds that `Retry-After` asks for, as a number or a date; None if it says nothing usable.

    Names of headers are compared without case, because parts of a `$batch` carry them as plain JSON.
    Source: https://www.rfc-editor.org/rfc/rfc9110#field.retry-after
    """
    text = next((value for name, value in headers.items() if name.lower() == "retry-after"), None)
    if text is None:
        return None
    try:
        wait_s = float(text)
    except ValueError:
        return _until(text)
    return max(0.0, wait_s) if math.isfinite(wait_s) else None


def _until(text: str) -> float | None:
    try:
        date = parsedate_to_datetime(text)
    except ValueError:
        return None
    aware = date if date.tzinfo else date.replace(tzinfo=UTC)
    return max(0.0, (aware - datetime.now(UTC)).total_seconds())
