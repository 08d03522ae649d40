"""Rehearse the deployment of an environment: `python -m infra.rehearsal [dev|prod]`."""

import argparse
import asyncio
import sys
from pathlib import Path

from rich.console import Console

from infra.azure.snapshot import ENVIRONMENTS, Snapshot
from infra.local.stack.child import ROOT
from infra.local.stack.up import SCALES, STACK_ERRORS
from infra.rehearsal.deployment import Deployment
from infra.rehearsal.package import PackageUnusable, UnpackedPackage
from infra.rehearsal.scenario import rehearse

_DIRECTORY = ROOT / ".local" / "rehearsal"


async def run(environment: str, package: Path, directory: Path) -> list[str]:
    """Rehearse one environment and return what deviates from the expected result."""
    console = Console()
    console.print(f"Rehearsing {environment}: the package on stand-ins, with the settings and roles of the snapshot.")
    unpacked = UnpackedPackage(package, directory)
    deployment = Deployment(Snapshot.load(environment), unpacked, directory=directory, scale=SCALES["small"])
    async with deployment:
        await deployment.run_host()
        return await rehearse(deployment, console, directory / "demo.json")


def main() -> int:
    """Return 0 for the expected result. Return 1 after printing what deviates, or why the rehearsal cannot run."""
    parser = argparse.ArgumentParser(prog="python -m infra.rehearsal", description=__doc__)
    parser.add_argument("environment", choices=ENVIRONMENTS, nargs="?", default="prod")
    parser.add_argument("--package", type=Path, default=ROOT / ".local" / "package.zip")
    given = parser.parse_args()
    try:
        wrong = asyncio.run(run(given.environment, given.package, _DIRECTORY / given.environment))
    except (*STACK_ERRORS, PackageUnusable) as error:
        print(error, file=sys.stderr)
        return 1
    for line in wrong:
        print(f"wrong: {line}", file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
