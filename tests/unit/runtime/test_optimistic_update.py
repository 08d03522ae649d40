"""The one compare-and-swap loop: what it repeats, how long it waits, and how it gives up."""

import pytest

from shared.domain.retry_policy import CONTENDED, ROW_UPDATE
from shared.errors import ChangedMeanwhile, Contended, ETagConflict, Superseded, SyncError, Transient
from shared.runtime.optimistic_update import optimistic_update, repeat


class Row:
    """A row that other writers change while the first `conflicts` attempts are under way."""

    def __init__(self, conflicts: int) -> None:
        self.conflicts = conflicts
        self.version = 0
        self.written: list[int] = []
        self.waits_s: list[float] = []

    async def sleep(self, seconds: float) -> None:
        """Note the wait and return immediately."""
        self.waits_s.append(seconds)

    async def attempt(self) -> int:
        """Read the row and replace it. Raises: ETagConflict if it changed in between."""
        read = self.version
        if self.conflicts:
            self.conflicts -= 1
            self.version += 1
        if read != self.version:
            raise ETagConflict("the row changed")
        self.written.append(read)
        return read


async def test_a_conflict_reads_again() -> None:
    """The attempt that succeeds wrote what it decided by the newest version, once."""
    row = Row(conflicts=3)
    assert await repeat(row.attempt, "row", sleep=row.sleep) == 3
    assert row.written == [3]


async def test_the_first_attempt_does_not_wait() -> None:
    """Without a conflict nothing is slower than before."""
    row = Row(conflicts=0)
    await repeat(row.attempt, "row", sleep=row.sleep)
    assert row.waits_s == []


async def test_attempts_and_waits_are_bounded() -> None:
    """Waits are random below a bound that doubles; in the end the queue waits, and the caller is told for how long."""
    row = Row(conflicts=1_000)
    with pytest.raises(Contended) as refused:
        await repeat(row.attempt, "row", sleep=row.sleep)
    assert 1_000 - row.conflicts == ROW_UPDATE.attempts
    assert row.written == []
    bounds = [ROW_UPDATE.wait_s(number) for number in range(ROW_UPDATE.retries)]
    assert all(0 <= wait_s <= bound for wait_s, bound in zip(row.waits_s, bounds, strict=True))
    assert isinstance(refused.value, Transient)
    assert (refused.value.code, refused.value.retry_after_s) == ("contended", CONTENDED.first_wait_s)
    assert isinstance(refused.value.__cause__, ETagConflict)


@pytest.mark.parametrize(
    "error", [Superseded("newer"), ChangedMeanwhile("edited"), Transient("busy"), Contended("inner", retry_after_s=1)]
)
async def test_other_errors_are_not_repeated(error: SyncError) -> None:
    """A newer run, and a version that the caller named, do not come back; waiting for the rest is the queue's task."""
    calls = []

    @optimistic_update
    async def attempt() -> None:
        calls.append(error)
        raise error

    with pytest.raises(type(error)):
        await attempt()
    assert len(calls) == 1


async def test_a_decorated_method_keeps_its_arguments_and_its_name() -> None:
    """So that callers and tracebacks see the method."""

    class Store:
        @optimistic_update
        async def put(self, number: int, *, twice: bool) -> int:
            """Return a number."""
            return number * 2 if twice else number

    assert await Store().put(2, twice=True) == 4
    assert Store.put.__name__ == "put"
