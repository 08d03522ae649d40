"""Rate limits by the generic cell rate algorithm: one moment per key says how much of its allowance is used.

Source: ITU-T I.371, Annex A ("virtual scheduling"), https://en.wikipedia.org/wiki/Generic_cell_rate_algorithm
"""

from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class RateLimit:
    """At most `burst` at once, and `burst` per `period_s` seconds in the long run."""

    name: str
    burst: int
    period_s: float

    @property
    def _interval(self) -> timedelta:
        return timedelta(seconds=self.period_s / self.burst)

    def take(self, used_until: datetime | None, now: datetime) -> datetime | float:
        """Return the moment that one more leaves behind, or for how many seconds the caller has to wait."""
        begin = max(used_until or now, now)
        following = begin + self._interval
        over = following - now - timedelta(seconds=self.period_s)
        return following if over <= timedelta(0) else over.total_seconds()

    def give_back(self, used_until: datetime) -> datetime:
        """Return the moment that is left once one was found not to count."""
        return used_until - self._interval


#: Validations that one signed-in person, and the product's own back end for everybody, may start.
PER_PERSON = RateLimit(name="person", burst=60, period_s=600)
PER_BACK_END = RateLimit(name="back_end", burst=600, period_s=600)
#: Validations against one Azure tenant, whoever asks.
PER_TARGET = RateLimit(name="target", burst=120, period_s=600)
#: Those among them that ended with a wrong secret: what would tell a guesser that a guess was right.
PER_TARGET_GUESSES = RateLimit(name="guesses", burst=10, period_s=3_600)
