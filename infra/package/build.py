"""Builds the package: product, locked packages for the cloud's platform, bytecode, one zip."""

import compileall
import py_compile
import shutil
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path

from infra.local.stack.child import ROOT
from infra.package.trim import TRIMMED, PackageError, trim, used

#: Where the Functions host looks for packages.
#: Source: https://learn.microsoft.com/azure/azure-functions/functions-reference-python#folder-structure
SITE_PACKAGES = Path(".python_packages/lib/site-packages")
#: What the Functions host's Python runs on.
PLATFORM, PYTHON = "x86_64-manylinux_2_28", "3.11"
PRODUCT = ("host.json", "function_app.py", "requirements.txt", "shared")


@dataclass(frozen=True, slots=True, kw_only=True)
class Built:
    """A package that was written: sizes in bytes."""

    path: Path
    zipped: int
    unzipped: int
    sdk_files: int
    sdk_files_before: int
    sdk_bytes: int
    sdk_bytes_before: int
    #: What the host finds in it.
    functions: int


#: Imports everything that is deployed, with nothing else installed, and counts the functions.
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
    """Leave the package at `out`, with `work` as an empty folder to work in. Raises: PackageError."""
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
    return Built(
        path=out,
        zipped=out.stat().st_size,
        unzipped=_size(root),
        sdk_files=_files(sdk),
        sdk_files_before=files_before,
        sdk_bytes=sum(file.stat().st_size for file in sdk.rglob("*.py")),
        sdk_bytes_before=bytes_before,
        functions=functions,
    )


def _ignored(folder: str, names: list[str]) -> set[str]:
    """Return what of a folder is not packaged: bytecode of this machine, and what .funcignore has of the product."""
    kept_out = set((ROOT / ".funcignore").read_text(encoding="utf-8").split())
    within = Path(folder).relative_to(ROOT)
    return {name for name in names if name == "__pycache__" or (within / name).as_posix() in kept_out}


def index(root: Path) -> int:
    """Return how many functions the host finds in a package that was unpacked at `root`. Raises: PackageError."""
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
    """Leave bytecode beside every module, which the host believes without looking at the source again."""
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
    """Write the same bytes for the same files: in order, with one time for all."""
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for file in sorted(each for each in root.rglob("*") if each.is_file()):
            entry = zipfile.ZipInfo(str(file.relative_to(root)), (2020, 1, 1, 0, 0, 0))
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, file.read_bytes())


def _files(folder: Path) -> int:
    return sum(1 for _ in folder.rglob("*.py"))


def _size(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
