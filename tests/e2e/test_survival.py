"""Killed in the middle, and everything delivered twice: the recipients are the same, byte for byte."""

import asyncio
from pathlib import Path

import pytest

from infra.local.demo.api import Api
from infra.local.demo.scenes import onboard_fabrikam
from infra.local.demo.simulator import Simulator
from infra.local.stack.local_stack import LocalStack
from infra.local.stack.ports import Ports
from tests.e2e.conftest import IMPATIENT, SCALE
from tests.e2e.rows import stored_recipients

pytestmark = pytest.mark.e2e

FULL = {"mode": "full"}
#: Enough work that a host can be killed in the middle of it.
MANY = [f"room-{number:02d}" for number in range(40)]
#: A host that does one job of a queue after the other, so that there is a middle on a fast machine, too.
ONE_BY_ONE = {
    "AzureFunctionsJobHost__extensions__queues__batchSize": "1",
    "AzureFunctionsJobHost__extensions__queues__newBatchThreshold": "0",
}


@pytest.mark.timeout(360)
async def test_a_host_killed_in_the_middle_of_the_first_sync_changes_nothing(api: Api, stack: LocalStack) -> None:
    """The run completes after a restart, with the recipients and counts of an undisturbed one."""
    await api.onboard("undisturbed", directory="contoso", preferences=FULL, locations=MANY)
    await api.onboard("killed", directory="contoso", preferences=FULL, locations=MANY)
    whole = await api.finished("undisturbed", await api.sync("undisturbed"))
    assert whole["state"] == "done"

    await stack.stop_host()
    await stack.start_host(ONE_BY_ONE)
    run = await api.sync("killed")
    async for now in api.follow("killed", run, every_s=0.05):
        if now["progress"]["reconciled"] > 0:
            break
    assert now["progress"]["reconciled"] < len(MANY), "nothing was left to do when the host was killed"
    stack.kill_host()
    await stack.start_host()
    # The lease of the killed host's watchdog lasts for a minute, and the next attempt may be a minute later.
    done = await api.finished("killed", run, timeout_s=300)

    assert (done["state"], done["counts"], done["problems"]) == ("done", whole["counts"], [])
    connection_string = stack.info["connection_string"]
    expected = stored_recipients(connection_string, "undisturbed")
    assert len(expected) == whole["counts"]["created"]
    assert stored_recipients(connection_string, "killed") == expected


@pytest.mark.timeout(240)
async def test_every_message_delivered_twice_changes_nothing(tmp_path: Path) -> None:
    """A host that fails to delete what succeeded, as a drained one may: same recipients, same counts, one run each."""
    results = []
    for redeliver in ("0", "1"):
        environment = {**IMPATIENT, "FUNCTIONS_HOST_REDELIVER": redeliver}
        async with (
            LocalStack(
                directory=tmp_path / redeliver, ports=Ports.free(), scale=SCALE, environment=environment
            ) as stack,
            Api(stack.info) as api,
            Simulator(stack.info) as simulator,
        ):
            await api.onboard("contoso", preferences=FULL, locations=MANY[:5])
            await onboard_fabrikam(api, simulator)
            tenants = ("contoso", "fabrikam")
            runs = [await api.sync(tenant) for tenant in tenants]
            finished = await asyncio.gather(
                *(api.finished(tenant, run) for tenant, run in zip(tenants, runs, strict=True))
            )
            listed = [len((await api.call("GET", f"/tenants/{tenant}/runs"))["runs"]) for tenant in tenants]
            rows = [stored_recipients(stack.info["connection_string"], tenant) for tenant in tenants]
            results.append(([(run["state"], run["counts"]) for run in finished], listed, rows))
            if redeliver == "1":
                log = (tmp_path / redeliver / "logs" / "host.log").read_text(encoding="utf-8")
    assert results[0] == results[1]
    assert results[0][1] == [1, 1]
    assert log.count("Executed 'Functions.fetch_jobs'") >= 2 * 41
