"""The package runs by itself with the settings and roles of each environment, and syncs the demo tenants."""

from pathlib import Path

import pytest
from rich.console import Console

from infra.azure.snapshot import ENVIRONMENTS, Snapshot
from infra.package.build import SITE_PACKAGES
from infra.rehearsal.deployment import Deployment
from infra.rehearsal.package import UnpackedPackage
from infra.rehearsal.scenario import rehearse


@pytest.mark.parametrize("environment", ENVIRONMENTS)
async def test_the_demo_tenants_are_synced(environment: str, package: UnpackedPackage, tmp_path: Path) -> None:
    """Connect, timer, message, portal, renewal of a secret, removal; the gateways refuse nothing."""
    deployment = Deployment(Snapshot.load(environment), package, directory=tmp_path, scale=0.01)
    async with deployment:
        await deployment.run_host()
        assert await rehearse(deployment, Console(quiet=True), tmp_path / "demo.json") == []


def test_modules_come_from_the_package(package: UnpackedPackage) -> None:
    """The interpreter has no site-packages; the folder of the host has only what the platform has."""
    interpreter, flags, _, _, *paths = package.command({})
    assert flags == "-ISB"
    assert ".venv" not in interpreter
    site_packages, host, repository, separator, *_ = paths
    assert separator == "--"
    assert Path(site_packages) == package.root / SITE_PACKAGES
    assert not {path.name for path in Path(host).iterdir()} & {path.name for path in Path(site_packages).iterdir()} - {
        "azure"
    }
    assert not Path(repository, "azure").exists()
