"""How a tenant's connection fares over time: what stops its schedule, for how long, and what is worth an event.

- The login service refuses the credentials: nothing is polled until a person has acted.
- Nothing of a run's sources could be read for any other reason: the schedule waits 6, then 12, then 24 hours.
- Success of any kind clears both by itself.
"""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

import msgspec

from shared.domain.ids import RunId
from shared.domain.problem import ErrorCategory

#: How long the schedule waits after the first, the second and every further run that failed.
BACK_OFF: Final = (timedelta(hours=6), timedelta(hours=12), timedelta(hours=24))


class HealthState(StrEnum):
    """What the schedule does about a connection."""

    #: Reads as scheduled.
    ON = "on"
    #: Waits, longer after every failure.
    FAILING = "failing"
    #: Reads nothing until a person has acted.
    NEEDS_ATTENTION = "needs_attention"


class NoticeKind(StrEnum):
    """What an event is about."""

    NEEDS_ATTENTION = "connection_needs_attention"
    FAILING = "connection_failing"
    RECOVERED = "connection_recovered"
    EXPIRING = "secret_expiring"


class Notice(msgspec.Struct, frozen=True, kw_only=True):
    """An event for whoever looks after tenants. Delivered again it has the same `id`."""

    id: str
    kind: NoticeKind
    at: datetime
    code: str = ""
    #: Days until the secret ends, with `secret_expiring`.
    days_left: int | None = None


class Reason(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Why a connection does not work: a stable code with its category, the finding, and the fix."""

    code: str
    category: ErrorCategory
    title: str
    detail: str
    fix: str


class Health(msgspec.Struct, frozen=True, kw_only=True):
    """A connection's health, as it is stored beside it."""

    state: HealthState = HealthState.ON
    reason: Reason | None = None
    since: datetime | None = None
    #: When the credentials were refused last.
    refused_at: datetime | None = None
    #: Runs that failed one after the other.
    failures: int = 0
    #: The last of them, so that one that is counted again counts once.
    failed_run: RunId | None = None
    #: Before this the schedule asks for nothing.
    retry_at: datetime | None = None
    #: The smallest number of days ahead of which the end of the secret was announced, and the end that it was.
    warned_days: int | None = None
    warned_end: datetime | None = None
    #: Events that are not known to be sent yet.
    notices: tuple[Notice, ...] = ()

    @property
    def open(self) -> bool:
        """Whether there is anything here for the schedule to see."""
        return self.state is not HealthState.ON or bool(self.notices)

    def due(self, now: datetime) -> bool:
        """Tell whether the schedule may ask for a run."""
        match self.state:
            case HealthState.NEEDS_ATTENTION:
                return False
            case HealthState.FAILING:
                return self.retry_at is None or now >= self.retry_at
            case HealthState.ON:
                return True

    def refused(self, reason: Reason, now: datetime) -> "Health":
        """Return the health after the credentials were refused."""
        changed = self._changed(HealthState.NEEDS_ATTENTION, reason, now, NoticeKind.NEEDS_ATTENTION)
        return msgspec.structs.replace(changed, refused_at=now)

    def refused_since(self, moment: datetime) -> bool:
        """Tell whether the credentials were refused at or after a moment, and nothing has succeeded since."""
        return self.state is HealthState.NEEDS_ATTENTION and self.refused_at is not None and self.refused_at >= moment

    def failed(self, reason: Reason, run: RunId, now: datetime) -> "Health":
        """Return the health after a run that read nothing; refused credentials stay what matters."""
        if self.state is HealthState.NEEDS_ATTENTION or self.failed_run == run:
            return self
        failures = self.failures + 1
        wait = BACK_OFF[min(failures, len(BACK_OFF)) - 1]
        changed = self._changed(HealthState.FAILING, reason, now, NoticeKind.FAILING)
        return msgspec.structs.replace(changed, failures=failures, failed_run=run, retry_at=now + wait)

    def recovered(self, now: datetime) -> "Health":
        """Return the health after a success."""
        if self.state is HealthState.ON:
            return self
        return Health(
            warned_days=self.warned_days,
            warned_end=self.warned_end,
            notices=(*self.notices, _notice(NoticeKind.RECOVERED, "", now)),
        )

    def warned(self, ends: datetime, now: datetime) -> "Health":
        """Return the health after looking at the secret's end: one event for each of `WARN_DAYS` that is passed."""
        threshold = passed_threshold(ends, now)
        known = self.warned_days if self.warned_end == ends else None
        if threshold is None or (known is not None and known <= threshold):
            return self
        days = days_left(ends, now)
        notice = Notice(
            id=f"{NoticeKind.EXPIRING}-{threshold}-{ends:%Y%m%dT%H%M%S}",
            kind=NoticeKind.EXPIRING,
            at=now,
            days_left=days,
        )
        return msgspec.structs.replace(self, warned_days=threshold, warned_end=ends, notices=(*self.notices, notice))

    def sent(self, sent: tuple[Notice, ...]) -> "Health":
        """Return the health once these events are on their way."""
        return msgspec.structs.replace(self, notices=tuple(each for each in self.notices if each not in sent))

    def _changed(self, state: HealthState, reason: Reason, now: datetime, kind: NoticeKind) -> "Health":
        """Return the health with a new reason, and one event if it is a new one."""
        if self.state is state and self.reason is not None and self.reason.code == reason.code:
            return self
        return msgspec.structs.replace(
            self,
            state=state,
            reason=reason,
            since=now,
            retry_at=None,
            notices=(*self.notices, _notice(kind, reason.code, now)),
        )


def _notice(kind: NoticeKind, code: str, now: datetime) -> Notice:
    return Notice(id=f"{kind}-{now:%Y%m%dT%H%M%S%f}", kind=kind, at=now, code=code)


#: How many days ahead of a secret's end an event says so.
WARN_DAYS: Final = (30, 14, 7, 1)


def days_left(ends: datetime, now: datetime) -> int:
    """Return the whole days until a secret ends; 0 on its last day and afterwards."""
    return max(0, (ends - now).days)


def passed_threshold(ends: datetime, now: datetime) -> int | None:
    """Return the smallest of `WARN_DAYS` that the end is within; None while it is further away."""
    within = [days for days in WARN_DAYS if ends - now <= timedelta(days=days)]
    return min(within, default=None)
