"""The simulator's own clock: the machine's, plus what the admin API has advanced it by."""

import time
from datetime import UTC, datetime


class SimulatedClock:
    """Rules throttling and the age of delta tokens, page tokens and secrets, but not of access tokens."""

    def __init__(self) -> None:
        self.ahead_s = 0.0

    def epoch_s(self) -> float:
        """Seconds since 1970, UTC."""
        return time.time() + self.ahead_s

    def now(self) -> datetime:
        """The same moment as an aware datetime."""
        return datetime.fromtimestamp(self.epoch_s(), tz=UTC)

    def advance(self, seconds: float) -> None:
        """From now on it is `seconds` later."""
        self.ahead_s += seconds
