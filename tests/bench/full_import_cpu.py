"""First sync of 10,000 people at 10 locations: CPU of the product and of the simple app."""

from collections.abc import AsyncIterator
from functools import partial
from statistics import median
from typing import Final

from azure.data.tables.aio import TableClient
from msgraph.generated.models.user import User

from shared.adapters.entra.schema import SELECT
from tests.bench.baseline import app as baseline
from tests.bench.entra import Directory, directories, directory
from tests.bench.product import product
from tests.bench.results import Result, Spent, spent
from tests.bench.tables import service

_USERS: Final = 10_000
_LOCATIONS: Final = 10
_GOAL_CPU_S: Final = 4.0


async def measure() -> list[Result]:
    """Return the CPU ratio of the simple app to the product, and the product's CPU seconds.

    The simple app is measured once, because it takes minutes. A sync of the product follows each of its
    locations, so that a machine whose speed drifts disturbs both alike.
    """
    ours: list[Spent] = []
    theirs: list[Spent] = []
    async with directory(users=_USERS) as known:
        async for part in _theirs(known):
            theirs.append(part)
            ours.append(await _ours(known))
    cpu_s, their_cpu_s = median(each.cpu_s for each in ours), sum(part.cpu_s for part in theirs)
    measured = {
        "users": _USERS,
        "locations": _LOCATIONS,
        "ours_cpu_s": [each.cpu_s for each in ours],
        "ours_wall_s": [each.wall_s for each in ours],
        "baseline_cpu_s": their_cpu_s,
        "baseline_wall_s": sum(part.wall_s for part in theirs),
    }
    return [
        Result(key="full_import_cpu", value=their_cpu_s / cpu_s, goal=60, at_least=True, measured=measured),
        Result(key="full_import_cpu_s", value=cpu_s, goal=_GOAL_CPU_S, measured=measured),
    ]


async def _ours(known: Directory) -> Spent:
    factory = directories()
    async with product(factory=factory) as found:
        await found.connect(known.credentials, _LOCATIONS)

        async def work() -> None:
            run, _ = await found.sync()
            assert run.counts.created + run.counts.skipped == _USERS * _LOCATIONS

        took = await spent(work)
    await factory.close()
    return took


async def _theirs(known: Directory) -> AsyncIterator[Spent]:
    """Yield what reading took, and what each location took."""
    graph, credential = baseline.client(known.credentials)
    with service() as (connection, _):
        async with credential, TableClient.from_connection_string(connection, "Baseline") as table:
            await table.create_table()
            people: list[User] = []

            async def read() -> None:
                people.extend(await baseline.users(graph, SELECT.split(",")))

            yield await spent(read)
            assert len(people) == _USERS
            for number in range(_LOCATIONS):
                yield await spent(partial(baseline.write, table, f"location-{number}", people))
