"""Time from a click on *Fetch Directory* to the finished run, on the local stack with real queues and host.json.

A click is a request to the API for a run of a tenant with 1,000 people at ten locations. Nothing has changed in the
directory since the last run, or ten people have: attributes of seven, one disabled, one left, one joined. Before each
click, no message was in a queue for 15 s and up to 2 s more, so that the listeners poll as seldom as host.json allows
and clicks meet every moment between two polls. Both kinds of clicks have a stack of their own; the stacks run at the
same time, and their clicks are half a pause apart.

Everything runs on one machine and in one process per part, so the start of an instance is not included: see
docs/performance/scale.md.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable
from statistics import median
from time import perf_counter
from typing import Final

from infra.local.demo.api import Api
from infra.local.demo.simulator import Simulator
from infra.local.stack.local_stack import LocalStack
from infra.local.stack.ports import Ports
from tests.bench.entra import FOLDER
from tests.bench.results import Result

_CLICKS: Final = 20
_PEOPLE: Final = 1_000
_LOCATIONS: Final = 10
#: Time without messages before a click, in seconds, and the most that is added at random: one poll of an idle queue.
_PAUSE_S: Final = 15.0
_POLL_S: Final = 2.0
#: Interval at which the API is asked whether the run has ended, in seconds.
_LOOK_S: Final = 0.05
_UNCHANGED_GOAL_S: Final = 2.0
_CHANGED_GOAL_S: Final = 5.0
_NAME: Final = "bench"
#: No schedule that starts runs; the watchdog looks every minute, as by default on the local stack.
_SETTINGS: Final = {"SYNC_SCHEDULE": "0 0 0 29 2 *"}

#: What happens in the directory before a click, by the number of the click.
Change = Callable[[Simulator, int], Awaitable[None]]


async def measure(clicks: int = _CLICKS) -> list[Result]:
    """Return the medians for an unchanged and a slightly changed directory."""
    unchanged, changed = await asyncio.gather(
        _clicked("unchanged", _nothing, clicks, first_pause_s=_PAUSE_S),
        _clicked("changed", _one_percent, clicks, first_pause_s=1.5 * _PAUSE_S),
    )
    return [
        _result("click_to_done_unchanged_s", unchanged, _UNCHANGED_GOAL_S),
        _result("click_to_done_changed_s", changed, _CHANGED_GOAL_S),
    ]


def _result(key: str, seconds: list[float], goal: float) -> Result:
    measured = {
        "clicks": len(seconds),
        "fastest_s": round(min(seconds), 2),
        "slowest_s": round(max(seconds), 2),
        "all_s": [round(each, 2) for each in seconds],
        "people": _PEOPLE,
        "locations": _LOCATIONS,
    }
    return Result(key=key, value=median(seconds), goal=goal, measured=measured)


async def _clicked(name: str, change: Change, clicks: int, *, first_pause_s: float) -> list[float]:
    """Return the seconds from each click to the end of its run, on a new stack."""
    pauses = random.Random(name)
    folder = FOLDER / f"click-{name}"
    async with (
        LocalStack(directory=folder, ports=Ports.free(), scale=0.01, environment=_SETTINGS) as stack,
        Simulator(stack.info) as simulator,
        Api(stack.info) as api,
    ):
        found = await simulator.found(_NAME, users=_PEOPLE)
        locations = [f"floor-{number}" for number in range(_LOCATIONS)]
        await api.onboard(_NAME, preferences={"mode": "full"}, locations=locations, directory=found)
        await _click(api)
        await asyncio.sleep(first_pause_s)
        seconds = []
        for number in range(clicks):
            await change(simulator, number)
            await asyncio.sleep(_PAUSE_S + pauses.uniform(0, _POLL_S))
            seconds.append(await _click(api))
    return seconds


async def _click(api: Api) -> float:
    """Start a run, and return the seconds until it has ended. Raises AssertionError unless it is done."""
    began_s = perf_counter()
    run = await api.sync(_NAME)
    async for shown in api.follow(_NAME, run, every_s=_LOOK_S):
        last = shown
    spent_s = perf_counter() - began_s
    assert (last["state"], last["problems"]) == ("done", []), last
    return spent_s


async def _nothing(simulator: Simulator, click: int) -> None:
    """Change nothing."""


async def _one_percent(simulator: Simulator, click: int) -> None:
    """Change ten people who have not been changed before."""
    *renamed, disabled, left = (await simulator.people(_NAME, 9 * (click + 1)))[-9:]
    for person in renamed:
        await simulator.change(_NAME, person, department=f"Moved {click}")
    await simulator.change(_NAME, disabled, accountEnabled=False)
    await simulator.leave(_NAME, left)
    await simulator.join(_NAME, f"New Colleague {click}")
