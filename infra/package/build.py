"""Build the package: product, locked packages for the platform in Azure, and bytecode, in one zip file."""

import compileall
import py_compile
import shutil
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import Final

from infra.local.stack.child import ROOT
from infra.package.trim import TRIMMED, PackageError, trim, used

#: Folder in which the Functions host looks for packages.
#: Source: https://learn.microsoft.com/azure/azure-functions/functions-reference-python#folder-structure
SITE_PACKAGES = Path(".python_packages/lib/site-packages")
#: Platform of the Functions host's Python.
PLATFORM, PYTHON = "x86_64-manylinux_2_28", "3.11"
PRODUCT = ("host.json", "function_app.py", "requirements.txt", "shared")

IGNORE_FILE: Final = ".funcignore"
#: Content of the file without which `azd deploy` leaves out every `__pycache__` of the folder. It is not deployed.
_FUNCIGNORE: Final = "# Every file of this folder is deployed.\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Built:
    """A package that was written. Sizes are in bytes."""

    path: Path
    #: Folder with the same files, and the ignore file for azd.
    root: Path
    zipped: int
    unzipped: int
    sdk_files: int
    sdk_files_before: int
    sdk_bytes: int
    sdk_bytes_before: int
    #: Functions that the host finds in the package.
    functions: int


#: Program that imports every deployed module, without other packages, and prints the number of functions.
_INDEX = """
import importlib, pkgutil, sys
sys.path[:0] = sys.argv[1:]
import function_app, shared
for module in pkgutil.walk_packages(shared.__path__, "shared."):
    if not module.name.endswith("__main__"):
        importlib.import_module(module.name)
print(len(function_app.app.get_functions()))
"""


def build(out: Path, work: Path) -> Built:
    """Write the package to `out`, with `work` as an empty working folder. Raises PackageError if a step fails."""
    shutil.rmtree(work, ignore_errors=True)
    root = work / "root"
    site_packages = root / SITE_PACKAGES
    site_packages.mkdir(parents=True)
    _install(site_packages)
    sdk = site_packages / TRIMMED
    files_before, bytes_before = _files(sdk), _size(sdk)
    trim(site_packages, used(site_packages, work / "used.txt"))
    for name in PRODUCT:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, root / name, ignore=_ignored)
        else:
            shutil.copyfile(source, root / name)
    _compile(root)
    functions = index(root)
    out.parent.mkdir(parents=True, exist_ok=True)
    _zip(root, out)
    (root / IGNORE_FILE).write_text(_FUNCIGNORE, encoding="utf-8")
    return Built(
        path=out,
        root=root,
        zipped=out.stat().st_size,
        unzipped=_size(root),
        sdk_files=_files(sdk),
        sdk_files_before=files_before,
        sdk_bytes=sum(file.stat().st_size for file in sdk.rglob("*.py")),
        sdk_bytes_before=bytes_before,
        functions=functions,
    )


def _ignored(folder: str, names: list[str]) -> set[str]:
    """Return the names that are not packaged: local bytecode, and the parts of the product in .funcignore."""
    patterns = (ROOT / ".funcignore").read_text(encoding="utf-8").split()
    within = Path(folder).relative_to(ROOT)
    return {
        name
        for name in names
        if name == "__pycache__" or any(fnmatch((within / name).as_posix(), pattern) for pattern in patterns)
    }


def index(root: Path) -> int:
    """Return the number of functions that the host finds in a package unpacked at `root`.

    Raises PackageError if a module cannot be imported.
    """
    command = [sys.executable, "-I", "-S", "-B", "-c", _INDEX, str(root), str(root / SITE_PACKAGES)]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise PackageError(f"What is packaged cannot be imported by itself: {done.stderr[-2_000:]}")
    return int(done.stdout)


def _install(site_packages: Path) -> None:
    command = [str(ROOT / ".venv/bin/uv"), "pip", "install", "--quiet", "--target", str(site_packages)]
    command += ["--python-platform", PLATFORM, "--python-version", PYTHON, "--only-binary", ":all:"]
    command += ["--require-hashes", "--link-mode", "copy", "-r", str(ROOT / "requirements.lock")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise PackageError(f"The packages could not be installed: {done.stderr[-2_000:]}")


def _compile(root: Path) -> None:
    """Write bytecode next to every module. The host uses it without checking the source."""
    compiled = compileall.compile_dir(
        root,
        quiet=2,
        force=True,
        workers=0,
        stripdir=str(root),
        prependdir="/home/site/wwwroot",
        invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH,
    )
    if not compiled:
        raise PackageError("Some modules could not be compiled.")


def _zip(root: Path, out: Path) -> None:
    """Write a reproducible archive: files in sorted order, with one fixed modification time."""
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for file in sorted(path for path in root.rglob("*") if path.is_file()):
            entry = zipfile.ZipInfo(str(file.relative_to(root)), (2020, 1, 1, 0, 0, 0))
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, file.read_bytes())


def _files(folder: Path) -> int:
    return sum(1 for _ in folder.rglob("*.py"))


def _size(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
