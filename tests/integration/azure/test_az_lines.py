"""Every call of the Azure CLI in pages, workflows and scripts: recorded by a stub, then parsed by the real program."""

import os
import re
import subprocess
from pathlib import Path

import pytest

from infra.local.stack.child import ROOT

AZ = ROOT / ".local" / "tools" / "azure-cli" / "bin" / "az"
SCRIPT = ROOT / "infra" / "azure" / "register_app.sh"
PAGES = sorted((ROOT / "docs").rglob("*.md"))
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
#: Commands that are not run, because they would wait for a person or install something; their names are looked up.
ONLY_NAMED = {("login",), ("bicep", "install")}

STUB = """#!/usr/bin/env bash
printf '%s\\x1f' "$@" >> "$CALLS"; printf '\\x1e' >> "$CALLS"
case "$*" in
  *"account show"*) echo 00000000-0000-0000-0000-000000000002 ;;
  *"ad app create"*) echo 44444444-4444-4444-4444-444444444444 ;;
  *" list "*) echo "${EXISTING:-}" ;;
esac
"""


def recorded(command: list[str], folder: Path, **environment: str) -> tuple[list[list[str]], str]:
    """Run a command with stubs of `az` and `azd`. Return the arguments of every call of `az`, and the output."""
    stubs, calls = folder / "stubs", folder / "calls"
    stubs.mkdir(exist_ok=True)
    for name, text in (("az", STUB), ("azd", '#!/usr/bin/env bash\necho "value-of-${!#}"\n')):
        (stubs / name).write_text(text)
        (stubs / name).chmod(0o755)
    calls.write_text("")
    variables = {"PATH": f"{stubs}{os.pathsep}{os.environ['PATH']}", "CALLS": str(calls), **environment}
    done = subprocess.run(command, env=variables, capture_output=True, text=True, check=True)  # noqa: S603
    texts = calls.read_text().split("\x1e")[:-1]
    return [text.split("\x1f")[:-1] for text in texts], done.stdout


def of_pages() -> list[tuple[Path, str]]:
    """Return the lines of code blocks that call `az`."""
    lines = []
    for page in PAGES:
        for block in re.findall(r"^```\w*\n(.*?)^```", page.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE):
            lines += [(page, line) for line in block.splitlines() if re.search(r"(?:^|\$\()az ", line)]
    return lines


def of_workflows() -> list[str]:
    """Return the lines of workflows that call `az`."""
    text = "\n".join(path.read_text(encoding="utf-8") for path in WORKFLOWS)
    return re.findall(r"^\s*(?:run: )?(az .+)$", text, re.MULTILINE)


@pytest.fixture
def calls(tmp_path: Path) -> list[list[str]]:
    """Return the arguments of every call of `az` in pages, workflows and scripts."""
    names = ("AZURE_RESOURCE_GROUP", "SERVICE_API_NAME", "STORAGE_ACCOUNT")
    values = {name: name.lower().replace("_", "-") for name in names}
    found: list[list[str]] = []
    for line in [*(line for _, line in of_pages()), *of_workflows()]:
        found += recorded(["bash", "-c", line], tmp_path, **values)[0]
    for kind in ("sign-in", "directory"):
        found += recorded(["bash", str(SCRIPT), kind], tmp_path, AZURE_ENV_NAME="dev")[0]
    return found


def test_there_are_calls(calls: list[list[str]]) -> None:
    """The pages, the workflows and both kinds of registration were read."""
    assert of_workflows()
    assert len(of_pages()) >= len({page for page, _ in of_pages()}) > 0
    assert {call[0] for call in calls} >= {"ad", "account", "functionapp", "provider", "lock"}


@pytest.mark.skipif(not AZ.exists(), reason="the Azure CLI is not installed; `make azure-cli` installs it (700 MB)")
def test_every_call_is_understood(calls: list[list[str]], tmp_path: Path) -> None:
    """The real program parses the arguments before it asks for a sign-in."""
    environment = {"HOME": str(tmp_path), "AZURE_CORE_COLLECT_TELEMETRY": "false", "PATH": os.environ["PATH"]}
    for call in {tuple(call) for call in calls}:
        arguments = [*call, "--help"] if call in ONLY_NAMED else list(call)
        done = subprocess.run(  # noqa: S603
            [str(AZ), *arguments], env=environment, capture_output=True, text=True, check=False, timeout=120
        )
        said = done.stdout + done.stderr
        assert done.returncode in {0, 1}, f"az {' '.join(call)}: {said[-500:]}"
        assert "az login" in said or call in ONLY_NAMED, f"az {' '.join(call)}: {said[-500:]}"


def test_registering_again_creates_nothing(tmp_path: Path) -> None:
    """What exists is found by its name, and only updated."""
    first, _ = recorded(["bash", str(SCRIPT), "sign-in"], tmp_path)
    again, _ = recorded(["bash", str(SCRIPT), "sign-in"], tmp_path, EXISTING="55555555-5555-5555-5555-555555555555")
    assert sum("create" in call for call in first) == 3
    assert sum("create" in call for call in again) == 0
    assert any(call[:3] == ["ad", "app", "update"] for call in again)


@pytest.mark.parametrize(
    ("kind", "said"), [("sign-in", "azd env set SIGN_IN_CLIENT_ID"), ("directory", "adminconsent")]
)
def test_it_prints_what_to_do_next(kind: str, said: str, tmp_path: Path) -> None:
    """The client id, and the command or the link for customers."""
    _, output = recorded(["bash", str(SCRIPT), kind], tmp_path)
    assert said in output
    assert "44444444-4444-4444-4444-444444444444" in output


def test_another_kind_is_refused(tmp_path: Path) -> None:
    """With the usage, before anything is called."""
    with pytest.raises(subprocess.CalledProcessError) as refused:
        recorded(["bash", str(SCRIPT), "other"], tmp_path)
    assert refused.value.returncode == 2
    assert (tmp_path / "calls").read_text() == ""
