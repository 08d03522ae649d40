"""First sync of 10,000 people at 10 locations, while the Table service enforces the documented rows per second."""

from time import perf_counter
from typing import Final

from shared.domain.ids import LocationId, TenantId
from tests.bench.crowd import Crowd
from tests.bench.product import TENANT, product
from tests.bench.results import Result
from tests.support.table_service.rates import ACCOUNT_ROWS_S, PARTITION_ROWS_S

_USERS: Final = 10_000
_LOCATIONS: Final = 10


async def measure() -> Result:
    """Return the time relative to the bound. Raises AssertionError if a row is missing."""
    limits = ["--partition-rows-s", str(PARTITION_ROWS_S), "--account-rows-s", str(ACCOUNT_ROWS_S)]
    async with product(*limits) as found:
        await found.onboard(Crowd(_USERS), _LOCATIONS)
        began = perf_counter()
        run, cost = await found.sync()
        took_s = perf_counter() - began
        store = found.world.ports.recipients
        for number in range(_LOCATIONS):
            rows = [each async for each in store.list_recipients(TenantId(TENANT), LocationId(f"location-{number}"))]
            assert len(rows) == _USERS
    bound_s = max(_USERS / PARTITION_ROWS_S, _USERS * _LOCATIONS / ACCOUNT_ROWS_S)
    return Result(
        key="full_import_bound",
        value=took_s / bound_s,
        goal=1.3,
        measured={
            "seconds": took_s,
            "bound_s": bound_s,
            "created": run.counts.created,
            "storage_requests": cost.storage_requests,
            "users": _USERS,
            "locations": _LOCATIONS,
        },
    )
