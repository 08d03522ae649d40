"""Find the files of the Graph SDK that the product uses, and remove the others."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from infra.local.stack.child import ROOT

TRIMMED = "msgraph"
#: Tests that use the whole adapter: logins, pages, changes, batches, and every kind of error response.
TESTS = "tests/contracts/ports/directory"
#: Some of them, which wait for nothing: what they import is kept, and all of them prove that it is enough.
RECORDED = f"{TESTS}/test_reading.py"


class PackageError(Exception):
    """The package cannot be built. The message gives the reason."""


def used(site_packages: Path, record: Path) -> list[Path]:
    """Return the files of the SDK that the product and some of the tests import, relative to `site_packages`.

    Raises PackageError if the tests fail.
    """
    environment = {"RECORD_PACKAGE": TRIMMED, "RECORD_TO": str(record)}
    _run_tests(site_packages, environment, RECORDED, "with the whole SDK")
    files = [Path(line) for line in record.read_text(encoding="utf-8").splitlines()]
    if not files:
        raise PackageError(f"{RECORDED} imported nothing of {TRIMMED}.")
    return files


def trim(site_packages: Path, files: list[Path]) -> None:
    """Remove all files of the SDK except `files`, and run all tests. Raises PackageError if they fail."""
    whole = site_packages / TRIMMED
    aside = site_packages.parent / f"{TRIMMED}-whole"
    whole.rename(aside)
    for file in files:
        target = site_packages / file
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(aside / file.relative_to(TRIMMED), target)
    shutil.rmtree(aside)
    prove(site_packages)


def prove(site_packages: Path) -> None:
    """Run the tests with the trimmed SDK. Raises PackageError if a file is missing."""
    _run_tests(site_packages, {"RECORD_PACKAGE": TRIMMED, "RECORD_TO": os.devnull}, TESTS, "with the trimmed SDK")


def _run_tests(site_packages: Path, environment: dict[str, str], tests: str, what: str) -> None:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "infra.package.recorder", "-p", "no:cacheprovider", tests]
    variables = {**os.environ, **environment, "PYTHONPATH": str(site_packages), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(command, cwd=ROOT, env=variables, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise PackageError(f"{tests} fails {what}:\n{done.stdout[-4_000:]}{done.stderr[-2_000:]}")
