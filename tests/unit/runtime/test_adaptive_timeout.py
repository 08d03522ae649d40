"""How long jobs wait for a first response, and when its directory is asked again."""

import asyncio
from collections.abc import Sequence

import pytest

from shared.errors import LoginRefused, Transient
from shared.runtime import adaptive_timeout
from shared.runtime.adaptive_timeout import DirectoryUnavailable, FirstResponseGuard, SlowStartLimiter
from tests.unit.adapters.entra import virtual_time


async def failing(error: Exception) -> str:
    """Respond with an error."""
    raise error


async def responding() -> str:
    """Respond."""
    return "a page"


@pytest.mark.parametrize(("attempts", "retry_after_s"), [(0, 60.0), (1, 120.0), (2, 240.0), (3, 480.0), (30, 480.0)])
def test_of_many_overdue_directories_some_are_asked_again_later(attempts: int, retry_after_s: float) -> None:
    """As many as there are slots are waited for. Each further one is abandoned, and asked again with a longer wait."""

    async def scenario() -> None:
        limiter, responses = SlowStartLimiter(2), [asyncio.Event() for _ in range(3)]
        guards = [FirstResponseGuard(limiter, attempts) for _ in responses]
        jobs = [
            asyncio.create_task(guard.await_response(response.wait()))
            for guard, response in zip(guards, responses, strict=True)
        ]
        with pytest.raises(DirectoryUnavailable) as caught:
            await jobs[2]
        assert (caught.value.code, caught.value.retry_after_s) == ("no_answer", retry_after_s)
        for response in responses:
            response.set()
        assert await asyncio.gather(*jobs[:2]) == [True, True]
        with limiter.acquire(2):
            pass  # their slots are free again

    virtual_time.run(scenario())


def test_a_few_overdue_directories_are_waited_for() -> None:
    """They may take as long as their clients wait."""

    async def scenario() -> None:
        limiter = SlowStartLimiter(1)
        await FirstResponseGuard(limiter, 0).await_response(asyncio.sleep(3_600))

    virtual_time.run(scenario())


def test_where_all_directories_are_slow_none_is_overdue() -> None:
    """The deadline follows the average after a few responses, and falls again once directories are fast."""

    async def scenario() -> tuple[list[int], float]:
        limiter, abandoned = SlowStartLimiter(8), [0, 0, 0]

        async def job(batch: int, response_s: float) -> None:
            try:
                await FirstResponseGuard(limiter, 0).await_response(asyncio.sleep(response_s))
            except DirectoryUnavailable:
                abandoned[batch] += 1

        for batch in range(3):
            await asyncio.gather(*(job(batch, 6.0) for _ in range(32)))
        for _ in range(40):
            await job(0, 0.1)
        return abandoned, limiter.overdue_after_s

    assert virtual_time.run(scenario()) == ([24, 0, 0], adaptive_timeout._MIN_OVERDUE_S)


def test_the_deadline_has_an_upper_bound() -> None:
    """A directory that does not respond is abandoned before its client gives up, however slow the others are."""

    async def scenario() -> float:
        limiter = SlowStartLimiter(1)
        for _ in range(30):
            await FirstResponseGuard(limiter, 0).await_response(asyncio.sleep(20))
        assert limiter.overdue_after_s == adaptive_timeout._MAX_OVERDUE_S
        began_s = virtual_time.now_s()
        with limiter.acquire(), pytest.raises(DirectoryUnavailable):
            await FirstResponseGuard(limiter, 0).await_response(asyncio.sleep(3_600))
        return virtual_time.now_s() - began_s

    assert virtual_time.run(scenario()) == pytest.approx(adaptive_timeout._MAX_OVERDUE_S)


def test_a_worker_that_starts_waits_longer() -> None:
    """Its first 32 jobs load, connect and sign in concurrently."""

    async def scenario() -> Sequence[None]:
        limiter = SlowStartLimiter(8)
        return await asyncio.gather(
            *(FirstResponseGuard(limiter, 0).await_response(asyncio.sleep(2.5)) for _ in range(32))
        )

    assert len(virtual_time.run(scenario())) == 32


@pytest.mark.parametrize(("attempts", "retry_after_s"), [(0, 60.0), (1, 120.0), (2, None), (9, None)])
async def test_a_directory_that_is_out_of_order_is_unavailable(attempts: int, retry_after_s: float | None) -> None:
    """The third attempt is the last one; the code stays that of the error."""
    guard = FirstResponseGuard(SlowStartLimiter(), attempts)
    with pytest.raises(DirectoryUnavailable) as caught:
        await guard.await_response(failing(Transient("503", code="graph_failing")))
    assert (caught.value.code, caught.value.retry_after_s) == ("graph_failing", retry_after_s)


async def test_a_directory_that_asks_for_time_gets_it() -> None:
    """It has responded."""
    guard = FirstResponseGuard(SlowStartLimiter(), 2)
    with pytest.raises(Transient) as caught:
        await guard.await_response(failing(Transient("429", code="throttled", retry_after_s=7)))
    assert not isinstance(caught.value, DirectoryUnavailable)
    assert (caught.value.code, caught.value.retry_after_s) == ("throttled", 7)


async def test_a_refusal_is_a_response() -> None:
    """Nothing is tried again where only a person can help."""
    with pytest.raises(LoginRefused):
        await FirstResponseGuard(SlowStartLimiter(), 0).await_response(
            failing(LoginRefused("no", code="AADSTS7000215"))
        )


async def test_a_directory_that_has_responded_is_waited_for() -> None:
    """A later error is raised unchanged, so that the queue delivers this message again."""
    guard = FirstResponseGuard(SlowStartLimiter(), 0)
    assert await guard.await_response(responding()) == "a page"
    with pytest.raises(Transient) as caught:
        await guard.await_response(failing(Transient("503", code="graph_failing")))
    assert not isinstance(caught.value, DirectoryUnavailable)
