"""Results of benchmarks, and measuring two sides relative to each other in one run."""

import gc
import statistics
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from time import perf_counter, process_time
from typing import Any, Final

#: Number of rounds, of which the median counts. Each measures both sides, one directly after the other.
ROUNDS: Final = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """One figure, its goal, and the values behind it."""

    key: str
    value: float
    goal: float
    #: Whether a value of at least the goal is good; otherwise, at most the goal.
    at_least: bool = False
    #: Absolute values, sizes and counts by name. Names contain the unit.
    measured: Mapping[str, Any]

    @property
    def passed(self) -> bool:
        """Whether the goal is reached."""
        return self.value >= self.goal if self.at_least else self.value <= self.goal

    def shown(self) -> dict[str, Any]:
        """Return the entry of `.local/bench.json`."""
        sign = ">=" if self.at_least else "<="
        return {
            "value": round(self.value, 4),
            "goal": f"{sign} {self.goal:g}",
            "pass": self.passed,
            "measured": dict(self.measured),
        }


@dataclass(frozen=True, slots=True)
class Spent:
    """Time spent, in seconds."""

    cpu_s: float
    wall_s: float


async def spent(work: Callable[[], Awaitable[object]]) -> Spent:
    """Return the time that one execution takes this process, in all its threads.

    Existing objects are frozen, so that the garbage collector does not visit them, as in a worker.
    """
    gc.collect()
    gc.freeze()
    cpu, wall = process_time(), perf_counter()
    await work()
    return Spent(process_time() - cpu, perf_counter() - wall)


async def medians(
    first: Callable[[], Awaitable[object]], second: Callable[[], Awaitable[object]], *, rounds: int = ROUNDS
) -> tuple[Spent, Spent]:
    """Return the medians of both sides, measured alternately, after one round that does not count."""
    await first()
    await second()
    found = [(await spent(first), await spent(second)) for _ in range(rounds)]
    return _median([each for each, _ in found]), _median([each for _, each in found])


def _median(found: list[Spent]) -> Spent:
    return Spent(statistics.median(each.cpu_s for each in found), statistics.median(each.wall_s for each in found))
