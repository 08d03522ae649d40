"""First sync of 10,000 people at 10 locations: CPU of the product and of the simple app."""

from statistics import median
from typing import Final

from azure.data.tables.aio import TableClient

from shared.adapters.entra.schema import SELECT
from tests.bench.baseline import app as baseline
from tests.bench.entra import Directory, directories, directory
from tests.bench.product import product
from tests.bench.results import ROUNDS, Result, Spent, spent
from tests.bench.tables import service

_USERS: Final = 10_000
_LOCATIONS: Final = 10
_GOAL_CPU_S: Final = 4.0


async def measure() -> list[Result]:
    """Return the CPU ratio of the simple app to the product, and the product's CPU seconds.

    The simple app is measured once, because it takes minutes.
    """
    async with directory(users=_USERS) as known:
        ours = [await _ours(known) for _ in range(ROUNDS)]
        theirs = await _theirs(known)
    cpu_s = median(each.cpu_s for each in ours)
    measured = {
        "users": _USERS,
        "locations": _LOCATIONS,
        "ours_cpu_s": [each.cpu_s for each in ours],
        "ours_wall_s": [each.wall_s for each in ours],
        "baseline_cpu_s": theirs.cpu_s,
        "baseline_wall_s": theirs.wall_s,
    }
    return [
        Result(key="full_import_cpu", value=theirs.cpu_s / cpu_s, goal=60, at_least=True, measured=measured),
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


async def _theirs(known: Directory) -> Spent:
    graph, credential = baseline.client(known.credentials)
    with service() as (connection, _):
        async with credential, TableClient.from_connection_string(connection, "Baseline") as table:
            await table.create_table()

            async def work() -> None:
                people = await baseline.users(graph, SELECT.split(","))
                assert len(people) == _USERS
                for number in range(_LOCATIONS):
                    await baseline.write(table, f"location-{number}", people)

            return await spent(work)
