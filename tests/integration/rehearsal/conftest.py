"""The package on the stand-ins of `prod`, with a host that every test may restart."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from infra.azure.snapshot import Snapshot
from infra.package.build import Built
from infra.rehearsal.deployment import Deployment
from infra.rehearsal.package import UnpackedPackage

#: The sample directories, 100 times smaller than in the demo.
SCALE = 0.01


@pytest.fixture(scope="session")
def package(built: Built, tmp_path_factory: pytest.TempPathFactory) -> UnpackedPackage:
    """The package, unpacked into an empty folder."""
    return UnpackedPackage(built.path, tmp_path_factory.mktemp("unpacked"))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stand_ins(package: UnpackedPackage, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Deployment]:
    """The stand-ins of `prod`, whose host runs as the last test needed it."""
    directory = tmp_path_factory.mktemp("rehearsal")
    async with Deployment(Snapshot.load("prod"), package, directory=directory, scale=SCALE) as running:
        yield running


@pytest_asyncio.fixture(loop_scope="module")
async def deployment(stand_ins: Deployment) -> Deployment:
    """The stand-ins of `prod` with a host that has every setting and all functions."""
    await stand_ins.run_host()
    return stand_ins
