"""Refusals: those of known callers one by one, those of strangers as counts per minute and reason.

Otherwise a stranger could fill the audit log, at the price of one request for each entry.
"""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from shared.domain.access.callers import Admins, Caller, Person
from shared.ports.platform import Clock
from shared.ports.tenants import SettingsStore

#: Time for which a worker keeps the list of all admins, in seconds: a flood of refusals reads it once in this time.
_KEPT_S: Final = 60.0
_MINUTE: Final = timedelta(minutes=1)


class KnownCallers:
    """Tells known callers from strangers: anyone can get one of the app roles from an Azure tenant of their own."""

    def __init__(self, settings: SettingsStore, operator_tenant: str | None, clock: Clock) -> None:
        self._settings = settings
        self._operator_tenant = operator_tenant
        self._clock = clock
        self._admins: Sequence[Admins] = ()
        self._read_at_s: float | None = None

    async def include(self, caller: Caller) -> bool:
        """Return whether a caller has a key, is of the operator's Azure tenant, or administers a tenant."""
        if not isinstance(caller, Person) or caller.azure_tenant_id == self._operator_tenant:
            return True
        now_s = self._clock.monotonic_s()
        if self._read_at_s is None or now_s - self._read_at_s >= _KEPT_S:
            self._admins = [admins async for _, admins in self._settings.list_admins()]
            self._read_at_s = now_s
        return any(admins.include(caller) for admins in self._admins)


class StrangerCounts:
    """Number of refusals of strangers in this process, by minute and reason, until they are stored."""

    def __init__(self) -> None:
        self._counts: Counter[tuple[datetime, str]] = Counter()

    def add(self, at: datetime, reason: str) -> None:
        """Count one refusal."""
        self._counts[at.replace(second=0, microsecond=0), reason] += 1

    def take_ended(self, now: datetime) -> list[tuple[datetime, str, int]]:
        """Return minute, reason and number of the minutes that have ended, which are then forgotten."""
        ended = [(minute, reason) for minute, reason in self._counts if minute + _MINUTE <= now]
        return [(*key, self._counts.pop(key)) for key in ended]

    def put_back(self, minute: datetime, reason: str, number: int) -> None:
        """Count refusals again that could not be stored."""
        self._counts[minute, reason] += number
