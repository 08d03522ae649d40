"""Order and length of the slices in which CPU-bound work is done."""

import asyncio
from collections import Counter

import pytest

from shared.runtime.fair_scheduler import cpu_slice, paced


class Clock:
    """The loop's clock. It advances when a test computes, and by 0.1 ms whenever it is read."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        """Return the time in seconds."""
        self.now_s += 0.0001
        return self.now_s


@pytest.fixture
async def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Return the clock of the test's loop."""
    clock = Clock()
    monkeypatch.setattr(asyncio.get_running_loop(), "time", clock)
    return clock


async def slices(clock: Clock, name: str, slice_s: float, times: int, log: list[str]) -> None:
    """Compute in slices of this length, with a wait between two of them."""
    for _ in range(times):
        async with cpu_slice():
            clock.now_s += slice_s
            log.append(name)
        await asyncio.sleep(0)


@pytest.mark.parametrize(
    ("jobs", "slice_s", "after_s", "at_most"),
    [
        pytest.param(10, 0.004, 0.0, 2, id="slices"),
        pytest.param(24, 0.0001, 0.002, 3, id="what is sent after each slice"),
    ],
)
async def test_one_round_of_the_loop_holds_little(
    clock: Clock, jobs: int, slice_s: float, after_s: float, at_most: int
) -> None:
    """It does not depend on how many jobs compute at the same time; what they do between slices counts, too."""
    per_round: Counter[int] = Counter()
    number = 0

    async def rounds() -> None:
        nonlocal number
        while True:
            number += 1
            await asyncio.sleep(0)

    async def job() -> None:
        async with cpu_slice():
            clock.now_s += slice_s
        clock.now_s += after_s
        per_round[number] += 1

    counting = asyncio.create_task(rounds())
    await asyncio.gather(*(job() for _ in range(jobs)))
    counting.cancel()
    assert sum(per_round.values()) == jobs
    assert max(per_round.values()) <= at_most


async def test_slices_are_admitted_in_the_order_of_asking(clock: Clock) -> None:
    """A job that is cancelled while it waits is left out."""
    order: list[int] = []

    async def job(number: int) -> None:
        async with cpu_slice():
            clock.now_s += 0.006
            order.append(number)

    jobs = [asyncio.create_task(job(number)) for number in range(20)]
    await asyncio.sleep(0)
    jobs[10].cancel()
    await asyncio.gather(*jobs, return_exceptions=True)
    assert order == [number for number in range(20) if number != 10]


async def test_a_job_with_long_slices_waits_for_the_others(clock: Clock) -> None:
    """Between two of its slices, each other job has one, whether it is a job of a queue or an HTTP request."""
    log: list[str] = []
    others = [slices(clock, str(number), 0.001, 20, log) for number in range(5)]
    await asyncio.gather(slices(clock, "long", 0.05, 10, log), *others)
    first, second = [place for place, name in enumerate(log) if name == "long"][3:5]
    assert sorted(log[first + 1 : second]) == [str(number) for number in range(5)]


async def test_a_slice_that_fails_admits_the_next(clock: Clock) -> None:
    """Its error is raised."""

    async def fail() -> None:
        async with cpu_slice():
            clock.now_s += 0.01
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    async with cpu_slice():
        pass


async def test_a_job_that_is_alone_does_not_wait(clock: Clock) -> None:
    """It continues after one round of the loop."""
    rounds = 0

    async def idle() -> None:
        nonlocal rounds
        while True:
            rounds += 1
            await asyncio.sleep(0)

    waiting = asyncio.create_task(idle())
    await slices(clock, "alone", 0.01, 10, [])
    waiting.cancel()
    assert rounds <= 40


@pytest.mark.parametrize(("item_s", "between"), [(0.0001, 0), (0.001, 4), (0.02, 20)])
async def test_others_run_between_two_items(clock: Clock, item_s: float, between: int) -> None:
    """Once 5 ms have passed, however many items that are."""
    rounds = 0

    async def others() -> None:
        nonlocal rounds
        while True:
            await asyncio.sleep(0)
            rounds += 1

    counting = asyncio.create_task(others())
    seen = []
    async for item in paced(range(20)):
        seen.append(item)
        clock.now_s += item_s
    counting.cancel()
    assert seen == list(range(20))
    assert abs(rounds - between) <= 1
