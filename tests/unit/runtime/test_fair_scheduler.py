"""Who has the loop, when, and for how long."""

import asyncio
from collections import Counter

import pytest

from shared.runtime.fair_scheduler import cpu_slice, one_job


class Clock:
    """The loop's clock, which moves when somebody works, and a tenth of a millisecond whenever somebody looks at it."""

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


async def work(clock: Clock, name: str, turn_s: float, times: int, log: list[str]) -> None:
    """As one job, have so many turns, with a wait between each two."""
    with one_job():
        await turns(clock, name, turn_s, times, log)


async def turns(clock: Clock, name: str, turn_s: float, times: int, log: list[str]) -> None:
    """Have so many turns, with a wait between each two."""
    for _ in range(times):
        async with cpu_slice():
            clock.now_s += turn_s
            log.append(name)
        await asyncio.sleep(0)


async def light_jobs(clock: Clock, jobs: int, log: list[str]) -> None:
    """Have so many jobs, one after the other, with five turns of a millisecond each."""
    for _ in range(jobs):
        await asyncio.create_task(work(clock, "light", 0.001, 5, log))


@pytest.mark.parametrize(
    ("jobs", "turn_s", "after_s", "at_most"),
    [
        pytest.param(10, 0.004, 0.0, 2, id="turns"),
        pytest.param(24, 0.0001, 0.002, 3, id="what is sent after each turn"),
    ],
)
async def test_one_round_of_the_loop_holds_little(
    clock: Clock, jobs: int, turn_s: float, after_s: float, at_most: int
) -> None:
    """However many jobs want a turn at the same time; what they do between turns counts, too."""
    per_round: Counter[int] = Counter()
    number = 0

    async def rounds() -> None:
        nonlocal number
        while True:
            number += 1
            await asyncio.sleep(0)

    async def job() -> None:
        async with cpu_slice():
            clock.now_s += turn_s
        clock.now_s += after_s
        per_round[number] += 1

    counting = asyncio.create_task(rounds())
    await asyncio.gather(*(job() for _ in range(jobs)))
    counting.cancel()
    assert sum(per_round.values()) == jobs
    assert max(per_round.values()) <= at_most


async def test_turns_are_had_in_the_order_of_asking(clock: Clock) -> None:
    """Also by those who are woken in a round that is over before they can begin; whoever gave up is left out."""
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


async def test_a_heavy_job_leaves_most_of_the_loop_to_others(clock: Clock) -> None:
    """Between two of its turns of 10 ms they have up to 150, for as long as they want them."""
    log: list[str] = []
    others = asyncio.create_task(light_jobs(clock, 80, log))
    await work(clock, "heavy", 0.01, 4, log)
    _, _, third, fourth = (place for place, name in enumerate(log) if name == "heavy")
    assert 95 <= fourth - third - 1 <= 152
    await others


async def test_heavy_jobs_do_so_together(clock: Clock) -> None:
    """Ten jobs of one customer have no more of the loop than one."""
    log: list[str] = []
    others = asyncio.create_task(light_jobs(clock, 800, log))
    await asyncio.gather(*(work(clock, "heavy", 0.01, 3, log) for _ in range(10)))
    later = log[log.index("light", 40) :]
    assert later.count("light") >= 95 * later.count("heavy")
    others.cancel()


@pytest.mark.parametrize("tasks", [pytest.param(1, id="by itself"), pytest.param(10, id="its tasks together")])
async def test_many_small_turns_make_a_job_heavy(clock: Clock, tasks: int) -> None:
    """A fast machine makes small ones of all: what counts is what a job has had of the loop."""
    log: list[str] = []
    others = asyncio.create_task(light_jobs(clock, 200, log))
    with one_job():
        await asyncio.gather(*(turns(clock, "heavy", 0.001, 40 // tasks, log) for _ in range(tasks)))
    later = log[log.index("heavy", 40) :]
    assert later.count("light") >= 9 * later.count("heavy")
    await others


async def test_whoever_is_no_job_is_never_heavy(clock: Clock) -> None:
    """A person who waits has turns as often as the jobs."""
    log: list[str] = []
    others = asyncio.create_task(light_jobs(clock, 80, log))
    await turns(clock, "person", 0.01, 10, log)
    assert log.count("light") <= 2 * log.count("person")
    await others


async def test_alone_nobody_waits(clock: Clock) -> None:
    """Where nobody else wants the loop, a heavy job goes on at once."""
    rounds = 0

    async def idle() -> None:
        nonlocal rounds
        while True:
            rounds += 1
            await asyncio.sleep(0)

    log: list[str] = []
    waiting = asyncio.create_task(idle())
    await work(clock, "heavy", 0.01, 10, log)
    waiting.cancel()
    assert rounds <= 40
