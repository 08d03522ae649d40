"""Pure parts of the portal, tested where they run: `*.test.mjs` beside this file, by Node's own test runner."""

import shutil
import subprocess
from pathlib import Path

import pytest

from infra.local.stack.child import ROOT

FILES = sorted(Path(__file__).parent.glob("*.test.mjs"))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_in_node(file: Path, tmp_path: Path) -> None:
    """Every test of the file passes, and there is at least one."""
    node = shutil.which("node")
    assert node is not None
    shutil.copytree(ROOT / "shared/portal", tmp_path / "shared/portal")
    here = tmp_path / file.relative_to(ROOT)
    here.parent.mkdir(parents=True)
    shutil.copyfile(file, here)
    (tmp_path / "package.json").write_text('{"type": "module"}', encoding="utf-8")  # as a browser takes them
    command = [node, "--test", str(here)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)  # noqa: S603 - from here
    assert done.returncode == 0, done.stdout
    assert "# pass 0" not in done.stdout
