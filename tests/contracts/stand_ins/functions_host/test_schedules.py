"""When timers run, and what a stored status means: pure functions of schedule, status and clock."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from infra.local.functions_host.errors import Rejected
from infra.local.functions_host.ncrontab import NO_OCCURRENCE
from infra.local.functions_host.schedules import NEVER, Schedule, Status, after_run, start

OCCURRENCES = [
    ("*/5 * * * * *", "2026-01-01T00:00:02.5", "2026-01-01T00:00:05"),
    ("0 */5 * * * *", "2026-01-01T00:05:00", "2026-01-01T00:10:00"),
    ("*/5 * * * *", "2026-01-01T00:04:59.9", "2026-01-01T00:05:00"),
    ("0 30 9 * * Mon-Fri", "2026-01-02T10:00:00", "2026-01-05T09:30:00"),
    # day of month *and* day of week: the next Friday the 13th
    ("0 0 0 13 * 5", "2026-01-01T00:00:00", "2026-02-13T00:00:00"),
    ("0 0 3 29 2 *", "2026-01-01T00:00:00", "2028-02-29T03:00:00"),
]
REJECTED = [
    "",
    "* * * *",
    "0 0 0 0 0 0 0",
    "0 99 * * * *",
    "@daily",
    "0 0 0 L * *",
    "0 0 0 * * 5#2",
    "00:05:00",
    "R * * * * *",
]
#: Schedules as NCrontab.Signed 3.4.0 reads them, the parser in the Functions host.
RECORDED: dict[str, Any] = json.loads((Path(__file__).parent / "ncrontab.json").read_text(encoding="utf-8"))
HOURLY = Schedule.parse("0 0 * * * *")
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.mark.parametrize(("expression", "moment", "expected"), OCCURRENCES)
def test_next_occurrence(expression: str, moment: str, expected: str) -> None:
    """The first occurrence after a moment, in UTC."""
    after = datetime.fromisoformat(moment).replace(tzinfo=UTC)
    assert Schedule.parse(expression).after(after) == datetime.fromisoformat(expected).replace(tzinfo=UTC)


@pytest.mark.parametrize("expression", REJECTED)
def test_rejected_schedules(expression: str) -> None:
    """What other dialects of cron know, and NCRONTAB does not, is rejected."""
    with pytest.raises(Rejected):
        Schedule.parse(expression)


@pytest.mark.parametrize("recorded", RECORDED["schedules"], ids=lambda one: repr(one["schedule"]))
def test_schedules_are_read_as_by_the_host(recorded: dict[str, Any]) -> None:
    """Accepted or not, and the next five occurrences after each instant, as recorded from the host's own parser."""
    try:
        schedule = Schedule.parse(recorded["schedule"])
    except Rejected:
        assert not recorded["accepted"]
        return
    assert recorded["accepted"]
    for start_text, expected in zip(RECORDED["after"], recorded["next"], strict=True):
        moment = datetime.fromisoformat(start_text)
        found: list[str] = []
        while len(found) < len(expected) or not found:
            moment = schedule.after(moment)
            if moment == NO_OCCURRENCE:
                break
            found.append(moment.strftime("%Y-%m-%dT%H:%M:%S"))
        assert found == expected


@pytest.mark.parametrize(
    ("expression", "accepted"),
    [
        ("0 5/0 * * * *", True),
        ("0 */+5 * * * *", True),
        ("0 99/5 * * * *", False),
        ("0 0 0 0/5 * *", False),
        ("0 /5 * * * *", False),
        ("0 5- * * * *", False),
        ("0 ,5 * * * *", False),
        ("0 1_0 * * * *", False),
        ("0 ٣ * * * *", False),
        ("0 99999999999 * * * *", False),
        ("0 0 0 * * Mon-5/2", True),
        ("0 0 0 * Ma-Mar *", True),
    ],
)
def test_odd_fields(expression: str, accepted: bool) -> None:  # noqa: FBT001 - a table
    """Signs, steps and digits are those of the host's parser."""
    if accepted:
        assert Schedule.parse(expression).after(NOON) > NOON
    else:
        with pytest.raises(Rejected):
            Schedule.parse(expression)


def test_too_frequent_for_a_status() -> None:
    """Only schedules that occur more than once a minute are kept without a status."""
    assert Schedule.parse("*/10 * * * * *").is_too_frequent_for_status(NOON)
    assert not Schedule.parse("0 * * * * *").is_too_frequent_for_status(NOON)
    assert not Schedule.parse("*/10 0 * * * *").is_too_frequent_for_status(NOON)


def test_new_timer_is_stored_and_not_past_due() -> None:
    """A timer without a status waits for its next occurrence, which is stored immediately."""
    begun = start(HOURLY, None, NOON)
    assert (begun.changed, begun.is_past_due) == (True, False)
    assert begun.status == Status(last=NEVER, next=NOON + HOUR, last_updated=NOON)


def test_missed_occurrence_is_past_due() -> None:
    """A host that was down over an occurrence runs the timer now."""
    stored = Status(last=NOON, next=NOON + HOUR, last_updated=NOON)
    assert start(HOURLY, stored, NOON + 3 * HOUR).is_past_due
    assert not start(HOURLY, stored, NOON + HOUR / 2).is_past_due


def test_never_run_and_missed_is_past_due() -> None:
    """A timer that never ran is past due by the occurrence stored when it was new."""
    stored = start(HOURLY, None, NOON).status
    assert start(HOURLY, stored, NOON + 2 * HOUR).is_past_due


def test_changed_schedule_is_not_past_due() -> None:
    """A schedule that changed while the host was down starts from the current time."""
    stored = Status(last=NOON, next=NOON + HOUR, last_updated=NOON)
    begun = start(Schedule.parse("0 30 * * * *"), stored, NOON + 3 * HOUR)
    assert (begun.changed, begun.is_past_due) == (True, False)
    assert begun.status.next == NOON + 3.5 * HOUR


def test_early_run_counts_as_on_time() -> None:
    """A run that began a moment before its occurrence is not followed by the same occurrence."""
    status = Status(last=NOON, next=NOON + HOUR, last_updated=NOON)
    early = NOON + HOUR - timedelta(milliseconds=20)
    assert after_run(HOURLY, status, early, scheduled=True).next == NOON + 2 * HOUR
    assert after_run(HOURLY, status, early, scheduled=False).next == NOON + HOUR


def test_status_survives_storage() -> None:
    """A status reads as it was written, and so does one that the Functions host wrote."""
    status = Status(last=NEVER, next=NOON + HOUR, last_updated=NOON)
    assert Status.from_json(status.to_json()) == status
    theirs = (
        '{"Last":"0001-01-01T00:00:00","Next":"2026-01-01T13:00:00Z","LastUpdated":"2026-01-01T12:00:00.0000000+00:00"}'
    )
    assert Status.from_json(theirs) == status
