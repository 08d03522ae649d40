"""Many requests of one caller at the same time are counted one by one."""

import asyncio
from datetime import datetime

import pytest

from shared.adapters.process_limits import ProcessLimitStore
from shared.domain.access.rate_limit import RateLimit
from shared.domain.versioned import Versioned
from shared.errors import ETagConflict, RateLimited
from shared.workflows.rate_limiter import RateLimiter
from tests.support.fakes import FakeClock, FakeLimitStore

LIMIT = RateLimit(name="test", burst=20, period_s=60)


class SlowStore(FakeLimitStore):
    """A store whose answers take a while, so that others read the row before it is written."""

    def __init__(self) -> None:
        super().__init__()
        self.conflicts = 0
        #: Whether another process wins every race.
        self.is_taken = False

    async def find(self, key: str) -> Versioned[datetime | None]:
        """Return the row."""
        await asyncio.sleep(0)
        return await super().find(key)

    async def replace(self, key: str, used_until: datetime, etag: str | None) -> None:
        """Store the row."""
        await asyncio.sleep(0)
        try:
            await super().replace(key, used_until, "another" if self.is_taken else etag)
        except ETagConflict:
            self.conflicts += 1
            raise


async def test_requests_at_the_same_time_never_conflict() -> None:
    """Exactly as many as allowed get through, and none is told that a row changed."""
    store = SlowStore()
    limiter = RateLimiter(limits=store, clock=FakeClock())
    outcomes = await asyncio.gather(*(limiter.take(LIMIT, "ada") for _ in range(50)), return_exceptions=True)
    assert outcomes.count(None) == LIMIT.burst
    assert all(isinstance(outcome, RateLimited) for outcome in outcomes if outcome is not None)
    assert store.conflicts == 0
    await limiter.take(LIMIT, "grace")
    assert len(limiter.locks) == 0


async def test_a_row_that_other_processes_keep_changing_is_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """429 with a wait, not a conflict: there are too many requests."""
    monkeypatch.setattr("shared.runtime.optimistic_update.random.uniform", lambda *_: 0.0)
    store = SlowStore()
    store.is_taken = True
    with pytest.raises(RateLimited) as raised:
        await RateLimiter(limits=store, clock=FakeClock()).take(LIMIT, "ada")
    assert raised.value.retry_after_s is not None
    assert raised.value.retry_after_s > 0
    assert store.conflicts > 1


async def test_a_process_remembers_a_bounded_number_of_callers(monkeypatch: pytest.MonkeyPatch) -> None:
    """The one that asked the longest time ago is forgotten first."""
    monkeypatch.setattr("shared.adapters.process_limits._MAX_KEYS", 2)
    limiter = RateLimiter(limits=ProcessLimitStore(), clock=FakeClock())
    one = RateLimit(name="one", burst=1, period_s=60)
    for who in ("ada", "grace"):
        await limiter.take(one, who)
    with pytest.raises(RateLimited):
        await limiter.take(one, "ada")
    await limiter.take(one, "joan")
    await limiter.take(one, "ada")
    with pytest.raises(RateLimited):
        await limiter.take(one, "joan")
