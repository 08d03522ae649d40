"""Simulated clock: the time of the machine plus the advance set by the admin API."""

import time
from datetime import UTC, datetime


class SimulatedClock:
    """Determines throttling and the age of delta tokens, page tokens and secrets, but not of access tokens."""

    def __init__(self) -> None:
        self.ahead_s = 0.0

    def epoch_s(self) -> float:
        """Return seconds since 1970, UTC."""
        return time.time() + self.ahead_s

    def now(self) -> datetime:
        """Return the same time as an aware datetime."""
        return datetime.fromtimestamp(self.epoch_s(), tz=UTC)

    def advance(self, seconds: float) -> None:
        """Advance the clock by `seconds`."""
        self.ahead_s += seconds
