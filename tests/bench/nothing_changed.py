"""A run without changes: its requests, and whether they and its time depend on the number of people."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from statistics import median
from time import perf_counter
from typing import Final

from shared.telemetry import RequestCounters
from tests.bench.crowd import Crowd
from tests.bench.product import Product, product
from tests.bench.results import Result

_FEW: Final = 1_000
_MANY: Final = 1_000_000
_ONE: Final = 1
_TEN: Final = 10
#: Number of runs, of which the median counts. Each takes some milliseconds.
_RUNS: Final = 25


async def measure() -> list[Result]:
    """Return the requests, including those to queues, and the time for many people relative to few."""
    async with _settled(_FEW, _ONE) as few, _settled(_MANY, _ONE) as many, _settled(_FEW, _TEN) as wide:
        found = [[await _run(each) for each in (few, many, wide)] for _ in range(_RUNS)]
    (cost, *_), *_ = found
    assert all(each.cost == cost.cost and each.messages == cost.messages for row in found for each in row), found
    few_s, many_s, wide_s = (median(row[number].took_s for row in found) for number in range(3))
    measured = {
        "users_and_locations": [[_FEW, _ONE], [_MANY, _ONE], [_FEW, _TEN]],
        "ms": [1_000 * each for each in (few_s, many_s, wide_s)],
        "table_requests": cost.cost.storage_requests,
        "messages": cost.messages,
        "runs": _RUNS,
    }
    storage = cost.cost.storage_requests + cost.messages
    return [
        Result(key="nothing_changed_graph_requests", value=cost.cost.directory_requests, goal=3, measured=measured),
        Result(key="nothing_changed_storage_requests", value=storage, goal=25, measured=measured),
        Result(key="nothing_changed_time", value=many_s / few_s, goal=1.2, measured=measured),
    ]


@dataclass(frozen=True, slots=True)
class _Ran:
    cost: RequestCounters
    messages: int
    took_s: float


@asynccontextmanager
async def _settled(users: int, locations: int) -> AsyncIterator[Product]:
    """Yield a deployment whose tenant was synced twice."""
    async with product() as found:
        await found.onboard(Crowd(users), locations)
        await found.sync()
        await found.sync()
        yield found


async def _run(found: Product) -> _Ran:
    before, began = found.messages, perf_counter()
    run, cost = await found.sync()
    took_s = perf_counter() - began
    assert run.counts.created == run.counts.updated == 0
    return _Ran(cost, found.messages - before, took_s)
