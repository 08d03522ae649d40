"""Put load on the local stack, and print the figures: `make load`. They go to `.local/load.json`."""

import argparse
import asyncio
import json
import random
import sys
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter, time
from typing import Any, Final

from infra.local.stack.child import ROOT
from infra.local.stack.local_stack import LocalStack
from infra.local.stack.ports import Ports
from infra.local.stack.up import STACK_ERRORS
from tests.load import traffic
from tests.load.callbacks import recorded
from tests.load.caller import Caller
from tests.load.customers import connect, create_for_files
from tests.load.hostile import hostile_requests
from tests.load.samples import Samples, figures, slowest_paths
from tests.load.worker import FOLDER

OUT: Final = ROOT / ".local" / "load.json"
#: People in the portal at the same time.
_PEOPLE: Final = 8
#: People of the files that are uploaded during the measurement.
_UPLOADED: Final = 2_000
#: The timer fires when the load tells it to. A watchdog that looks every minute is part of the load.
_ENVIRONMENT: Final = {"SYNC_SCHEDULE": "0 0 0 29 2 *", "FUNCTIONS_HOST_WORKER": "tests.load.worker"}
#: Time in which messages start the worker processes that the tick has not started, in seconds.
_WARM_UP_S: Final = 10.0
#: Time after which the whole program gives up, in seconds.
_GIVEN_UP_S: Final = 900.0


def main() -> int:
    """Measure, store and print. Return 1 if the stack could not be started, or a driver failed."""
    parser = argparse.ArgumentParser(prog="python -m tests.load", description=__doc__)
    parser.add_argument("--tenants", type=int, default=500)
    parser.add_argument("--people", type=int, default=50_000, help="recipients of the location that is searched")
    parser.add_argument("--seconds", type=float, default=90.0, help="length of the measurement")
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args()
    try:
        found = asyncio.run(asyncio.wait_for(_measure(chosen), _GIVEN_UP_S))
    except (*STACK_ERRORS, TimeoutError) as error:
        print(f"The load could not be measured: {error or 'it took too long'}", file=sys.stderr)
        return 1
    OUT.parent.mkdir(exist_ok=True)
    OUT.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    for name, value in found.items():
        print(f"{name:24} {value if isinstance(value, int) else json.dumps(value)}")
    return 0


async def _measure(chosen: argparse.Namespace) -> dict[str, Any]:
    with TemporaryDirectory() as folder:
        environment = {**_ENVIRONMENT, FOLDER: folder}
        async with (
            LocalStack(
                directory=Path(folder) / "stack", ports=Ports.free(), scale=0.01, environment=environment, host="groups"
            ) as stack,
            Caller(stack.info) as caller,
        ):
            began_s = perf_counter()
            tenants = [f"customer-{number:04d}" for number in range(chosen.tenants)]
            await connect(stack.info, tenants[:1])
            await create_for_files(stack.info)
            await _warm_up(stack, caller, tenants[0], chosen.people)
            await connect(stack.info, tenants[1:])
            prepared_s = perf_counter() - began_s
            caller.samples, since_s = Samples(), time()
            await caller.tick()
            searches_s = await _under_load(stack, caller, tenants, chosen)
            measured_s = time() - since_s
            samples, callbacks = caller.samples, recorded(Path(folder), since_s, since_s + measured_s)
            synced = await _synced(caller)
    return {
        "tenants": chosen.tenants,
        "synced": synced,
        "searched_people": chosen.people,
        "prepared_s": round(prepared_s),
        "measured_s": round(measured_s),
        **{name: round(value, 2) for name, value in figures(samples).items()},
        "get_p99_by_path_ms": slowest_paths(samples),
        "searches_s": [round(one, 1) for one in searches_s],
        "hostile": len(samples.latencies_s.get("hostile", [])),
        "longest_callback_ms": round(1_000 * callbacks[0].cpu_s, 1) if callbacks else 0.0,
        "longest_callbacks": [f"{1_000 * one.cpu_s:.0f} ms {one.what}" for one in callbacks[:10]],
        "statuses": {str(status): count for status, count in sorted(samples.statuses.items())},
        "wrong": dict(samples.errors.most_common(20)),
    }


async def _warm_up(stack: LocalStack, caller: Caller, tenant: str, people: int) -> None:
    """Start every worker process, and let it import what it needs, before anything is measured."""
    await traffic.upload(caller, traffic.LARGE, traffic.csv_of(people, "Department"))
    for name in traffic.FILES:
        path = f"/tenants/{name}/locations/{traffic.LOCATION}/recipients"
        await caller.call("POST", path, content=traffic.csv_of(10, "IT"), headers={"Content-Type": "text/csv"})
    await caller.call("POST", f"/tenants/{tenant}/runs", body={"mode": "full"})
    for path in ("/overview", f"/tenants/{tenant}", f"/tenants/{tenant}/runs", f"/tenants/{tenant}/connection"):
        await caller.get(path)
    await traffic.search(caller, "nothing like this")
    await caller.tick()
    by_hand = traffic.messages(stack.info["connection_string"], [tenant], random.Random(0))
    with suppress(TimeoutError):
        await asyncio.wait_for(by_hand, _WARM_UP_S)
    for request in hostile_requests(traffic.FILES[0], traffic.LOCATION):
        await caller.call(request.method, request.path, content=request.content, headers=request.headers)


async def _under_load(stack: LocalStack, caller: Caller, tenants: list[str], chosen: argparse.Namespace) -> list[float]:
    """Run all drivers for the chosen time. Return how long each round of searches took, in seconds."""
    rng, searched = random.Random(chosen.seed), list[float]()

    async def search() -> None:
        while True:
            await asyncio.sleep(15)
            searched.append(await traffic.searches(caller))

    drivers = [
        *(traffic.portal(caller, tenants, random.Random(rng.random())) for _ in range(_PEOPLE)),
        traffic.operator(caller),
        traffic.messages(stack.info["connection_string"], tenants, rng),
        *(traffic.small_files(caller, name) for name in traffic.FILES[1:3]),
        traffic.large_files(caller, traffic.FILES[3], _UPLOADED),
        traffic.hostile(caller),
        search(),
    ]
    async with _running(drivers):
        await asyncio.sleep(chosen.seconds)
    return searched


@asynccontextmanager
async def _running(drivers: list[Coroutine[Any, Any, None]]) -> AsyncIterator[None]:
    """Run drivers inside the context. An error of one of them is raised at its end."""
    tasks = [asyncio.create_task(driver) for driver in drivers]
    try:
        yield
    finally:
        failed = [task for task in tasks if task.done()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for task in failed:
            task.result()


async def _synced(caller: Caller) -> int:
    """Return the number of tenants that the tick, or a message, has synced by now."""
    count, cursor = 0, ""
    while True:
        page = await caller.call("GET", f"/overview?limit=1000{cursor}")
        count += sum(line["lastSuccessAt"] is not None for line in page["tenants"])
        if page["cursor"] is None:
            return count
        cursor = f"&cursor={page['cursor']}"


if __name__ == "__main__":
    sys.exit(main())
