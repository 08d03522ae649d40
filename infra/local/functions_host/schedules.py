"""Schedules of timers and their stored status. Pure functions: `now` is a parameter, in UTC."""

import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from infra.local.functions_host.ncrontab import Expression

_FIELDS = 6
#: .NET's default moment, stored for a timer that has never run
NEVER = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """The stored status of a timer. `NEVER` stands for a time that does not exist yet."""

    last: datetime
    next: datetime
    last_updated: datetime

    def to_json(self) -> str:
        """Return the status as the host stores it and passes it to functions."""
        return json.dumps(
            {"Last": self.last.isoformat(), "Next": self.next.isoformat(), "LastUpdated": self.last_updated.isoformat()}
        )

    @classmethod
    def from_json(cls, text: str | bytes) -> "Status":
        """Return the stored status.

        Raises:
            ValueError: The content is not a status.
        """
        stored = json.loads(text)
        last, next_, updated = (_moment(stored[name]) for name in ("Last", "Next", "LastUpdated"))
        return cls(last=last, next=next_, last_updated=updated)


@dataclass(frozen=True, slots=True)
class Schedule:
    """The schedule of a timer trigger."""

    text: str
    expression: Expression

    @classmethod
    def parse(cls, text: str) -> "Schedule":
        """Return the schedule of an expression with five or six fields.

        Raises:
            Rejected: The expression is not valid. Timespans are rejected as well: they need a plan that never sleeps.
        """
        return cls(text, Expression.parse(text))

    def after(self, moment: datetime) -> datetime:
        """Return the first occurrence later than `moment`; `ncrontab.NO_OCCURRENCE` if there is none."""
        return self.expression.after(moment)

    def is_too_frequent_for_status(self, now: datetime) -> bool:
        """Return whether it occurs more than once a minute. The host stores no status of such a timer."""
        every_minute = self.text.split()[1:] == ["*"] * (_FIELDS - 1)
        return every_minute and self.after(self.after(now)) <= now + timedelta(minutes=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """A timer's start: its status, whether to store it, and whether an occurrence was missed."""

    status: Status
    changed: bool
    is_past_due: bool


def start(schedule: Schedule, stored: Status | None, now: datetime) -> Start:
    """Compare the stored status with the schedule and the clock.

    If the schedule changed while the host was down, the timer is past due only if its own next occurrence has passed.

    Source: ScheduleMonitor.cs of the WebJobs extensions, `CheckPastDueAsync`.
    """
    if stored is None:
        status = Status(last=NEVER, next=schedule.after(now), last_updated=now)
        return Start(status=status, changed=True, is_past_due=False)
    counted_from = stored.last if stored.last != NEVER else stored.last_updated
    if counted_from == NEVER:
        counted_from = now
    expected = schedule.after(counted_from)
    if stored.next == expected:
        return Start(status=stored, changed=False, is_past_due=now > expected)
    if now > expected:
        counted_from, expected = now, schedule.after(now)
    status = Status(last=NEVER, next=expected, last_updated=counted_from)
    return Start(status=status, changed=True, is_past_due=False)


def after_run(schedule: Schedule, status: Status, began: datetime, *, scheduled: bool) -> Status:
    """Return the status after a run that started at that time.

    A scheduled run that starts slightly early counts as on time. Otherwise its occurrence would run twice.
    """
    at = max(began, status.next) if scheduled else began
    return Status(last=at, next=schedule.after(at), last_updated=at)


def _moment(text: str) -> datetime:
    # .NET writes seven decimal places of a second.
    moment = datetime.fromisoformat(re.sub(r"(\.\d{6})\d+", r"\1", text))
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
