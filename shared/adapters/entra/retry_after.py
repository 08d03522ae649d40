"""Parser of the header `Retry-After`."""

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime


def retry_after_s(headers: Mapping[str, str]) -> float | None:
    """Return the wait in seconds from `Retry-After`, which is a number or a date; None if absent or malformed.

    Names are in lower case, or compared without case as by httpx and aiohttp.
    Source: https://www.rfc-editor.org/rfc/rfc9110#field.retry-after
    """
    text = headers.get("retry-after")
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
    except (ValueError, OverflowError):  # the latter by a time zone of many digits
        return None
    aware = date if date.tzinfo else date.replace(tzinfo=UTC)
    return max(0.0, (aware - datetime.now(UTC)).total_seconds())
