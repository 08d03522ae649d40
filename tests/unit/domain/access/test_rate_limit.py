"""How much is allowed, and when it is allowed again."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.access.callers import BackEnd, KeyHolder, Person
from shared.domain.access.rate_limit import ALLOWANCES, KEY_FACTOR, Expense, RateLimit, allowances_of, of_caller
from shared.domain.ids import KeyName

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


@pytest.mark.parametrize("ahead_s", [51, 3_600, 86_400 * 365])
def test_a_clock_that_is_ahead_locks_out_no_one(ahead_s: float) -> None:
    """A request was counted by a worker whose clock was wrong. The next one, by another worker, need not wait."""
    ahead = LIMIT.take(None, NOW + timedelta(seconds=ahead_s))
    assert isinstance(ahead, datetime)
    assert LIMIT.take(ahead, NOW) == LIMIT.take(None, NOW)


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


def test_a_setting_replaces_single_allowances() -> None:
    """The others keep their defaults."""
    changed = allowances_of(["search=600/60", "export=1/5"])
    assert changed[Expense.SEARCH] == RateLimit(name="search", burst=600, period_s=60)
    assert changed[Expense.EXPORT] == RateLimit(name="export", burst=1, period_s=5)
    assert {name: changed[name] for name in Expense if name not in {"search", "export"}} == {
        name: ALLOWANCES[name] for name in Expense if name not in {"search", "export"}
    }
    assert allowances_of([]) == ALLOWANCES
    assert set(ALLOWANCES) == set(Expense)


@pytest.mark.parametrize(
    "entry",
    ["search", "search=", "search=600", "search=600/", "search=0/60", "search=-1/60", "search=6/0", "search=6/-1",
     "search=6/inf", "search=6/100000", "search=6.5/60", "search=1000000/60", "health=6/60", "=6/60", "6/60"],
)  # fmt: skip
def test_a_malformed_allowance_is_refused(entry: str) -> None:
    """A number, a slash and seconds."""
    with pytest.raises(ValueError, match="kind=number/seconds"):
        allowances_of(["export=1/60", entry])


def test_keys_have_more_than_people() -> None:
    """They act for many."""
    person = Person(azure_tenant_id="t", object_id="o", roles=frozenset())
    key = KeyHolder(name=KeyName("k"), scopes=frozenset(), tenants=None)
    assert of_caller(LIMIT, person) == LIMIT
    assert of_caller(LIMIT, key) == of_caller(LIMIT, BackEnd()) == RateLimit(name="test", burst=50, period_s=50)
    assert KEY_FACTOR == 10
