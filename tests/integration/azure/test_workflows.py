"""The workflows are valid, pin what they run, and need no secret."""

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from infra.local.stack.child import ROOT

WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
ACTIONLINT = ROOT / ".local" / "tools" / "actionlint"


@pytest.fixture(params=WORKFLOWS, ids=lambda path: path.stem)
def workflow(request: pytest.FixtureRequest) -> Path:
    """Return each workflow."""
    path: Path = request.param
    return path


@pytest.mark.skipif(not ACTIONLINT.exists(), reason="actionlint is not installed; `make check-azure` does, where Go is")
def test_actionlint_finds_nothing(workflow: Path) -> None:
    """Keys, expressions, types, and the scripts."""
    done = subprocess.run([ACTIONLINT, "-no-color", workflow], capture_output=True, text=True, check=False)  # noqa: S603
    assert (done.stdout + done.stderr).strip() == ""
    assert done.returncode == 0


def test_actions_are_pinned_by_digest(workflow: Path) -> None:
    """A tag can be moved to other code; the version stays readable beside the digest."""
    used = re.findall(r"uses: (.+)", workflow.read_text(encoding="utf-8"))
    assert used
    assert [line for line in used if not re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", line)] == []


def test_one_action_has_one_digest() -> None:
    """In all workflows."""
    digests: dict[str, set[str]] = {}
    for path in WORKFLOWS:
        for name, digest in re.findall(r"uses: ([\w/-]+)@(.+)", path.read_text(encoding="utf-8")):
            digests.setdefault(name, set()).add(digest)
    assert [name for name, found in digests.items() if len(found) > 1] == []


def test_no_workflow_needs_a_secret(workflow: Path) -> None:
    """Azure is reached by OIDC, and GitHub with the token of the run."""
    assert "secrets." not in workflow.read_text(encoding="utf-8")


def test_permissions_are_given_one_by_one(workflow: Path) -> None:
    """Without a top-level `permissions` the token may do what the repository's settings allow."""
    content: dict[str, Any] = yaml.safe_load(workflow.read_text(encoding="utf-8"))
    assert content["permissions"]["contents"] == "read"
    assert "write-all" not in str(content)


def test_a_pull_request_cannot_run_with_write_access(workflow: Path) -> None:
    """`pull_request_target` would give a fork's code the token of this repository."""
    assert "pull_request_target" not in workflow.read_text(encoding="utf-8")


def test_ci_does_what_a_laptop_does() -> None:
    """One script, so that what passes here passes there."""
    text = (ROOT / ".github" / "workflows" / "ci.yml").read_text(encoding="utf-8")
    assert re.findall(r"run: (\.ci/run)$", text, re.MULTILINE) == [".ci/run"]
