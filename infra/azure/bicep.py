"""Microsoft's Bicep compiler, and the snapshots that it writes: `python -m infra.azure.bicep`."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

from infra.azure.snapshot import ENVIRONMENTS, FOLDER

#: Ids and region that every snapshot is made for, so that it is the same on every machine.
_DEPLOYMENT: Final = (
    *("--subscription-id", "00000000-0000-0000-0000-000000000001"),
    *("--tenant-id", "00000000-0000-0000-0000-000000000002"),
    *("--location", "westeurope"),
)


class BicepUnavailable(Exception):
    """The compiler is not installed. The message says how to install it."""


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the compiler and return its exit code and output.

    Raises:
        BicepUnavailable: `bicep` is not on the PATH.
    """
    compiler = shutil.which("bicep")
    if compiler is None:
        raise BicepUnavailable("No `bicep` on the PATH: docs/how-to/install-bicep.md says how to install it.")
    return subprocess.run([compiler, *arguments], cwd=FOLDER, capture_output=True, text=True, check=False)


def snapshot(file: Path, *, mode: str) -> subprocess.CompletedProcess[str]:
    """Write the snapshot of a parameters file (mode `overwrite`), or compare it with the stored one (`validate`).

    Raises:
        BicepUnavailable: `bicep` is not on the PATH.
    """
    return run("snapshot", str(file), "--mode", mode, "--deployment-name", file.stem, *_DEPLOYMENT)


def sort_outputs(environment: str) -> None:
    """Sort the outputs in a stored snapshot, which the compiler writes in another order each time."""
    path = FOLDER / "environments" / f"{environment}.snapshot.json"
    content = json.loads(path.read_text(encoding="utf-8"))
    content["outputs"] = dict(sorted(content["outputs"].items()))
    path.write_text(json.dumps(content, indent=2, ensure_ascii=False), encoding="utf-8")


def parameters(environment: str) -> Path:
    """Return the file with the parameters of an environment."""
    return FOLDER / "environments" / f"{environment}.bicepparam"


def main() -> int:
    """Write the snapshots. Return 0, or 1 after printing why one cannot be written."""
    try:
        written = [snapshot(parameters(environment), mode="overwrite") for environment in ENVIRONMENTS]
    except BicepUnavailable as error:
        print(error, file=sys.stderr)
        return 1
    for environment, done in zip(ENVIRONMENTS, written, strict=True):
        if done.returncode == 0:
            sort_outputs(environment)
    print("".join(done.stdout + done.stderr for done in written), end="")
    return max(done.returncode for done in written)


if __name__ == "__main__":
    sys.exit(main())
