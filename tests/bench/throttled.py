"""Two syncs of a tenant in groups mode under Graph's rate limit: their time relative to the bound, and their behaviour.

The directory has 40 users, so the simulator grants it 3,500 resource units in ten seconds
(https://learn.microsoft.com/graph/throttling-limits#identity-and-access-service-limits), and 220 groups of 32. A page
has two members, so that there are page tokens, and units to spend without thousands of jobs. There are 3,520 requests
of 4 units each (`transitiveMembers` with `$select`).

**The bound** follows from the enforced rule. A window begins with its first request, lasts ten seconds, and grants
3,500 units. So a sync of U units needs ceil(U / 3,500) windows, and all but the last must pass completely:
10 s * (ceil(U / 3,500) - 1), regardless of the time of a request. U is the number of units that the simulator granted,
here slightly more than four windows. The value also includes the time before the first request and in the last window,
and all of storage and CPU; the bound does not. Only the import of the SDK, which `cold_start` measures, comes before.

**The rounds.** In the first sync, requests take 50 ms, and all people become recipients. Then one person is deleted and
one disabled, and the second sync, at 0 ms, checks both in batches. Each sync passes four complete windows. So it is
four measurements in a row, and takes 40 s. Therefore each runs once, and `throttled` is the worse of the two. Then a
new deployment runs both again, while page tokens expire, and requests and parts of batches are refused, with and
without `Retry-After`, at several places. Recipients, and the runs' states, counts, reports and problems must be
the same.

The product has in-memory storage, and otherwise the deployed workflows and Graph adapter.
"""

import asyncio
import dataclasses
import math
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from time import perf_counter
from typing import Any, Final

from infra.local.demo.simulator import Simulator
from infra.local.entra.state.throttle import WINDOW_S, limit_units
from shared.adapters.clock import SystemClock
from shared.adapters.id_source import RandomIdSource
from shared.domain.ids import ObjectId, object_id
from shared.domain.preferences.preferences import Mode, Preferences
from shared.domain.run import Run, RunMode
from tests.bench.entra import Directory, directories, directory
from tests.bench.product import TENANT, DelayingQueue, Product
from tests.bench.results import Result
from tests.support.fakes import entra_providers, fake_ports
from tests.support.world import World

