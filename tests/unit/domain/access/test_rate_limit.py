"""How much is allowed, and when it is allowed again."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from shared.domain.access.rate_limit import RateLimit

NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
LIMIT = RateLimit(name="test", burst=5, period_s=50)


def test_a_burst_and_then_a_wait() -> None:
    """Five at once; the sixth has to wait until one of them is forgiven."""
    used: datetime | None = None
    for _ in range(5):
        following = LIMIT.take(used, NOW)
        assert isinstance(following, datetime)
        used = following
    assert LIMIT.take(used, NOW) == 10
    assert LIMIT.take(used, NOW + timedelta(seconds=9)) == 1
    assert isinstance(LIMIT.take(used, NOW + timedelta(seconds=10)), datetime)


def test_what_is_given_back_can_be_taken_again() -> None:
    """Giving back undoes taking."""
    used = LIMIT.take(None, NOW)
    assert isinstance(used, datetime)
    assert LIMIT.give_back(used) == NOW


@given(st.lists(st.floats(min_value=0, max_value=30), min_size=1, max_size=60))
def test_never_more_than_the_burst_in_a_period_and_what_refills(pauses: list[float]) -> None:
    """In any stretch of time at most the burst, and one for each interval that has gone by."""
    used: datetime | None = None
    now, taken = NOW, []
    for pause in pauses:
        now += timedelta(seconds=pause)
        following = LIMIT.take(used, now)
        if isinstance(following, datetime):
            used = following
            taken.append(now)
    for first, begin in enumerate(taken):
        for last, end in enumerate(taken[first:], start=1):
            assert last <= LIMIT.burst + (end - begin).total_seconds() / 10 + 1e-6
