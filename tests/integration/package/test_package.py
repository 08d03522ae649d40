"""The deployment package: small, whole, and not written when something is missing from it."""

import zipfile
from fnmatch import fnmatch
from pathlib import Path

import pytest

from infra.package.build import SITE_PACKAGES, Built, build, index
from infra.package.trim import TRIMMED, PackageError, prove
from tests.integration.http.calling import routes_of_the_app

#: What a package may have at most, in bytes, when it is zipped.
LIMIT = 40_000_000


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the package is built."""
    return tmp_path_factory.mktemp("package")


@pytest.fixture(scope="module")
def built(folder: Path) -> Built:
    """The package, built once: it installs what is deployed and runs the tests of the Graph adapter twice."""
    return build(folder / "package.zip", folder / "work")


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


@pytest.mark.usefixtures("built")
def test_what_is_missing_is_noticed(folder: Path) -> None:
    """A file of the SDK that is used, or a package that is."""
    root = folder / "work" / "root"
    assert index(root) > 0
    adapter = root / SITE_PACKAGES / TRIMMED / "graph_request_adapter.py"
    adapter.rename(folder / "aside.py")
    with pytest.raises(PackageError, match="fail with the trimmed SDK"):
        prove(root / SITE_PACKAGES)
    with pytest.raises(PackageError, match=r"ModuleNotFoundError: .*graph_request_adapter"):
        index(root)
