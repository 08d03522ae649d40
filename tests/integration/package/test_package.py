"""The deployment package: small, whole, and not written when something is missing from it."""

import os
import shutil
import zipfile
from fnmatch import fnmatch
from pathlib import Path

import pytest

from infra.package.build import IGNORE_FILE, SITE_PACKAGES, Built, index
from infra.package.trim import TRIMMED, PackageError, prove
from tests.support.http.calling import routes_of_the_app

#: What a package may have at most, in bytes, when it is zipped.
LIMIT = 40_000_000


def test_it_is_small_and_has_every_function(built: Built) -> None:
    """Of the SDK only what is used; the host finds every route, queue and timer in it."""
    assert built.zipped < LIMIT
    assert 0 < built.sdk_files < built.sdk_files_before / 100
    assert built.functions > len(routes_of_the_app())
    with zipfile.ZipFile(built.path) as archive:
        names = archive.namelist()
    tops = {name.split("/")[0] for name in names}
    assert tops == {"host.json", "function_app.py", "requirements.txt", "shared", ".python_packages", "__pycache__"}
    assert not [name for name in names if name.startswith(("infra", "tests")) or "local.settings" in name]
    assert not [name for name in names if name.startswith("shared/cli") or fnmatch(name, "shared/*.md")]
    assert len({name for name in names if name.endswith(".pyc")}) == len(
        [name for name in names if name.endswith(".py")]
    )


def test_azd_packs_every_file(built: Built, tmp_path: Path) -> None:
    """Its zip has what package.zip has; without the .funcignore it would lack all bytecode."""
    with zipfile.ZipFile(built.path) as archive:
        names = set(archive.namelist())
    assert packed_by_azd(built.root) == names
    copy = tmp_path / "root"
    shutil.copytree(built.root, copy)
    (copy / IGNORE_FILE).unlink()
    assert packed_by_azd(copy) == {name for name in names if "__pycache__" not in name}


def packed_by_azd(root: Path) -> set[str]:
    """Return the files of a folder that `azd deploy` puts into its zip.

    Source: createDeployableZip in https://github.com/Azure/azure-dev/blob/ae35809/cli/azd/pkg/project/project_utils.go
    """
    ignore = root / IGNORE_FILE
    patterns = [line for line in ignore.read_text().splitlines() if line.strip()] if ignore.exists() else None
    assert patterns is None or all(line.startswith("#") for line in patterns), "patterns are not imitated here"
    packed = set()
    for folder, folders, files in os.walk(root):
        folders[:] = [name for name in folders if name != ".azure"]
        if patterns is None:
            without = [name for name in folders if (Path(folder) / name / "pyvenv.cfg").exists()]
            folders[:] = [name for name in folders if name not in without and name.lower() != "__pycache__"]
        kept = [name for name in files if name not in {IGNORE_FILE, "local.settings.json"}]
        packed |= {(Path(folder) / name).relative_to(root).as_posix() for name in kept}
    return packed


def test_what_is_missing_is_noticed(built: Built, tmp_path: Path) -> None:
    """A file of the SDK that is used, or a package that is."""
    root = tmp_path / "root"
    shutil.copytree(built.root, root)
    assert index(root) > 0
    adapter = root / SITE_PACKAGES / TRIMMED / "graph_request_adapter.py"
    adapter.rename(tmp_path / "aside.py")
    with pytest.raises(PackageError, match="fails with the trimmed SDK"):
        prove(root / SITE_PACKAGES)
    with pytest.raises(PackageError, match=r"ModuleNotFoundError: .*graph_request_adapter"):
        index(root)
