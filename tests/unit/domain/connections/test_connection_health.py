"""How a connection fares over time, and which events that is worth."""

from datetime import UTC, datetime, timedelta

import pytest

from shared.domain.connections.connection_health import (
    BACK_OFF,
    WARN_DAYS,
    Health,
    HealthState,
    NoticeKind,
    Reason,
    days_left,
    passed_threshold,
)
from shared.domain.ids import RunId
from shared.domain.problem import ErrorCategory

NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
EXPIRED = Reason(
    category=ErrorCategory.CREDENTIALS,
    code="AADSTS7000222",
    title="The secret has expired",
    detail="Its end has passed.",
    fix="Make one.",
)
WRONG = Reason(
    category=ErrorCategory.CREDENTIALS,
    code="AADSTS7000215",
    title="The secret is wrong",
    detail="It is another.",
    fix="Copy the value.",
)
BUSY = Reason(
    category=ErrorCategory.TRANSIENT, code="graph_failing", title="Graph fails", detail="It answers 503.", fix="Wait."
)
DENIED = Reason(
    category=ErrorCategory.PERMISSION,
    code="Authorization_RequestDenied",
    title="Not allowed",
    detail="It answers 403.",
    fix="Consent.",
)


def kinds(health: Health) -> list[NoticeKind]:
    """Return what the events of a health are about."""
    return [notice.kind for notice in health.notices]


def run(number: int) -> RunId:
    """Return the n-th run."""
    return RunId(f"run-{number}")


def test_refused_credentials_stop_everything_at_once() -> None:
    """Whatever the time is: only a person can help, and knows since when and what to do."""
    health = Health().refused(EXPIRED, NOW)
    assert (health.state, health.reason, health.since) == (HealthState.NEEDS_ATTENTION, EXPIRED, NOW)
    assert not health.due(NOW + 365 * DAY)
    assert kinds(health) == [NoticeKind.NEEDS_ATTENTION]


def test_other_failures_wait_longer_and_longer() -> None:
    """6, 12, 24 and then always 24 hours after the failure."""
    health, now = Health(), NOW
    for number, wait in enumerate((*BACK_OFF, BACK_OFF[-1])):
        health = health.failed(BUSY, run(number), now)
        assert (health.state, health.retry_at) == (HealthState.FAILING, now + wait)
        assert not health.due(now + wait - timedelta(seconds=1))
        assert health.due(now + wait)
        now += wait
    assert [wait / HOUR for wait in BACK_OFF] == [6, 12, 24]
    assert kinds(health) == [NoticeKind.FAILING]


def test_a_run_that_is_counted_again_counts_once() -> None:
    """Its finish may be delivered twice."""
    once = Health().failed(BUSY, run(1), NOW)
    assert once.failed(BUSY, run(1), NOW + HOUR) == once


def test_one_event_for_each_change_of_reason() -> None:
    """The same reason again is no news; another one is, and so is the end of it."""
    health = Health().refused(WRONG, NOW).refused(WRONG, NOW + HOUR)
    assert (kinds(health), health.since) == ([NoticeKind.NEEDS_ATTENTION], NOW)
    health = health.refused(EXPIRED, NOW + 2 * HOUR)
    assert (health.since, [notice.code for notice in health.notices]) == (NOW + 2 * HOUR, [WRONG.code, EXPIRED.code])
    health = Health().failed(BUSY, run(1), NOW).failed(DENIED, run(2), NOW + 6 * HOUR)
    assert [notice.code for notice in health.notices] == [BUSY.code, DENIED.code]
    assert len({notice.id for notice in health.notices}) == 2


def test_a_failed_run_does_not_hide_that_the_credentials_are_refused() -> None:
    """The run failed because of them: its failure starts no waiting time after which they would be tried again."""
    health = Health().refused(EXPIRED, NOW)
    assert health.failed(BUSY, run(1), NOW + HOUR) == health


@pytest.mark.parametrize("before", [Health().refused(WRONG, NOW), Health().failed(BUSY, RunId("run-1"), NOW)])
def test_success_clears_everything_by_itself(before: Health) -> None:
    """State, reason and waiting time are gone; the event says so; success on success says nothing."""
    health = before.sent(before.notices).recovered(NOW + HOUR)
    assert (health.state, health.reason, health.since, health.retry_at) == (HealthState.ON, None, None, None)
    assert (health.failures, health.due(NOW), kinds(health)) == (0, True, [NoticeKind.RECOVERED])
    assert health.recovered(NOW + DAY) == health
    assert Health().recovered(NOW) == Health()


def test_events_stay_until_they_are_sent() -> None:
    """Those that came meanwhile stay too; with none left and nothing wrong there is nothing to see."""
    first = Health().refused(WRONG, NOW)
    second = first.recovered(NOW + HOUR)
    rest = second.sent(first.notices)
    assert (kinds(rest), rest.open) == ([NoticeKind.RECOVERED], True)
    assert not rest.sent(rest.notices).open


def test_the_end_of_a_secret_is_announced_four_times() -> None:
    """30, 14, 7 and 1 days ahead, each once, however often one looks; a later end begins anew."""
    ends, health, told = NOW + 40 * DAY, Health(), []
    for hour in range(0, 41 * 24, 6):
        now = NOW + hour * HOUR
        after = health.warned(ends, now)
        told += [notice.days_left for notice in after.notices]
        assert after.warned(ends, now) == after
        health = after.sent(after.notices)
    assert tuple(told) == WARN_DAYS
    replaced = health.warned(NOW + 80 * DAY, NOW + 60 * DAY)
    assert [notice.days_left for notice in replaced.notices] == [20]
    again = health.recovered(NOW).warned(ends, NOW + 40 * DAY)
    assert again.notices == ()


def test_days_left_are_whole_days() -> None:
    """Rounded down, and never negative."""
    assert [days_left(NOW + delta, NOW) for delta in (-DAY, timedelta(0), 23 * HOUR, DAY, 36 * HOUR)] == [0, 0, 0, 1, 1]
    assert [passed_threshold(NOW + days * DAY, NOW) for days in (31, 30, 15, 14, 8, 7, 2, 1, -5)] == [
        None, 30, 30, 14, 14, 7, 7, 1, 1,
    ]  # fmt: skip
