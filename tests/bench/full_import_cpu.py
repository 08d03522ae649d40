"""First sync of 10,000 people at 10 locations: CPU of the product and of the simple app."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
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
#: Pages of 999 of the simple app, the last of which has ten users.
_PAGES: Final = 11
_GOAL_CPU_S: Final = 4.0


async def measure() -> list[Result]:
    """Return the CPU ratio of the simple app to the product, and the product's CPU seconds.

    The simple app is measured once, because it takes minutes, and a sync of the product follows each of its pages and
    locations. What else a machine does adds to the CPU time of both sides, unequally, and comes and goes within a
    minute. So of each side the least counts: of all syncs, of the pages, and of the locations.
    """
    pages: list[Spent] = []
    locations: list[Spent] = []
    ours: list[Spent] = []
    async with directory(users=_USERS) as known, _simple_app(known) as simple:
        for _ in range(_PAGES):
            pages.append(await spent(simple.read))
            ours.append(await _ours(known))
        assert len(simple.people) == _USERS
        for number in range(_LOCATIONS):
            locations.append(await spent(partial(simple.write, number)))
            ours.append(await _ours(known))
    cpu_s = min(each.cpu_s for each in ours)
    *full, last = (each.cpu_s for each in pages)
    their_cpu_s = len(full) * min(full) + last + _LOCATIONS * min(each.cpu_s for each in locations)
    measured = {
        "users": _USERS,
        "locations": _LOCATIONS,
        "ours_cpu_s": [each.cpu_s for each in ours],
        "ours_wall_s": [each.wall_s for each in ours],
        "baseline_page_cpu_s": [each.cpu_s for each in pages],
        "baseline_location_cpu_s": [each.cpu_s for each in locations],
        "baseline_wall_s": sum(each.wall_s for each in (*pages, *locations)),
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


@dataclass(slots=True)
class _SimpleApp:
    pages: AsyncIterator[list[User]]
    table: TableClient
    people: list[User] = field(default_factory=list)

    async def read(self) -> None:
        self.people += await anext(self.pages)

    async def write(self, location: int) -> None:
        await baseline.write(self.table, f"location-{location}", self.people)


@asynccontextmanager
async def _simple_app(known: Directory) -> AsyncIterator[_SimpleApp]:
    graph, credential = baseline.client(known.credentials)
    with service() as (connection, _):
        async with credential, TableClient.from_connection_string(connection, "Baseline") as table:
            await table.create_table()
            yield _SimpleApp(baseline.users(graph, SELECT.split(",")), table)
