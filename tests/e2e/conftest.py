"""The whole stack, started once for all end-to-end tests. HOST chooses its host, as for `make up`."""

import os
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from infra.local.demo.api import Api
from infra.local.stack.local_stack import LocalStack
from infra.local.stack.ports import Ports

#: The sample directories, 100 times smaller than in the demo.
SCALE = 0.01

#: A watchdog that looks often, so that a test of a crash need not wait for minutes; and no schedule, whose tick at a
#: full hour would start runs that no test has asked for.
IMPATIENT = {
    "WATCHDOG_SCHEDULE": "*/5 * * * * *",
    "WATCHDOG_STALE_AFTER_S": "20",
    "SYNC_SCHEDULE": "0 0 0 29 2 *",
}


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def stack(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[LocalStack]:
    """Storage, directories, vault and host on free ports: no clash with a stack that `make up` runs."""
    directory = tmp_path_factory.mktemp("stack")
    host = os.environ.get("HOST") or "local"
    async with LocalStack(
        directory=directory, ports=Ports.free(), scale=SCALE, environment=IMPATIENT, host=host
    ) as running:
        yield running


@pytest.fixture
async def api(stack: LocalStack) -> AsyncIterator[Api]:
    """The product's HTTP API."""
    async with Api(stack.info) as opened:
        yield opened
