"""A run in which one person in a hundred has changed: requests to storage against what the changed rows need."""

from typing import Final

from shared.domain.batches import MAX_RECIPIENTS
from tests.bench.crowd import Crowd
from tests.bench.product import product
from tests.bench.results import Result

_USERS: Final = (10_000, 100_000)
_LOCATIONS: Final = 10
#: Of the goal: part of the requests that the changed rows need, and requests for each location that is touched.
_SLACK: Final = 1.2
_EACH: Final = 30


async def measure() -> list[Result]:
    """Return the requests against what the goal allows, for each size."""
    return [await _of(users) for users in _USERS]


async def _of(users: int) -> Result:
    crowd = Crowd(users)
    async with product() as found:
        await found.onboard(crowd, _LOCATIONS)
        await found.sync()
        changed = range(0, users, 100)
        crowd.change(changed)
        run, cost = await found.sync()
        rows = len(changed) * _LOCATIONS
        assert run.counts.updated == rows
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
            "graph_requests": cost.graph_requests,
        },
    )
