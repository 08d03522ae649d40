"""How requests of one customer wait for each other and for Graph."""

import asyncio
from collections.abc import Mapping

import pytest

from shared.adapters.entra.throttle import AdaptiveThrottle
from shared.errors import Transient
from tests.unit.adapters.entra.virtual_time import now_s, run, share

SLOTS = 8


def new_throttle() -> AdaptiveThrottle:
    """One without chance."""
    return AdaptiveThrottle(SLOTS, draw=lambda: 1.0)


async def ask(
    throttle: AdaptiveThrottle, status: int = 200, headers: Mapping[str, str] | None = None, *, takes_s: float = 0.1
) -> float:
    """Send a request that is answered like this; return when it went."""
    async with throttle.acquire() as sent_s:
        await asyncio.sleep(takes_s)
        throttle.record_response(status, headers or {}, sent_s=sent_s)
    return sent_s


async def starts(throttle: AdaptiveThrottle, count: int, headers: Mapping[str, str] | None = None) -> list[float]:
    """Send so many requests at once; return after how many seconds each went."""
    began_s = now_s()
    sent = await asyncio.gather(*(ask(throttle, headers=headers) for _ in range(count)))
    return [round(each - began_s, 3) for each in sent]


def test_slots() -> None:
    """Eight go at once, the ninth when one has been answered, in the order in which they came."""

    async def work() -> list[float]:
        return await starts(new_throttle(), 10)

    assert run(work()) == [0.0] * 8 + [0.1] * 2


@pytest.mark.parametrize(
    ("used", "at_once"), [(0.79, 8), (0.8, 8), (0.85, 6), (0.9, 4), (0.95, 2), (0.98, 1), (1.3, 1)]
)
def test_fewer_at_once_near_the_limit(used: float, at_once: int) -> None:
    """All slots below 0.8, half of them at 0.9, one at 1; nothing sleeps."""

    async def work() -> int:
        throttle = new_throttle()
        throttle.record_response(200, share(used), sent_s=now_s())
        return (await starts(throttle, SLOTS, share(used))).count(0.0)

    assert run(work()) == at_once


@pytest.mark.parametrize("text", ["nan", "inf", "much", ""])
def test_nonsense_is_no_share(text: str) -> None:
    """A share that is none slows nobody down."""

    async def work() -> list[float]:
        throttle = new_throttle()
        throttle.record_response(200, {"x-ms-throttle-limit-percentage": text}, sent_s=now_s())
        return await starts(throttle, SLOTS)

    assert run(work()) == [0.0] * 8


def test_an_answer_that_was_overtaken() -> None:
    """A share that is older than the known one is not believed, and one of ten seconds ago neither."""

    async def work() -> tuple[int, int]:
        throttle = new_throttle()
        await asyncio.sleep(1)
        throttle.record_response(200, share(0.95), sent_s=now_s())
        throttle.record_response(200, {}, sent_s=now_s() - 0.5)
        before = (await starts(throttle, SLOTS, share(0.95))).count(0.0)
        await asyncio.sleep(10)
        return before, (await starts(throttle, SLOTS)).count(0.0)

    assert run(work()) == (2, 8)


@pytest.mark.parametrize("status", [429, 503])
def test_nobody_goes_while_told_to_wait(status: int) -> None:
    """Told to one, obeyed by all, as of when it was told; then one goes alone, and its answer lets the others go."""

    async def work() -> list[float]:
        throttle = new_throttle()
        await ask(throttle, status, {"retry-after": "3"})
        return await starts(throttle, 5)

    assert run(work()) == [3.0, 3.1, 3.1, 3.1, 3.1]


def test_the_longer_wait_holds() -> None:
    """Two refusals of requests that were under way together do not shorten each other."""

    async def work() -> list[float]:
        throttle = new_throttle()
        longer, shorter = {"retry-after": "5"}, {"retry-after": "2"}
        await asyncio.gather(ask(throttle, 429, longer), ask(throttle, 429, shorter, takes_s=0.2))
        return await starts(throttle, 1)

    assert run(work()) == [4.9]


