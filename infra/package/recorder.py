"""A pytest plugin that records which files of a package the tests imported.

RECORD_PACKAGE=msgraph RECORD_TO=files.txt python -m pytest -p infra.package.recorder ...
"""

import importlib
import os
import pkgutil
import sys
from pathlib import Path

import pytest

import shared


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Write one path per line, relative to the folder that contains the package.

    Every module of the product is imported first, so that modules of rarely used code paths are included.
    """
    del session, exitstatus
    package = os.environ["RECORD_PACKAGE"]
    for module in pkgutil.walk_packages(shared.__path__, "shared."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    names = sorted(name for name in sys.modules if name.partition(".")[0] == package)
    files = {Path(file) for name in names if (file := getattr(sys.modules[name], "__file__", None))}
    root = Path(str(sys.modules[package].__file__)).parents[1]
    Path(os.environ["RECORD_TO"]).write_text(
        "".join(f"{file.relative_to(root)}\n" for file in sorted(files)), encoding="utf-8"
    )
