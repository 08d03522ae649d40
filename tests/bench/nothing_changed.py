"""A run in which nothing has changed: requests, and whether they and the time depend on the number of people."""

from statistics import median
from time import perf_counter
from typing import Final

from shared.telemetry import Usage
from tests.bench.crowd import Crowd
from tests.bench.product import product
from tests.bench.results import Result

_FEW: Final = 1_000
_MANY: Final = 1_000_000
#: Runs of which the median counts: each takes some milliseconds.
_RUNS: Final = 25


async def measure() -> list[Result]:
    """Return the requests, and the time of many people against that of few."""
    few, few_s = await _of(_FEW)
    many, many_s = await _of(_MANY)
    assert few == many, (few, many)
    measured = {"users": [_FEW, _MANY], "ms": [1_000 * few_s, 1_000 * many_s], "runs": _RUNS}
    return [
        Result(key="nothing_changed_graph_requests", value=many.graph_requests, goal=3, measured=measured),
        Result(key="nothing_changed_storage_requests", value=many.storage_requests, goal=25, measured=measured),
        Result(key="nothing_changed_time", value=many_s / few_s, goal=1.2, measured=measured),
    ]


async def _of(users: int) -> tuple[Usage, float]:
    async with product() as found:
        await found.onboard(Crowd(users), locations=1)
        await found.sync()
        await found.sync()
        took = []
        for _ in range(_RUNS):
            began = perf_counter()
            run, cost = await found.sync()
            took.append(perf_counter() - began)
            assert run.counts.created == run.counts.updated == 0
        return cost, median(took)
