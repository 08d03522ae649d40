"""Copies of the code in which defects are planted: one is compiled, the others are hard links to its files."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

_ROOT: Final = Path(__file__).parents[2]
_FOLDERS: Final = ("shared", "infra", "tests")
_FILES: Final = ("function_app.py", "host.json", "pyproject.toml", "local.settings.example.json")
#: What is only read. The latter is what `make setup` has installed.
_LINKED: Final = ("docs", "infra/local/azurite/node_modules")


@contextmanager
def compiled() -> Iterator[Path]:
    """Yield a copy of the code with its compiled form, so that each defect compiles the file that has it only."""
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        root = Path(folder)
        for name in _FOLDERS:
            shutil.copytree(_ROOT / name, root / name, ignore=shutil.ignore_patterns("node_modules", "__pycache__"))
        for name in _FILES:
            shutil.copy2(_ROOT / name, root / name)
        subprocess.run([sys.executable, "-m", "compileall", "-q", *_FOLDERS], cwd=root, check=True)
        yield root


@contextmanager
def linked(base: Path) -> Iterator[Path]:
    """Yield a copy of a compiled copy. A file must be deleted before it is written."""
    with tempfile.TemporaryDirectory(prefix="mutant-", dir=base.parent) as folder:
        root = Path(folder)
        for name in _FOLDERS:
            shutil.copytree(base / name, root / name, copy_function=os.link)
        for name in _FILES:
            (root / name).hardlink_to(base / name)
        for name in _LINKED:
            (root / name).symlink_to(_ROOT / name)
        yield root
