"""A run in which few people have changed: requests to storage against what the changed rows need.

One in a hundred, at ten locations, against the goal; and ten of a million against ten of ten thousand, at one: what
nobody has changed about is to cost nothing.
"""

from collections.abc import Sequence
from typing import Final

from shared.domain.reconcile.write_batches import MAX_RECIPIENTS
from shared.telemetry import RequestCounters
from tests.bench.crowd import Crowd
from tests.bench.product import product
from tests.bench.results import Result

_USERS: Final = (10_000, 100_000)
_LOCATIONS: Final = 10
#: How many have changed of few and of many people.
_CHANGED: Final = 10
_FEW: Final = 10_000
_MANY: Final = 1_000_000
#: Of the goal: part of the requests that the changed rows need, and requests for each location that is touched.
_SLACK: Final = 1.2
_EACH: Final = 30


async def measure() -> list[Result]:
    """Return the requests against what the goal allows, for each size, and those of many people against few."""
    return [*[await _of(users) for users in _USERS], await _unchanged()]


async def _changed(users: int, locations: int, changed: Sequence[int]) -> RequestCounters:
    """Return what a run costs in which these have changed."""
    crowd = Crowd(users)
    async with product() as found:
        await found.onboard(crowd, locations)
        await found.sync()
        crowd.change(changed)
        run, cost = await found.sync()
        assert run.counts.updated == len(changed) * locations
    return cost


async def _unchanged() -> Result:
    few, many = [
        (await _changed(users, 1, range(0, users, users // _CHANGED))).storage_requests for users in (_FEW, _MANY)
    ]
    return Result(
        key="one_percent_changed_unchanged",
        value=many / few,
        goal=1.5,
        measured={"users": [_FEW, _MANY], "locations": 1, "changed": _CHANGED, "storage_requests": [few, many]},
    )


async def _of(users: int) -> Result:
    changed = range(0, users, 100)
    cost = await _changed(users, _LOCATIONS, changed)
    rows = len(changed) * _LOCATIONS
    allowed = _SLACK * rows / MAX_RECIPIENTS + _EACH * _LOCATIONS
    return Result(
        key=f"one_percent_changed_{users}",
        value=cost.storage_requests / allowed,
        goal=1,
        measured={
            "users": users,
            "locations": _LOCATIONS,
            "changed_rows": rows,
            "storage_requests": cost.storage_requests,
            "allowed": allowed,
            "graph_requests": cost.directory_requests,
        },
    )
