"""Rate limits by the generic cell rate algorithm (GCRA). Its state is one moment per key: the theoretical arrival time.

Source: ITU-T I.371, Annex A ("virtual scheduling"), https://en.wikipedia.org/wiki/Generic_cell_rate_algorithm
"""

import re
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from enum import StrEnum
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
        """Count one request. Return the new state, or the seconds to wait if the request exceeds the limit.

        No state is more than a period ahead of the clock that made it. One that is counts as unused: it was made by a
        clock that is ahead, or for a longer period, and would refuse requests for as long as the clock is wrong.
        """
        period = timedelta(seconds=self.period_s)
        if used_until is None or not now <= used_until <= now + period:
            used_until = now
        following = used_until + self._interval
        over = following - now - period
        return following if over <= timedelta(0) else over.total_seconds()

    def give_back(self, used_until: datetime) -> datetime:
        """Return the state without one request that turned out not to count."""
        return used_until - self._interval


class Expense(StrEnum):
    """Kinds of requests, each with an allowance for every caller and tenant."""

    #: Check credentials, or the stored connection.
    VALIDATE = "validate"
    #: Store credentials.
    CONNECT = "connect"
    #: Import a file within a request; create or start an import of an uploaded one.
    IMPORT = "import"
    #: Store a part of a file.
    UPLOAD = "upload"
    #: Search recipients, or read the directory while the caller waits.
    SEARCH = "search"
    #: Export recipients.
    EXPORT = "export"
    #: Start, approve or undo a run; erase a person.
    RUNS = "runs"
    #: Every other request. Only these are counted by each process alone.
    OTHER = "other"


#: What one person may do for one tenant: several times what people do in the portal.
ALLOWANCES: Final[Mapping[Expense, RateLimit]] = {
    expense: RateLimit(name=expense.value, burst=burst, period_s=period_s)
    for expense, burst, period_s in (
        (Expense.VALIDATE, 60, 600),
        (Expense.CONNECT, 60, 600),
        (Expense.IMPORT, 120, 600),
        (Expense.UPLOAD, 1_000, 600),
        (Expense.SEARCH, 1_000, 600),  # of a location with 50,000 recipients, one search takes ten requests
        (Expense.EXPORT, 30, 600),
        (Expense.RUNS, 60, 600),
        (Expense.OTHER, 1_200, 60),
    )
}
#: A key acts for many people: it may do this many times as much for one tenant.
KEY_FACTOR: Final = 10
#: An allowance in a setting: at most 999,999 requests within at most 99,999 seconds.
_ENTRY: Final = re.compile(r"([a-z]+)=([1-9][0-9]{0,5})/([1-9][0-9]{0,4})")


def allowances_of(entries: Iterable[str]) -> Mapping[Expense, RateLimit]:
    """Return the allowances with those that entries such as `search=600/60` replace. Raises ValueError."""
    replaced = {}
    for entry in entries:
        match = _ENTRY.fullmatch(entry)
        if match is None or match[1] not in set(Expense):
            raise ValueError("An allowance has the form kind=number/seconds.")
        expense = Expense(match[1])
        replaced[expense] = RateLimit(name=expense.value, burst=int(match[2]), period_s=float(match[3]))
    return {**ALLOWANCES, **replaced}


def of_caller(limit: RateLimit, caller: Caller) -> RateLimit:
    """Return an allowance as it applies to a caller."""
    if isinstance(caller, Person):
        return limit
    return msgspec.structs.replace(limit, burst=limit.burst * KEY_FACTOR)


def allowance_of(caller: Caller, tenant: TenantId | None) -> str:
    """Return whose allowance a request uses: that of the person, or that of the key for the tenant.

    A key acts for the users of many tenants. Those of one tenant cannot use up what it may do for the others.
    """
    return name_of(caller) if isinstance(caller, Person) else f"{name_of(caller)}@{tenant or ''}"


#: Refused requests of one caller in one process. Callers with more are refused without a look at storage.
REFUSALS: Final = RateLimit(name="refusals", burst=300, period_s=60)
#: Validations of directories other than the person's own, by one person.
PER_PERSON_ELSEWHERE: Final = RateLimit(name="elsewhere", burst=10, period_s=3_600)
#: Validations of one directory by one caller.
PER_TARGET: Final = RateLimit(name="target", burst=120, period_s=600)
#: Validations of one directory by one caller with a wrong secret: limits guessing of secrets.
PER_TARGET_GUESSES: Final = RateLimit(name="guesses", burst=10, period_s=3_600)
