"""Rate limits by the generic cell rate algorithm (GCRA). Its state is one moment per key: the theoretical arrival time.

Source: ITU-T I.371, Annex A ("virtual scheduling"), https://en.wikipedia.org/wiki/Generic_cell_rate_algorithm
"""

from datetime import datetime, timedelta

import msgspec


class RateLimit(msgspec.Struct, frozen=True, kw_only=True):
    """Allows bursts of `burst` requests, and on average `burst` requests per `period_s` seconds."""

    name: str
    burst: int
    period_s: float

    @property
    def _interval(self) -> timedelta:
        return timedelta(seconds=self.period_s / self.burst)

    def take(self, used_until: datetime | None, now: datetime) -> datetime | float:
        """Count one request. Return the new state, or the seconds to wait if the request exceeds the limit."""
        begin = max(used_until or now, now)
        following = begin + self._interval
        over = following - now - timedelta(seconds=self.period_s)
        return following if over <= timedelta(0) else over.total_seconds()

    def give_back(self, used_until: datetime) -> datetime:
        """Return the state without one request that turned out not to count."""
        return used_until - self._interval


#: Validations started by one signed-in person.
PER_PERSON = RateLimit(name="person", burst=60, period_s=600)
#: Validations started by the product's own back end, which acts for all its users.
PER_BACK_END = RateLimit(name="back_end", burst=600, period_s=600)
#: Validations against one Azure tenant, from all callers.
PER_TARGET = RateLimit(name="target", burst=120, period_s=600)
#: Validations against one Azure tenant with a wrong secret: limits guessing of secrets.
PER_TARGET_GUESSES = RateLimit(name="guesses", burst=10, period_s=3_600)
