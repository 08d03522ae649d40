"""Who has been told to wait, and whether a request came before that time was over."""

from collections import deque
from dataclasses import dataclass

from infra.local.entra.http.answers import Answer

#: A request that comes this soon after a refusal, in seconds, counts as one that was on its way when the refusal was
#: sent. No server can see when a request was sent: between the two lie both ways over the network, and a client that
#: shares its core with others and has not read the refusal yet. A client that goes on sending goes on for longer.
GRACE_S = 0.2
#: Waits of one application that are remembered; requests that are answered late are compared with those of then.
_REMEMBERED = 16


@dataclass(slots=True)
class _Wait:
    told_s: float
    until_s: float


class Waits:
    """The waits of each application in each tenant, by the simulator's clock."""

    def __init__(self) -> None:
        self._waits: dict[tuple[str, str], deque[_Wait]] = {}

    def tell(self, tenant_id: str, application_id: str, *, now_s: float, wait_s: float) -> None:
        """The application is told at this moment; told again while it waits, it waits until the later end."""
        waits = self._waits.setdefault((tenant_id, application_id), deque(maxlen=_REMEMBERED))
        if waits and now_s < waits[-1].until_s:
            waits[-1].until_s = max(waits[-1].until_s, now_s + wait_s)
        else:
            waits.append(_Wait(now_s, now_s + wait_s))

    def ignored(self, tenant_id: str, application_id: str, *, came_s: float) -> bool:
        """Whether a request that came then should have waited; those that were on their way need not."""
        waits = self._waits.get((tenant_id, application_id), ())
        return any(wait.told_s + GRACE_S < came_s < wait.until_s for wait in waits)


def told_s(answer: Answer) -> float | None:
    """For how many seconds an answer asks to wait; None if it does not, or by a date."""
    text = answer.headers.get("Retry-After", "")
    return float(text) if text.isdecimal() else None
