"""Microsoft's compiler accepts the Bicep files without a warning, and the stored snapshots are current."""

import shutil
from pathlib import Path

import pytest

from infra.azure import bicep
from infra.azure.snapshot import ENVIRONMENTS, FOLDER

pytestmark = pytest.mark.skipif(
    shutil.which("bicep") is None, reason="no bicep on the PATH; docs/how-to/install-bicep.md says how to install it"
)

FILES = ["main.bicep", *(f"environments/{name}.bicepparam" for name in ENVIRONMENTS)]


@pytest.mark.parametrize("file", FILES)
def test_lint_prints_nothing(file: str) -> None:
    """The compiler ends with 0 in spite of warnings, so its output counts."""
    done = bicep.run("lint", file)
    assert (done.stdout + done.stderr).strip() == ""
    assert done.returncode == 0


@pytest.mark.parametrize("path", sorted(FOLDER.rglob("*.bicep")), ids=lambda path: path.name)
def test_files_are_formatted(path: Path) -> None:
    """As the compiler formats them."""
    done = bicep.run("format", str(path), "--stdout")
    assert done.stdout == path.read_text(encoding="utf-8")


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_the_snapshot_is_current(environment: str) -> None:
    """A change of the deployment shows in the review; `make snapshots` writes it."""
    done = bicep.snapshot(bicep.parameters(environment), mode="validate")
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_snapshot_that_is_not_current_is_noticed(tmp_path: Path) -> None:
    """Another parameter makes another deployment."""
    copy = tmp_path / "azure"
    shutil.copytree(FOLDER, copy)
    file = copy / "environments" / "dev.bicepparam"
    file.write_text(file.read_text(encoding="utf-8") + "param maximumInstances = 3\n", encoding="utf-8")
    done = bicep.snapshot(file, mode="validate")
    assert done.returncode != 0
    assert "maximumInstanceCount" in done.stdout + done.stderr
