"""Resource-unit throttling per application and tenant.

Source: https://learn.microsoft.com/graph/throttling-limits#identity-and-access-service-limits
"""

import math
from dataclasses import dataclass

WINDOW_S = 10.0

_SMALL_BELOW_USERS = 50
_MEDIUM_UPTO_USERS = 500
_SMALL_UNITS = 3_500
_MEDIUM_UNITS = 5_000
_LARGE_UNITS = 8_000


@dataclass(slots=True)
class _Window:
    began_s: float
    used: int = 0
    asked: int = 0  #: also by refused requests: they count as demand, and cost nothing


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """The state of the limit after a request."""

    share: float  #: requested share of the window's units, including this request; above 1 requests are refused
    retry_after_s: int | None  #: not None: the request is refused


def limit_units(users: int) -> int:
    """Return the resource units per window for a tenant with this number of users."""
    if users < _SMALL_BELOW_USERS:
        return _SMALL_UNITS
    return _MEDIUM_UNITS if users <= _MEDIUM_UPTO_USERS else _LARGE_UNITS


class Throttle:
    """Counts units in fixed windows of ten seconds."""

    def __init__(self) -> None:
        self._windows: dict[tuple[str, str], _Window] = {}

    def spend(self, tenant_id: str, application_id: str, units: int, *, limit: int, now_s: float) -> Spent:
        """Spend the units of the request, unless it is refused."""
        key = tenant_id, application_id
        window = self._windows.get(key)
        if window is None or now_s - window.began_s >= WINDOW_S:
            window = self._windows[key] = _Window(now_s)
        window.asked += units
        share = window.asked / limit
        if window.used + units > limit:
            return Spent(share=share, retry_after_s=max(1, math.ceil(window.began_s + WINDOW_S - now_s)))
        window.used += units
        return Spent(share=share, retry_after_s=None)
