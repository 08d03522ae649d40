"""Rate limits by the generic cell rate algorithm (GCRA). Its state is one moment per key: the theoretical arrival time.

Source: ITU-T I.371, Annex A ("virtual scheduling"), https://en.wikipedia.org/wiki/Generic_cell_rate_algorithm
"""

from datetime import datetime, timedelta
from typing import Final

import msgspec

from shared.domain.access.callers import Caller, Person, name_of
from shared.domain.ids import TenantId


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


def allowance_of(caller: Caller, tenant: TenantId | None) -> str:
    """Return whose allowance a request uses: that of the person, or that of the key for the tenant.

    A key acts for the users of many tenants. Those of one tenant cannot use up what it may do for the others.
    """
    return name_of(caller) if isinstance(caller, Person) else f"{name_of(caller)}@{tenant or ''}"


#: Validations started by one signed-in person.
PER_PERSON: Final = RateLimit(name="person", burst=60, period_s=600)
#: Validations started with one key for one tenant.
PER_KEY: Final = RateLimit(name="key", burst=600, period_s=600)
#: Validations of directories other than the person's own, by one person.
PER_PERSON_ELSEWHERE: Final = RateLimit(name="elsewhere", burst=10, period_s=3_600)
#: Validations of one directory by one caller.
PER_TARGET: Final = RateLimit(name="target", burst=120, period_s=600)
#: Validations of one directory by one caller with a wrong secret: limits guessing of secrets.
PER_TARGET_GUESSES: Final = RateLimit(name="guesses", burst=10, period_s=3_600)
