"""Create the virtual environment `.venv` exactly as the lock files with hashes specify."""

import hashlib
import re
import subprocess
import sys

from infra.local.setup.commands import ROOT, run

VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
INSTALLER = ROOT / "infra" / "local" / "setup" / "uv.lock"
PACKAGES = ROOT / "requirements-dev.lock"
WORKER = ROOT / "infra" / "local" / "functions_host" / "requirements.lock"

_STAMP = VENV / ".recipient-sync"
_PIP = ("-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input", "--retries", "2")


def install() -> bool:
    """Install the packages of the locks into `.venv`, and no others. Return False if it was up to date.

    Raises:
        SetupError: The environment cannot be created, or a package cannot be installed.
    """
    wanted = _fingerprint()
    stamp = _STAMP.read_text() if _STAMP.exists() else ""
    if stamp == wanted and _complete():
        return False
    # Without a stamp, an installation was interrupted at an unknown step.
    if stamp.splitlines()[:-1] == wanted.splitlines()[:-1] and _usable():
        _STAMP.unlink()
    else:
        print("Making the virtual environment .venv.", flush=True)
        run(
            "Making the virtual environment",
            [sys.executable, "-m", "venv", "--clear", str(VENV)],
            log="setup-venv.log",
        )
    print("Installing the Python packages.", flush=True)
    run(
        "Installing the package installer uv",
        [str(PYTHON), *_PIP, "--require-hashes", "-r", str(INSTALLER)],
        log="setup-uv.log",
    )
    run(
        "Installing the Python packages",
        [str(PYTHON), "-m", "uv", "pip", "sync", "--require-hashes", "--python", str(PYTHON), str(PACKAGES)],
        log="setup-packages.log",
    )
    # After `sync`, which removes packages that its lock does not name.
    run(
        "Installing the Functions worker library",
        [str(PYTHON), *_PIP, "--no-deps", "--ignore-requires-python", "--require-hashes", "-r", str(WORKER)],
        log="setup-worker.log",
    )
    _STAMP.write_text(wanted)
    return True


def _fingerprint() -> str:
    """Return the inputs of the environment, one per line: its path (scripts contain it), the Python, and the locks."""
    locks = hashlib.sha256(b"".join(path.read_bytes() for path in (INSTALLER, PACKAGES, WORKER))).hexdigest()
    return "\n".join((str(ROOT), ".".join(map(str, sys.version_info[:2])), locks))


def _usable() -> bool:
    """Return whether `.venv` has a Python of this version that can run pip."""
    try:
        probe = [str(PYTHON), "-c", "import sys, pip; print(*sys.version_info[:2])"]
        answer = subprocess.run(probe, capture_output=True, text=True, check=False)
    except OSError:
        return False
    return answer.stdout.split() == [str(part) for part in sys.version_info[:2]]


def _complete() -> bool:
    """Return whether the installation of every locked package has been completed."""
    if not PYTHON.exists():
        return False
    here = {_plain(record.parent.name) for record in VENV.glob("lib/python*/site-packages/*.dist-info/RECORD")}
    pins = (pin for lock in (INSTALLER, PACKAGES, WORKER) for pin in _pins(lock.read_text(encoding="utf-8")))
    return all(_plain(pin.replace("==", "-") + ".dist-info") in here for pin in pins)


def _pins(lock: str) -> list[str]:
    """Return `name==version` of every package that a lock requires on all platforms."""
    return re.findall(r"^([\w.-]+==[\w.+!-]+)(?: \\)?$", lock, re.MULTILINE)


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
