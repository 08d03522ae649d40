"""What a benchmark found, and how two things are measured against each other within one run."""

import gc
import statistics
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from time import perf_counter, process_time
from typing import Any, Final

#: Rounds of which the median counts. In each, both sides are measured, one right after the other.
ROUNDS: Final = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """One figure, the goal it is held to, and what it was made of."""

    key: str
    value: float
    goal: float
    #: Whether a value at the goal or above it is good; otherwise at it or below.
    at_least: bool = False
    #: Absolute values, sizes and counts, by name, with the unit in the name.
    measured: Mapping[str, Any]

    @property
    def passed(self) -> bool:
        """Whether the goal is reached."""
        return self.value >= self.goal if self.at_least else self.value <= self.goal

    def shown(self) -> dict[str, Any]:
        """Return what stands in `.local/bench.json`."""
        sign = ">=" if self.at_least else "<="
        return {
            "value": round(self.value, 4),
            "goal": f"{sign} {self.goal:g}",
            "pass": self.passed,
            "measured": dict(self.measured),
        }


@dataclass(frozen=True, slots=True)
class Spent:
    """What something took, in seconds."""

    cpu_s: float
    wall_s: float


async def spent(work: Callable[[], Awaitable[object]]) -> Spent:
    """Return what one execution takes this process, in all its threads.

    What was there before is not its doing: the collector does not look through it, as in a worker (`turns.loading`).
    """
    gc.collect()
    gc.freeze()
    cpu, wall = process_time(), perf_counter()
    await work()
    return Spent(process_time() - cpu, perf_counter() - wall)


async def medians(
    first: Callable[[], Awaitable[object]], second: Callable[[], Awaitable[object]], *, rounds: int = ROUNDS
) -> tuple[Spent, Spent]:
    """Return the medians of both sides, measured in turn, after one round that does not count."""
    await first()
    await second()
    found = [(await spent(first), await spent(second)) for _ in range(rounds)]
    return _median([each for each, _ in found]), _median([each for _, each in found])


def _median(found: list[Spent]) -> Spent:
    return Spent(statistics.median(each.cpu_s for each in found), statistics.median(each.wall_s for each in found))
