"""Install the other readers, each in its own environment below `.local/bench/peers`. A second run changes nothing.

They are not dependencies of the project. Only `make bench-peers` needs them.
"""

import hashlib
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from infra.local.setup.commands import LOGS, run
from tests.bench.entra import FOLDER

_HERE: Final = Path(__file__).parent
_BACKSTAGE: Final = _HERE / "peers_backstage"
_CARTOGRAPHY: Final = _HERE / "peers_cartography"
_STAMP: Final = ".recipient-sync"
_READER: Final = "@backstage/plugin-catalog-backend-module-msgraph"


def backstage() -> tuple[list[str], Path]:
    """Install Backstage's reader as locked. Return its command, and the folder to run it in.

    Raises SetupError if npm failed.
    """
    folder = FOLDER / "peers" / "backstage"
    pins = [_BACKSTAGE / "package.json", _BACKSTAGE / "package-lock.json"]
    if not _has(folder, pins):
        folder.mkdir(parents=True, exist_ok=True)
        for pin in pins:
            (folder / pin.name).write_bytes(pin.read_bytes())
        _run("Installing Backstage's reader", ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"], folder)
        _stamp(folder, pins)
    return ["node", "--expose-gc", str(_BACKSTAGE / "driver.mjs")], folder


def cartography() -> tuple[list[str], Path]:
    """Install cartography as locked. Return its command, and the folder to run it in.

    Raises SetupError if the environment cannot be created or a package cannot be installed.
    """
    folder = FOLDER / "peers" / "cartography"
    python, locks = (
        str(folder / "bin" / "python"),
        [_CARTOGRAPHY / "cartography.lock", _CARTOGRAPHY / "requirements.lock"],
    )
    if not _has(folder, locks):
        folder.mkdir(parents=True, exist_ok=True)
        make = [sys.executable, "-m", "venv", "--clear", "--without-pip", str(folder)]
        _run("Making cartography's environment", make, folder)
        install = [sys.executable, "-m", "uv", "pip", "install", "--python", python, "--no-deps", "--require-hashes"]
        _run("Installing cartography", [*install, *(word for lock in locks for word in ("-r", str(lock)))], folder)
        _stamp(folder, locks)
    # it warns that it is tested on later versions of Python
    return [python, "-W", "ignore::DeprecationWarning", str(_CARTOGRAPHY / "driver.py")], folder


def versions() -> dict[str, str]:
    """Return the pinned versions."""
    package = json.loads((_BACKSTAGE / "package.json").read_text(encoding="utf-8"))
    name, _, version = (_CARTOGRAPHY / "cartography.txt").read_text(encoding="utf-8").strip().partition("==")
    return {_READER: package["dependencies"][_READER], name: version}


def _run(what: str, command: Sequence[str], folder: Path) -> None:
    LOGS.mkdir(parents=True, exist_ok=True)
    run(what, command, log=f"peers-{folder.name}.log", cwd=folder)


def _has(folder: Path, pins: Sequence[Path]) -> bool:
    """Return whether an installation of these pins has been completed."""
    stamp = folder / _STAMP
    return stamp.exists() and stamp.read_text(encoding="utf-8") == _fingerprint(pins)


def _stamp(folder: Path, pins: Sequence[Path]) -> None:
    (folder / _STAMP).write_text(_fingerprint(pins), encoding="utf-8")


def _fingerprint(pins: Sequence[Path]) -> str:
    return hashlib.sha256(b"".join(path.read_bytes() for path in pins)).hexdigest()
