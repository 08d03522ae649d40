"""A run with few changes: requests to storage relative to those that the changed rows need.

Two measurements: 1 % at ten locations against the goal, and ten changes among a million people against ten among ten
thousand, at one location. Unchanged people should not cost requests.
"""

from collections.abc import Sequence
from typing import Final

from shared.domain.reconcile.write_batches import MAX_BATCH_RECIPIENTS
from shared.telemetry import RequestCounters
from tests.bench.crowd import Crowd
from tests.bench.product import product
from tests.bench.results import Result

_USERS: Final = (10_000, 100_000)
_LOCATIONS: Final = 10
#: Number of changed people, among few and among many.
_CHANGED: Final = 10
_FEW: Final = 10_000
_MANY: Final = 1_000_000
#: The goal: a factor for the requests that the changed rows need, and requests per changed location.
_SLACK: Final = 1.2
_EACH: Final = 30
#: Number of recipients that one request lists: with 1 % changed, each location is read whole.
_LISTED: Final = 1_000
#: The goal for `_CHANGED` among `_MANY`, in requests, below which they must stay.
_FEW_REQUESTS: Final = 80


async def measure() -> list[Result]:
    """Return the requests relative to the goal for each size, and those of few changes among many people."""
    return [*[await _of(users) for users in _USERS], *await _unchanged()]


async def _changed(users: int, locations: int, changed: Sequence[int]) -> RequestCounters:
    """Return the cost of a run in which these people have changed."""
    crowd = Crowd(users)
    async with product() as found:
        await found.onboard(crowd, locations)
        await found.sync()
        crowd.change(changed)
        run, cost = await found.sync()
        assert run.counts.updated == len(changed) * locations
    return cost


async def _unchanged() -> list[Result]:
    few, many = [
        (await _changed(users, 1, range(0, users, users // _CHANGED))).storage_requests for users in (_FEW, _MANY)
    ]
    measured = {"users": [_FEW, _MANY], "locations": 1, "changed": _CHANGED, "storage_requests": [few, many]}
    return [
        Result(key="one_percent_changed_unchanged", value=many / few, goal=1.5, measured=measured),
        Result(key="one_percent_changed_few", value=many, goal=_FEW_REQUESTS - 1, measured=measured),
    ]


async def _of(users: int) -> Result:
    changed = range(0, users, 100)
    cost = await _changed(users, _LOCATIONS, changed)
    rows = len(changed) * _LOCATIONS
    allowed = _SLACK * rows / MAX_BATCH_RECIPIENTS + (_EACH + users / _LISTED) * _LOCATIONS
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
