"""A clock that tests turn."""

from datetime import UTC, datetime, timedelta


class FakeClock:
    """Stands still until it is told otherwise."""

    def __init__(self) -> None:
        self._now = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
        self._monotonic_s = 1_000.0

    def now(self) -> datetime:
        """Return the time."""
        return self._now

    def monotonic_s(self) -> float:
        """Return seconds since some fixed moment."""
        return self._monotonic_s

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self._now += timedelta(seconds=seconds)
        self._monotonic_s += seconds


class FakeStorageClock:
    """`StorageClock` that shows the time of a clock."""

    def __init__(self, clock: FakeClock) -> None:
        self._clock = clock

    async def now(self) -> datetime:
        """Return the time."""
        return self._clock.now()
