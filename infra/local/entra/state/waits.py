"""`Retry-After` times per application and tenant, and whether a request was sent before one was over."""

from collections import deque
from dataclasses import dataclass

from infra.local.entra.http.answers import Answer

#: A request that arrives within this time after a refusal, in seconds, counts as sent before the refusal was read.
#: A server cannot see when a request was sent: the network delay in both directions and a busy client lie in between.
#: A client that ignores refusals continues for longer than this.
GRACE_S = 0.2
#: Number of stored `Retry-After` times per application, to compare late requests with the time of their arrival.
_REMEMBERED = 16


@dataclass(slots=True)
class _Wait:
    since_s: float
    until_s: float


class Waits:
    """The `Retry-After` times of each application in each tenant, by the simulated clock."""

    def __init__(self) -> None:
        self._waits: dict[tuple[str, str], deque[_Wait]] = {}

    def note(self, tenant_id: str, application_id: str, *, now_s: float, wait_s: float) -> None:
        """Store a `Retry-After` time that starts now. The later end counts if another one is running."""
        waits = self._waits.setdefault((tenant_id, application_id), deque(maxlen=_REMEMBERED))
        if waits and now_s < waits[-1].until_s:
            waits[-1].until_s = max(waits[-1].until_s, now_s + wait_s)
        else:
            waits.append(_Wait(now_s, now_s + wait_s))

    def ignored(self, tenant_id: str, application_id: str, *, came_s: float) -> bool:
        """Return whether a request should not have been sent yet. Requests that were already on their way may."""
        waits = self._waits.get((tenant_id, application_id), ())
        return any(wait.since_s + GRACE_S < came_s < wait.until_s for wait in waits)


def retry_after_s(answer: Answer) -> float | None:
    """Return the seconds of `Retry-After` in a response. None without the header, or if it is a date."""
    text = answer.headers.get("Retry-After", "")
    return float(text) if text.isdecimal() else None
