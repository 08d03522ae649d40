"""Install Azurite from npm, as pinned in `infra/local/azurite/package-lock.json`."""

import hashlib
import shutil
import subprocess

from infra.local.setup.commands import ROOT, SetupError, run

OLDEST_NODE = 20

FOLDER = ROOT / "infra" / "local" / "azurite"
_STAMP = FOLDER / "node_modules" / ".recipient-sync"
_SCRIPT = FOLDER / "node_modules" / "azurite" / "dist" / "src" / "azurite.js"


def check_node() -> None:
    """Check that Node and npm are installed.

    Raises:
        SetupError: One is missing, or Node is older than `OLDEST_NODE`.
    """
    node = shutil.which("node")
    if node is None:
        raise SetupError("Node.js was not found on the PATH; install Node 20 or newer (it runs the storage emulator).")
    version = subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout.strip()
    major = version.lstrip("v").partition(".")[0]
    if not major.isdigit() or int(major) < OLDEST_NODE:
        raise SetupError(f"{node} is version {version or 'unknown'}; Node 20 or newer is needed.")
    if shutil.which("npm") is None:
        raise SetupError("npm was not found on the PATH; install it together with Node.js.")


def install() -> bool:
    """Install Azurite as pinned. Return False if it was installed already.

    Raises:
        SetupError: npm failed.
    """
    wanted = hashlib.sha256((FOLDER / "package-lock.json").read_bytes()).hexdigest()
    if _SCRIPT.exists() and _STAMP.exists() and _STAMP.read_text() == wanted:
        return False
    print("Installing Azurite with npm.", flush=True)
    run(
        "Installing Azurite",
        [
            "npm",
            "ci",
            "--ignore-scripts",
            "--no-audit",
            "--no-fund",
            "--fetch-retry-mintimeout=2000",
            "--fetch-retry-factor=2",
        ],
        log="setup-npm.log",
        cwd=FOLDER,
    )
    _STAMP.write_text(wanted)
    return True
