"""The machine's clock."""

from datetime import UTC, datetime
from time import monotonic


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """Return the time, aware, in UTC."""
        return datetime.now(UTC)

    def monotonic_s(self) -> float:
        """Return seconds since some fixed moment, never going backwards."""
        return monotonic()