def test_a_long_wait_is_the_queues() -> None:
    """More than a worker waits is told at once, to those too who wait already, and nothing is sent."""

    async def work() -> tuple[list[object], float]:
        throttle = new_throttle()
        await ask(throttle, 429, {"retry-after": "5"})
        waiting = [asyncio.create_task(ask(throttle)) for _ in range(3)]
        await asyncio.sleep(1)
        throttle.record_response(429, {"retry-after": "11"}, sent_s=now_s())
        found = await asyncio.gather(*waiting, ask(throttle), return_exceptions=True)
        return [(type(each), each.code, each.retry_after_s) for each in found if isinstance(each, Transient)], now_s()

    found, ended_s = run(work())
    assert found == [(Transient, "throttled", 11.0)] * 4
    assert ended_s == pytest.approx(1.1)


def test_nobody_waits_for_ever() -> None:
    """Who has waited for ten seconds and is to wait on goes back to the queue; nobody believes a wait of years."""

    async def work() -> tuple[float, float]:
        throttle = new_throttle()
        await ask(throttle, 429, {"retry-after": "9"})
        waiting = asyncio.create_task(ask(throttle))
        for _ in range(2):
            await asyncio.sleep(6)
            throttle.record_response(429, {"retry-after": "9"}, sent_s=now_s())
        with pytest.raises(Transient) as put_back:
            await waiting
        throttle.record_response(429, {"retry-after": "1e9"}, sent_s=now_s())
        return put_back.value.retry_after_s or 0.0, throttle.left_s

    assert run(work()) == pytest.approx((9.0, 3_600.0))


def test_back_off_grows_and_is_reset() -> None:
    """Refused without a time: one second, two, four, eight and no more; after a success one again."""

    async def work() -> list[float]:
        throttle, found = new_throttle(), []
        for status in (429, 429, 429, 429, 503, 200, 429):
            await ask(throttle, status, {"retry-after": "0"})
            found.append(round(throttle.left_s, 3))
        return found

    assert run(work()) == [1.0, 2.0, 4.0, 8.0, 8.0, 0.0, 1.0]


def test_back_off_by_chance() -> None:
    """Workers that were refused together come back apart: after half of the time at least."""

    async def work(drawn: float) -> float:
        throttle = AdaptiveThrottle(SLOTS, draw=lambda: drawn)
        throttle.record_response(429, {}, sent_s=now_s())
        return throttle.left_s

    assert [run(work(drawn)) for drawn in (0.0, 0.5, 1.0)] == [0.5, 0.75, 1.0]


def test_refusals_of_one_moment_are_one() -> None:
    """Eight that were under way together do not make the back-off eight times as long."""

    async def work() -> float:
        throttle = new_throttle()
        await asyncio.gather(*(ask(throttle, 429) for _ in range(SLOTS)))
        return throttle.left_s

    assert run(work()) == 1.0


def test_a_window_that_is_used_up() -> None:
    """Nothing is sent until ten seconds after it began: nobody is refused, and no second is lost to rounding."""

    async def work() -> list[float]:
        throttle = new_throttle()
        await ask(throttle)
        await asyncio.sleep(4)
        await ask(throttle, headers=share(0.9))
        await ask(throttle, headers=share(0.99))
        return [throttle.left_s, *await starts(throttle, 1)]

    assert run(work()) == [pytest.approx(5.8), 5.8]


def test_a_share_that_stays_is_no_window() -> None:
    """If all is used however long one waits, one request goes at a time, and nothing is held back again."""

    async def work() -> list[float]:
        throttle = new_throttle()
        await ask(throttle)
        await ask(throttle, headers=share(1.0))
        await ask(throttle, headers=share(1.0))
        return await starts(throttle, 3, share(1.0))

    assert run(work()) == [0.0, 0.1, 0.2]


def test_who_gives_up_leaves_no_trace() -> None:
    """A request that fails, or is cancelled while it waits or is under way, takes nobody's place."""

    async def fail(throttle: AdaptiveThrottle) -> None:
        async with throttle.acquire():
            raise ConnectionError

    async def work() -> list[float]:
        throttle = new_throttle()
        await ask(throttle, 429, {"retry-after": "1"})
        tasks = [asyncio.create_task(ask(throttle, takes_s=60)) for _ in range(12)]
        await asyncio.sleep(0.5)
        tasks[0].cancel()
        await asyncio.sleep(1)
        for task in tasks[1:]:
            task.cancel()
        await asyncio.wait(tasks)
        for _ in range(SLOTS + 1):
            with pytest.raises(ConnectionError):
                await fail(throttle)
        return await starts(throttle, 3)

    assert run(work()) == [0.0, 0.1, 0.1]
