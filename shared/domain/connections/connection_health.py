"""Health of a tenant's connection: pauses of its schedule, back-off, and events for operators.

- If the login service refuses the credentials twice, at least `CONFIRMED_AFTER` apart and without a success in between,
  the schedule pauses until a person acts. One refusal among good answers has no consequence.
- If a run cannot read any of its sources for another reason, the schedule waits 6, then 12, then 24 hours.
- Any success clears both states automatically.
"""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

import msgspec

from shared.domain.ids import RunId
from shared.domain.problem import ErrorCategory

#: Wait of the schedule after the first, the second, and any further consecutive failed run.
BACK_OFF: Final = (timedelta(hours=6), timedelta(hours=12), timedelta(hours=24))
#: Time after which a second refusal of the credentials confirms the first: a server of the login service that does not
#: know a new secret yet, or no longer knows an application, has caught up by then.
CONFIRMED_AFTER: Final = timedelta(minutes=5)


class HealthState(StrEnum):
    """State of a connection, and what the schedule does in it."""

    #: Syncs run as scheduled.
    ON = "on"
    #: The schedule waits, longer after every failure.
    FAILING = "failing"
    #: The schedule pauses until a person acts.
    NEEDS_ATTENTION = "needs_attention"


class NoticeKind(StrEnum):
    """Kind of an event."""

    NEEDS_ATTENTION = "connection_needs_attention"
    FAILING = "connection_failing"
    RECOVERED = "connection_recovered"
    EXPIRING = "secret_expiring"


class Notice(msgspec.Struct, frozen=True, kw_only=True):
    """An event about a connection, for the operator. A repeated delivery has the same `id`."""

    id: str
    kind: NoticeKind
    at: datetime
    code: str = ""
    #: Days until the secret expires; set only for `secret_expiring`.
    days_left: int | None = None


class Reason(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Why a connection does not work: a stable code with its category, the finding, and the fix."""

    code: str
    category: ErrorCategory
    title: str
    detail: str
    fix: str


class Health(msgspec.Struct, frozen=True, kw_only=True):
    """The health of a connection, stored in a row of its own."""

    state: HealthState = HealthState.ON
    reason: Reason | None = None
    since: datetime | None = None
    #: When the credentials were last refused.
    refused_at: datetime | None = None
    #: When they were refused for the first time since the last success, while that is not confirmed.
    suspected_at: datetime | None = None
    #: Number of consecutive failed runs.
    failures: int = 0
    #: The last failed run, so that counting it again has no effect.
    failed_run: RunId | None = None
    #: The schedule requests no run before this time.
    retry_at: datetime | None = None
    #: The smallest of `WARN_DAYS` for which an event was created, and the expiry date in that event.
    warned_days: int | None = None
    warned_end: datetime | None = None
    #: Events whose delivery is not confirmed yet.
    notices: tuple[Notice, ...] = ()

    @property
    def open(self) -> bool:
        """Whether the schedule must handle the health: the state is not `on`, or events are waiting."""
        return self.state is not HealthState.ON or bool(self.notices)

    def due(self, now: datetime) -> bool:
        """Return whether the schedule may request a run."""
        match self.state:
            case HealthState.NEEDS_ATTENTION:
                return False
            case HealthState.FAILING:
                return self.retry_at is None or now >= self.retry_at
            case HealthState.ON:
                return True

    def suspected(self, reason: Reason, now: datetime, earlier: datetime | None) -> "Health":
        """Return the health after a refusal that needs confirmation. The second refusal has the effect of `refused`.

        Args:
            reason: The explanation of the refusal.
            now: The present time.
            earlier: The `suspected_at` of an earlier refusal that the caller waited for `CONFIRMED_AFTER` to confirm.
        """
        since = self.suspected_at
        if self.state is HealthState.NEEDS_ATTENTION or (
            since is not None and (since == earlier or now - since >= CONFIRMED_AFTER)
        ):
            return self.refused(reason, now)
        return msgspec.structs.replace(self, suspected_at=since or now)

    def refused(self, reason: Reason, now: datetime) -> "Health":
        """Return the health after the credentials were refused for certain."""
        changed = self._changed(HealthState.NEEDS_ATTENTION, reason, now, NoticeKind.NEEDS_ATTENTION)
        return msgspec.structs.replace(changed, refused_at=now, suspected_at=None)

    def refused_since(self, moment: datetime) -> bool:
        """Return whether the credentials were refused at or after `moment`, without a success since."""
        return self.state is HealthState.NEEDS_ATTENTION and self.refused_at is not None and self.refused_at >= moment

    def used(self, now: datetime) -> "Health":
        """Return the health after a successful read outside a run: it only proves that the credentials work."""
        if self.state is HealthState.FAILING:
            return msgspec.structs.replace(self, suspected_at=None)
        return self.recovered(now)

    def failed(self, reason: Reason, run: RunId, now: datetime) -> "Health":
        """Return the health after a run that could read nothing. Refused credentials take precedence."""
        if self.state is HealthState.NEEDS_ATTENTION or self.failed_run == run:
            return self
        failures = self.failures + 1
        wait = BACK_OFF[min(failures, len(BACK_OFF)) - 1]
        changed = self._changed(HealthState.FAILING, reason, now, NoticeKind.FAILING)
        return msgspec.structs.replace(changed, failures=failures, failed_run=run, retry_at=now + wait)

    def recovered(self, now: datetime) -> "Health":
        """Return the health after a success."""
        if self.state is HealthState.ON:
            return msgspec.structs.replace(self, suspected_at=None) if self.suspected_at is not None else self
        return Health(
            warned_days=self.warned_days,
            warned_end=self.warned_end,
            notices=(*self.notices, _notice(NoticeKind.RECOVERED, "", now)),
        )

    def warned(self, ends: datetime, now: datetime) -> "Health":
        """Return the health after checking the secret's expiry. Adds an event at every threshold of `WARN_DAYS`."""
        threshold = passed_threshold(ends, now)
        warned_days = self.warned_days if self.warned_end == ends else None
        if threshold is None or (warned_days is not None and warned_days <= threshold):
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
        """Return the health without these events, which were sent."""
        return msgspec.structs.replace(self, notices=tuple(notice for notice in self.notices if notice not in sent))

    def _changed(self, state: HealthState, reason: Reason, now: datetime, kind: NoticeKind) -> "Health":
        """Return the health with a state and a reason. Adds an event unless state and code are unchanged."""
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


#: Days before the expiry of a secret at which an event is created.
WARN_DAYS: Final = (30, 14, 7, 1)


def days_left(ends: datetime, now: datetime) -> int:
    """Return the number of whole days until a secret expires; 0 on its last day and afterwards."""
    return max(0, (ends - now).days)


def passed_threshold(ends: datetime, now: datetime) -> int | None:
    """Return the smallest of `WARN_DAYS` within which the secret expires; None if it expires later."""
    within = [days for days in WARN_DAYS if ends - now <= timedelta(days=days)]
    return min(within, default=None)
