"""The package, unpacked into an empty folder, and the command that runs it as Azure would."""

import json
import os
import shutil
import sys
import sysconfig
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from infra.local.stack.child import ROOT
from infra.package.build import PYTHON, SITE_PACKAGES
from infra.rehearsal import bare_host

#: What the local host imports and the package does not contain. In Azure it is part of the platform.
_OF_THE_HOST: Final = (
    "azure_functions_runtime",
    "azurefunctions",
    "azure/storage/blob",
    "six.py",
)


class PackageUnusable(Exception):
    """The package cannot run on this machine. The message says why."""


class UnpackedPackage:
    """A package in `folder`/wwwroot, beside the modules of the host in `folder`/host."""

    def __init__(self, package: Path, folder: Path) -> None:
        """Unpack the package.

        Raises:
            PackageUnusable: It is missing, or was built for another Python.
        """
        if not package.exists():
            raise PackageUnusable(f"{package} does not exist: run `make package`.")
        if sys.version_info[:2] != tuple(map(int, PYTHON.split("."))):
            raise PackageUnusable(f"The package runs on Python {PYTHON} only, and this is {sys.version.split()[0]}.")
        self._folder = folder
        self.root = folder / "wwwroot"
        shutil.rmtree(self.root, ignore_errors=True)
        with zipfile.ZipFile(package) as archive:
            archive.extractall(self.root)
        self._host = folder / "host"
        shutil.rmtree(self._host, ignore_errors=True)
        for name in _OF_THE_HOST:
            target = self._host / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.symlink_to(Path(sysconfig.get_path("purelib")) / name)

    def command(self, environment: Mapping[str, str], *arguments: str) -> list[str]:
        """Return the command that runs the local host on the package, with exactly these environment variables.

        The interpreter is the one that `.venv` was made of, without site-packages: modules come from the package, and
        those of the host itself from the host's folder and from this repository.
        """
        file = self._folder / "environment.json"
        file.write_text(json.dumps(dict(environment)), encoding="utf-8")
        interpreter = Path(sys.base_prefix) / "bin" / f"python{PYTHON}"
        paths = [str(self.root / SITE_PACKAGES), str(self._host), str(ROOT)]
        program = os.path.realpath(bare_host.__file__)
        return [str(interpreter), "-ISB", program, str(file), *paths, "--", "--root", str(self.root), *arguments]