_USERS: Final = 40
_GROUPS: Final = 220
_GROUP_SIZE: Final = 32
_PAGE: Final = 2
_LOCATIONS: Final = 4
_LATENCIES_MS: Final = (50, 0)
_EXPIRED: Final = {
    "type": "respond",
    "status": 400,
    "body": {"error": {"code": "Directory_ExpiredPageToken", "message": "The page token has expired."}},
}
_UNTOLD: Final = {"type": "throttled", "retry_after_s": None}
_PAGES: Final = "transitiveMembers"
#: Faults in each sync of the second deployment; `nth` counts matching requests.
_DISTURBANCES: Final[tuple[Sequence[dict[str, Any]], ...]] = (
    (
        {"path": "skiptoken", "nth": 60, "count": 3, "action": _EXPIRED},
        {"path": "skiptoken", "nth": 1_500, "count": 2, "action": _EXPIRED},
        {"path": _PAGES, "nth": 300, "count": 1, "action": _UNTOLD},
        {"path": _PAGES, "nth": 2_000, "count": 4, "action": _UNTOLD},
    ),
    (
        {"path": "skiptoken", "nth": 900, "count": 3, "action": _EXPIRED},
        {"path": _PAGES, "nth": 1_200, "count": 2, "action": _UNTOLD},
        {"in_batch": True, "nth": 4, "count": 3, "action": {"type": "throttled", "retry_after_s": 2}},
        {"in_batch": True, "nth": 12, "count": 2, "action": _UNTOLD},
        # longer than a worker waits: the job is put back, and repeats all its requests
        {"in_batch": True, "nth": 24, "count": 1, "action": {"type": "throttled", "retry_after_s": 12}},
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Round:
    """One sync: its result, its time, and the counts of the simulator."""

    run: Run
    rows: dict[str, str]
    wall_s: float
    put_back: int
    seen: dict[str, Any]

    @property
    def bound_s(self) -> float:
        """Return the least time by the number of windows, in seconds."""
        units: int = self.seen["resource_units"]
        return WINDOW_S * (math.ceil(units / limit_units(_USERS)) - 1)

    def differences(self, other: "_Round") -> int:
        """Return the number of recipients that differ, are missing or are extra, plus one if the runs differ."""
        rows = sum(self.rows.get(key) != other.rows.get(key) for key in self.rows.keys() | other.rows.keys())
        mine, others = (
            (each.run.state, each.run.counts, each.run.locations, each.run.problems) for each in (self, other)
        )
        return rows + (mine != others)


async def measure() -> list[Result]:
    """Return the wall time relative to the bound, and the shares of refused requests.

    The result also contains the number of rows that faults change.
    """
    calm, disturbed = await _rounds(((), ())), await _rounds(_DISTURBANCES)
    slowest = max(each.wall_s / each.bound_s for each in calm)
    refused = max(each.seen["refused"] / each.seen["total"] for each in calm)
    waiting = sum(each.seen["sent_while_waiting"] for each in (*calm, *disturbed))
    differences = sum(mine.differences(other) for mine, other in zip(calm, disturbed, strict=True))
    sizes = {"users": _USERS, "groups": _GROUPS, "users_per_group": _GROUP_SIZE, "latency_ms": _LATENCIES_MS}
    measured = {
        **sizes,
        "undisturbed": [_shown(each) for each in calm],
        "disturbed": [_shown(each) for each in disturbed],
    }
    return [
        Result(key="throttled", value=slowest, goal=1.1, measured=measured),
        Result(key="throttled_refused_share", value=refused, goal=0.01, measured=sizes),
        Result(key="throttled_sent_while_waiting", value=waiting, goal=0, measured=sizes),
        Result(key="throttled_differences", value=differences, goal=0, measured={"rows": len(calm[-1].rows)}),
    ]


async def _rounds(disturbances: Sequence[Sequence[dict[str, Any]]]) -> list[_Round]:
    """Return both syncs of a new deployment with a new directory, which is the same every time."""
    async with (
        directory(users=_USERS, groups=_GROUPS, group_size=_GROUP_SIZE) as known,
        Simulator({"simulator_admin": known.admin.removesuffix("/admin")}) as entra,
        _deployment(known) as product,
    ):
        await entra.call("PATCH", "/settings", {"page_size_max": _PAGE})
        first = await _round(product, entra, _LATENCIES_MS[0], disturbances[0])
        gone, disabled = await entra.people(known.name, 2)
        await entra.call("DELETE", f"/directories/{known.name}/users/{gone}")
        await entra.call("PATCH", f"/directories/{known.name}/users/{disabled}", {"accountEnabled": False})
        await asyncio.sleep(WINDOW_S)  # so that each sync starts with a new window
        return [first, await _round(product, entra, _LATENCIES_MS[1], disturbances[1])]


@asynccontextmanager
async def _deployment(known: Directory) -> AsyncIterator[Product]:
    """Yield an in-memory deployment with one tenant, whose locations share the groups."""
    factory = directories()
    world = World(
        dataclasses.replace(
            fake_ports(),
            queue=DelayingQueue(),
            clock=SystemClock(),
            ids=RandomIdSource(SystemClock()),
            providers=entra_providers(factory),
        )
    )
    groups = [object_id(each["id"]) for each in known.known["groups"]]
    mapping: dict[str, Sequence[ObjectId]] = {
        f"location-{number}": groups[number::_LOCATIONS] for number in range(_LOCATIONS)
    }
    async with factory.open(known.credentials):
        pass  # imports the SDK without sending a request
    await world.connected(TENANT, known.credentials, Preferences(mode=Mode.GROUPS), mapping)
    try:
        yield Product(world)
    finally:
        await factory.close()


async def _round(product: Product, entra: Simulator, latency_ms: int, faults: Sequence[dict[str, Any]]) -> _Round:
    """Return a sync with these faults at this latency."""
    await entra.call("PATCH", "/settings", {"latency_ms": latency_ms})
    await entra.call("DELETE", "/faults")
    for fault in faults:
        await entra.call("POST", "/faults", fault)
    await entra.call("DELETE", "/metrics")
    put_back, began_s = product.put_back, perf_counter()
    run, _ = await product.sync(RunMode.INCREMENTAL)
    wall_s = perf_counter() - began_s
    seen = await entra.call("GET", "/metrics")
    armed = (await entra.call("GET", "/faults"))["faults"]
    assert all(each["fired"] == each["fault"]["count"] for each in armed), armed
    stored = await product.world.everything(TENANT)
    rows = {f"{location}/{each.id}": each.tag() for location, found in stored.items() for each in found}
    return _Round(run=run, rows=rows, wall_s=wall_s, put_back=product.put_back - put_back, seen=seen)


def _shown(found: _Round) -> dict[str, object]:
    names = ("total", "resource_units", "refused", "sent_while_waiting")
    return {
        "wall_s": round(found.wall_s, 2),
        "bound_s": found.bound_s,
        "ratio": round(found.wall_s / found.bound_s, 3),
        "put_back": found.put_back,
        "counts": str(found.run.counts),
        **{name: found.seen[name] for name in names},
    }
