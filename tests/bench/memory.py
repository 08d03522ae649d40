"""Peak memory of a worker: a million people at one location, and a hundred thousand at ten."""

import json
import resource
import subprocess
import sys
from typing import Any, Final

from infra.local.stack.child import ROOT
from shared.domain.run import RunMode
from tests.bench.crowd import Crowd
from tests.bench.product import product
from tests.bench.results import Result

_CASES: Final = {"one_location": (1_000_000, 1), "ten_locations": (100_000, 10)}
_GOAL_MIB: Final = 400


async def measure() -> list[Result]:
    """Return both peaks in MiB, each measured in its own process."""
    return [
        Result(key=f"memory_{name}_mib", value=found["peak_mib"], goal=_GOAL_MIB, measured=found)
        for name in _CASES
        for found in [_apart(name)]
    ]


def _apart(name: str) -> dict[str, Any]:
    program = f"import asyncio; from tests.bench import memory; asyncio.run(memory.one({name!r}))"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


async def one(name: str) -> None:
    """Run a first sync, one with 1 % changed, and one that compares everything. Print the figures."""
    users, locations = _CASES[name]
    crowd = Crowd(users)
    async with product() as found:
        idle = _peak_mib()
        await found.onboard(crowd, locations)
        first, _ = await found.sync()
        after_first = _peak_mib()
        crowd.change(range(0, users, 100))
        second, _ = await found.sync()
        after_second = _peak_mib()
        third, _ = await found.sync(RunMode.FULL)
        assert (first.counts.created, second.counts.updated) == (users * locations, users // 100 * locations)
        assert third.finished_at is not None
        report = {
            "users": users,
            "locations": locations,
            "idle_mib": idle,
            "after_first_sync_mib": after_first,
            "after_incremental_mib": after_second,
            "peak_mib": _peak_mib(),
            "first_sync_s": (first.finished_at - first.requested_at).total_seconds() if first.finished_at else None,
            "full_again_s": (third.finished_at - third.requested_at).total_seconds(),
        }
    print(json.dumps(report))


def _peak_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
