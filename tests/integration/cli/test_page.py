"""Every line of docs/reference/command-line.md does what the page says."""

import shlex
from pathlib import Path
from typing import Any

import pytest

from shared.cli.main import app
from shared.domain.operations.operator_log import OperatorLogEntry
from tests.integration.cli.conftest import InMemory, Run
from tests.integration.cli.test_commands import GUARDED, _put
from tests.support.builders import person, user
from tests.support.fakes import FakeDirectory

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "command-line.md"
START = "python -m shared.cli "
LINES = [line.removeprefix(START) for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith(START)]


@pytest.fixture
async def entry(ports: Any) -> str:  # noqa: ANN401 - the fakes' own ports
    """A message in the ledger."""
    at = ports.clock.now()
    await ports.operator_log.record(
        OperatorLogEntry(id="m1", at=at, queue="sync-requests", code="poison", detail="d", body="contoso")
    )
    return "m1"


@pytest.mark.parametrize("line", LINES)
@pytest.mark.usefixtures("connected")
def test_a_line_of_the_page(
    run: Run,
    network: InMemory,
    directory: FakeDirectory,
    contoso: dict[str, Any],
    entry: str,
    tmp_path: Path,
    line: str,
) -> None:
    """It ends with 0."""
    known = {
        "tenant-id": contoso["tenantId"],
        "client-id": contoso["clientId"],
        "object-id": contoso["objectId"],
        "group": person(100),
        "entry": entry,
        "file": str(tmp_path / "people.csv"),
        "export": str(tmp_path / "export.csv"),
    }
    (tmp_path / "people.csv").write_text("Name,E-mail\nAda,ada@example.com\n", encoding="utf-8")
    if "run}" in line:
        _put(network, "tenants/contoso/preferences", GUARDED)
        known["run"] = run("sync", "contoso", "--watch", "--every", "0", "--json").json["id"]
    if "{held-run}" in line:
        directory.remove(person(1))
        known["held-run"] = run("sync", "contoso", "--full", "--watch", "--every", "0", "--json").json["id"]
    if "{withheld-run}" in line:
        for department in ("Sales", None):
            directory.put(*(user(number, department=department) for number in range(1, 20)))
            ended = run("sync", "contoso", "--full", "--watch", "--every", "0", "--json")
        known["withheld-run"] = ended.json["id"]
    if line.startswith("keys revoke"):
        run("keys", "create", "nightly", "--scope", "sync", "--tenant", "contoso")
    words = [known[word.strip("{}")] if word.startswith("{") else word for word in shlex.split(line)]
    ended = run(*words)
    assert (ended.code, ended.error) == (0, None), ended


def test_the_page_has_every_command() -> None:
    """Nothing was added without a line that runs."""
    named = {command.name or command.callback.__name__ for command in app.registered_commands if command.callback}
    groups = {
        f"{group.name} {command.name or command.callback.__name__}"
        for group in app.registered_groups
        if group.typer_instance
        for command in group.typer_instance.registered_commands
        if command.callback
    }
    shown = {" ".join(line.split()[:2]) for line in LINES} | {line.split()[0] for line in LINES}
    assert (named | groups) - shown == set()
