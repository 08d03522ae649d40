"""How long jobs wait for directories, and when those are asked again."""

import asyncio
from collections.abc import Sequence

import pytest

from shared.errors import LoginRefused, Transient
from shared.runtime import adaptive_timeout
from shared.runtime.adaptive_timeout import DirectoryUnavailable, FirstResponseGuard, SlowStartLimiter
from tests.unit.adapters.entra import virtual_time


async def raising(error: Exception) -> str:
    """Answer with an error."""
    raise error


async def answering() -> str:
    """Answer."""
    return "a page"


@pytest.mark.parametrize(("asked", "again_s"), [(0, 60.0), (1, 120.0), (2, 240.0), (3, 480.0), (30, 480.0)])
async def test_of_many_silent_ones_the_longest_is_given_up(
    monkeypatch: pytest.MonkeyPatch, asked: int, again_s: float
) -> None:
    """It is asked again, later each time, and the others are waited for."""
    monkeypatch.setattr(adaptive_timeout, "_LATE_S", 0.0)
    patience, answers = SlowStartLimiter(2), [asyncio.Event() for _ in range(3)]
    jobs = [
        asyncio.create_task(FirstResponseGuard(patience, asked).await_response(answer.wait())) for answer in answers
    ]
    with pytest.raises(DirectoryUnavailable) as caught:
        await jobs[0]
    assert (caught.value.code, caught.value.retry_after_s) == ("no_answer", again_s)
    for answer in answers:
        answer.set()
    assert await asyncio.gather(*jobs[1:]) == [True, True]
    assert not patience._late


async def test_a_few_silent_ones_are_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """However late they are."""
    monkeypatch.setattr(adaptive_timeout, "_LATE_S", 0.0)
    answer = asyncio.Event()
    job = asyncio.create_task(FirstResponseGuard(SlowStartLimiter(1), 0).await_response(answer.wait()))
    for _ in range(10):
        await asyncio.sleep(0)
    answer.set()
    assert await job


def test_where_all_are_slow_nobody_is_late() -> None:
    """Once a few have answered; and what is late is as before once they are as fast as before."""

    async def scenario() -> tuple[list[int], float]:
        patience, given_up = SlowStartLimiter(8), [0, 0, 0]

        async def job(turn: int, answer_s: float) -> None:
            try:
                await FirstResponseGuard(patience, 0).await_response(asyncio.sleep(answer_s))
            except DirectoryUnavailable:
                given_up[turn] += 1

        for turn in range(3):
            await asyncio.gather(*(job(turn, 6.0) for _ in range(32)))
        for _ in range(40):
            await job(0, 0.1)
        return given_up, patience.overdue_after_s

    assert virtual_time.run(scenario()) == ([24, 0, 0], adaptive_timeout._LATE_S)


def test_silent_ones_are_given_up_however_slow_the_others_are() -> None:
    """Before their clients give up; and those first who have waited the longest, whatever was late when they began."""

    async def scenario() -> tuple[float, list[float]]:
        patience, given_up_s = SlowStartLimiter(1), []

        async def silent(after_s: float) -> None:
            await asyncio.sleep(after_s)
            began_s = virtual_time.now_s()
            with pytest.raises(DirectoryUnavailable):
                await FirstResponseGuard(patience, 0).await_response(asyncio.sleep(3_600))
            given_up_s.append(virtual_time.now_s() - began_s)

        for _ in range(30):
            await FirstResponseGuard(patience, 0).await_response(asyncio.sleep(20))
        slow_s, waiting = patience.overdue_after_s, asyncio.create_task(silent(0))
        await asyncio.sleep(0)
        for _ in range(90):
            await FirstResponseGuard(patience, 0).await_response(asyncio.sleep(0.01))
        others = [asyncio.create_task(silent(after_s)) for after_s in (0, 60)]
        await asyncio.wait([waiting, *others], timeout=300)
        for each in (waiting, *others):
            each.cancel()
        return slow_s, given_up_s

    slow_s, given_up_s = virtual_time.run(scenario())
    assert slow_s == 10.0
    assert given_up_s == pytest.approx([10.0, 61.5])


def test_a_worker_that_starts_takes_its_time() -> None:
    """Its first 32 jobs load, connect and sign in at once."""

    async def scenario() -> Sequence[None]:
        patience = SlowStartLimiter(8)
        return await asyncio.gather(
            *(FirstResponseGuard(patience, 0).await_response(asyncio.sleep(2.5)) for _ in range(32))
        )

    assert len(virtual_time.run(scenario())) == 32


@pytest.mark.parametrize(("asked", "again_s"), [(0, 60.0), (1, 120.0), (2, None), (9, None)])
async def test_a_directory_that_is_out_of_order_is_unanswered_too(asked: int, again_s: float | None) -> None:
    """The third time is the last one; the reason stays what it was."""
    with pytest.raises(DirectoryUnavailable) as caught:
        await FirstResponseGuard(SlowStartLimiter(), asked).await_response(
            raising(Transient("503", code="graph_failing"))
        )
    assert (caught.value.code, caught.value.retry_after_s) == ("graph_failing", again_s)


async def test_one_that_asks_for_time_gets_it() -> None:
    """It has answered."""
    with pytest.raises(Transient) as caught:
        await FirstResponseGuard(SlowStartLimiter(), 2).await_response(
            raising(Transient("429", code="throttled", retry_after_s=7))
        )
    assert not isinstance(caught.value, DirectoryUnavailable)
    assert (caught.value.code, caught.value.retry_after_s) == ("throttled", 7)


async def test_a_refusal_is_an_answer() -> None:
    """Nothing is tried again where only a person can help."""
    with pytest.raises(LoginRefused):
        await FirstResponseGuard(SlowStartLimiter(), 0).await_response(
            raising(LoginRefused("no", code="AADSTS7000215"))
        )


async def test_who_has_answered_once_is_waited_for() -> None:
    """What goes wrong then is told as it is, so that the queue brings this very message back."""
    first = FirstResponseGuard(SlowStartLimiter(), 0)
    assert await first.await_response(answering()) == "a page"
    with pytest.raises(Transient) as caught:
        await first.await_response(raising(Transient("503", code="graph_failing")))
    assert not isinstance(caught.value, DirectoryUnavailable)
