"""Setting up a checkout, and what is said when that is not possible."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from infra.local.setup.commands import ROOT, cause

NOBODY = "http://127.0.0.1:9"


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """What the set-up needs of a fresh clone."""
    ignored = shutil.ignore_patterns("node_modules", "__pycache__")
    shutil.copytree(ROOT / "infra", tmp_path / "infra", ignore=ignored)
    for lock in ROOT.glob("requirements*"):
        shutil.copy(lock, tmp_path)
    return tmp_path


def set_up(checkout: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """The result of the set-up."""
    command = [sys.executable, "-m", "infra.local.setup"]
    return subprocess.run(  # noqa: S603 - this interpreter
        command, cwd=checkout, env={**os.environ, **environment}, capture_output=True, text=True, check=False
    )


def test_without_node_the_set_up_says_what_to_install(checkout: Path) -> None:
    """One sentence, no trace, exit code 1, and nothing begun."""
    result = set_up(checkout, PATH=str(checkout))
    assert result.returncode == 1
    assert result.stderr.startswith("Node.js was not found on the PATH; install Node 20")
    assert len(result.stderr.splitlines()) == 1
    assert not (checkout / ".venv").exists()


def test_an_old_node_is_refused(checkout: Path) -> None:
    """The sentence has the version found and the one needed."""
    node = checkout / "node"
    node.write_text("#!/bin/sh\necho v18.20.0\n")
    node.chmod(0o755)
    result = set_up(checkout, PATH=f"{checkout}:{os.environ['PATH']}")
    assert result.returncode == 1
    assert result.stderr == f"{node} is version v18.20.0; Node 20 or newer is needed.\n"


def test_without_network_each_installer_has_one_sentence(checkout: Path) -> None:
    """Pages of pip's and npm's output become a sentence each, with the log that has the rest."""
    result = set_up(
        checkout,
        PIP_INDEX_URL=NOBODY,
        PIP_NO_CACHE_DIR="1",
        PIP_RETRIES="0",
        npm_config_registry=NOBODY,
        npm_config_cache=str(checkout / "npm-cache"),
        npm_config_fetch_retries="0",
    )
    assert result.returncode == 1
    pip, npm = result.stderr.splitlines()
    assert pip.startswith("Installing the package installer uv failed: the package registry did not answer")
    assert npm.startswith("Installing Azurite failed: the package registry did not answer")
    assert (checkout / ".local" / "logs" / "setup-npm.log").exists()


@pytest.mark.parametrize(
    ("output", "expected"),
    [
        ("error: Request failed after 3 retries\n  cause: dns error\n", "the package registry did not answer"),
        ("npm error code EAI_AGAIN\nnpm error syscall getaddrinfo\n", "the package registry did not answer"),
        ("npm warn old config\nnpm error code EBADENGINE\nnpm error Not for Node 18\n", "Not for Node 18"),
        ("ERROR: THESE PACKAGES DO NOT MATCH THE HASHES\nof the file\n", "THESE PACKAGES DO NOT MATCH THE HASHES"),
        ("Collecting x\nOSError: [Errno 28] No space left on device.\n", "OSError: [Errno 28] No space left on device"),
        ("", "it printed no reason"),
    ],
)
def test_the_cause_is_one_line(output: str, expected: str) -> None:
    """The first line that says why, without the installer's decoration."""
    assert cause(output).startswith(expected)
