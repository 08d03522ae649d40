"""The machine's clock."""

from datetime import UTC, datetime
from time import monotonic


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """Return the current time as an aware datetime in UTC."""
        return datetime.now(UTC)

    def monotonic_s(self) -> float:
        """Return a monotonic time in seconds, since an arbitrary moment."""
        return monotonic()
