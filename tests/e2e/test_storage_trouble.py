"""One process per scale group, as in Azure, whose storage fails in the middle of a sync."""

from pathlib import Path

import aiohttp
import pytest

from infra.local.azurite import Azurite
from infra.local.demo.api import Api
from infra.local.stack.local_stack import LocalStack
from infra.local.stack.ports import Ports
from tests.e2e.conftest import IMPATIENT, SCALE
from tests.e2e.rows import stored_recipients
from tests.e2e.waiting import until
from tests.support.storage_front import front_of

pytestmark = pytest.mark.e2e

FULL = {"mode": "full"}
LOCATIONS = [f"room-{number}" for number in range(12)]
ENVIRONMENT = {
    **IMPATIENT,
    "WATCHDOG_STALE_AFTER_S": "10",
    # Six tries take three seconds, and the lease of a timer lasts for 15 s.
    "FUNCTIONS_HOST_WAITS": "0.1",
    # One job after the other, so that there is a middle.
    "AzureFunctionsJobHost__extensions__queues__batchSize": "1",
    "AzureFunctionsJobHost__extensions__queues__newBatchThreshold": "0",
}


@pytest.mark.timeout(300)
async def test_a_sync_survives_trouble_with_the_storage(tmp_path: Path) -> None:
    """A role and then the whole storage are taken away: the host ends and starts again, and the run completes."""
    ports, log = Ports.free(), tmp_path / "logs" / "host.log"
    behind = Azurite(blob_port=ports.blob, queue_port=ports.queue, table_port=ports.table)
    async with front_of(behind) as front:
        environment = {**ENVIRONMENT, "AzureWebJobsStorage": front.address.connection_string}
        stack = LocalStack(directory=tmp_path, ports=ports, scale=SCALE, environment=environment, host="groups")

        async def ended() -> int:
            return log.read_text(encoding="utf-8").count("The host ends")

        async with stack, Api(stack.info) as api:

            async def ready() -> bool:
                try:
                    async with api.session.get(f"{stack.info['api']}/health") as response:
                        return response.ok
                except aiohttp.ClientError:
                    return False

            for tenant in ("undisturbed", "disturbed"):
                await api.onboard(tenant, directory="contoso", preferences=FULL, locations=LOCATIONS)
            whole = await api.finished("undisturbed", await api.sync("undisturbed"))
            assert (whole["state"], whole["counts"]["created"]) == ("done", 100 * len(LOCATIONS))

            run = await api.sync("disturbed")
            async for now in api.follow("disturbed", run, every_s=0.05):
                if now["progress"]["reconciled"] > 0:
                    break
            assert now["progress"]["reconciled"] < len(LOCATIONS), "nothing was left to do when the storage failed"
            with front.refusing("/messages", 403, "AuthorizationPermissionMismatch"):
                await until(ended)
            await until(ready)
            before = await ended()
            await front.down()

            async def ended_again() -> bool:
                return await ended() > before

            await until(ended_again, timeout_s=60)
            await front.up()
            await until(ready, timeout_s=60)
            done = await api.finished("disturbed", run, timeout_s=180)

            assert (done["state"], done["counts"], done["problems"]) == ("done", whole["counts"], [])
            expected = stored_recipients(stack.info["connection_string"], "undisturbed")
            assert stored_recipients(stack.info["connection_string"], "disturbed") == expected
