"""Installs the other readers, each in an environment of its own below `.local/bench/peers`; a second run does nothing.

They are no dependency of anything here: `make bench-peers` alone wants them.
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
_READER: Final = "@backstage/plugin-catalog-backend-module-msgraph"


def backstage() -> tuple[list[str], Path]:
    """Install Backstage's reader as locked. Return the command that reads, and the folder to run it in.

    Raises: SetupError if npm failed.
    """
    folder, pins = FOLDER / "peers" / "backstage", ("package.json", "package-lock.json")
    folder.mkdir(parents=True, exist_ok=True)
    if not _stamped(folder, [_BACKSTAGE / name for name in pins]):
        for name in pins:
            (folder / name).write_bytes((_BACKSTAGE / name).read_bytes())
        command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
        run("Installing Backstage's reader", command, log="peers-backstage.log", cwd=folder)
        _stamp(folder, [_BACKSTAGE / name for name in pins])
    return ["node", "--expose-gc", str(_BACKSTAGE / "driver.mjs")], folder


def cartography() -> tuple[list[str], Path]:
    """Install cartography as locked. Return the command that reads, and the folder to run it in.

    Raises: SetupError if the environment could not be made or a package not installed.
    """
    folder = FOLDER / "peers" / "cartography"
    python, locks = folder / "bin" / "python", [_CARTOGRAPHY / "cartography.lock", _CARTOGRAPHY / "requirements.lock"]
    folder.parent.mkdir(parents=True, exist_ok=True)
    if not _stamped(folder, locks):
        make = [sys.executable, "-m", "venv", "--clear", "--without-pip", str(folder)]
        run("Making cartography's environment", make, log="peers-cartography.log")
        install = [sys.executable, "-m", "uv", "pip", "install", "--python", str(python), "--no-deps"]
        named = [word for lock in locks for word in ("-r", str(lock))]
        run("Installing cartography", [*install, "--require-hashes", *named], log="peers-cartography.log")
        _stamp(folder, locks)
    # it warns that it is tested on later versions of Python
    return [str(python), "-W", "ignore::DeprecationWarning", str(_CARTOGRAPHY / "driver.py")], folder


def versions() -> dict[str, str]:
    """Return which versions are pinned."""
    package = json.loads((_BACKSTAGE / "package.json").read_text(encoding="utf-8"))
    name, _, version = (_CARTOGRAPHY / "cartography.txt").read_text(encoding="utf-8").strip().partition("==")
    return {_READER: package["dependencies"][_READER], name: version}


def _stamped(folder: Path, pins: Sequence[Path]) -> bool:
    stamp = folder / ".recipient-sync"
    return stamp.exists() and stamp.read_text(encoding="utf-8") == _fingerprint(pins)


def _stamp(folder: Path, pins: Sequence[Path]) -> None:
    (folder / ".recipient-sync").write_text(_fingerprint(pins), encoding="utf-8")


def _fingerprint(pins: Sequence[Path]) -> str:
    LOGS.mkdir(parents=True, exist_ok=True)
    return hashlib.sha256(b"".join(path.read_bytes() for path in pins)).hexdigest()
