"""What the hook before `azd provision` stores: the start of the budget once, and the window of an alert each time."""

import os
import re
import subprocess
from pathlib import Path

import pytest

from infra.azure.two_periods import WINDOWS, window
from infra.local.functions_host.errors import Rejected
from infra.local.stack.child import ROOT

HOOK = ROOT / "infra" / "azure" / "before_provision.sh"
AZD = '#!/bin/sh\necho "$*" >> "$STORED"\n'


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        ("0 0 * * * *", "PT2H"),
        ("0 */5 * * * *", "PT1H"),
        ("* * * * * *", "PT1H"),
        ("0 0 */3 * * *", "PT6H"),
        ("0 0 */4 * * *", "P1D"),
        ("0 0 6 * * *", "P2D"),
        ("0 0 8-18 * * *", "P2D"),
        ("0 0 6 * * 1", "P2D"),
    ],
)
def test_the_window_has_two_periods(schedule: str, expected: str) -> None:
    """Of the longest pause between two occurrences; two days are the most that Azure accepts."""
    assert window(schedule) == expected


def test_the_windows_are_those_of_azure() -> None:
    """A name stands for its length."""
    for name, length in WINDOWS.items():
        number, unit = re.fullmatch(r"PT?(\d+)([HD])", name).groups()  # type: ignore[union-attr]
        assert length.total_seconds() == int(number) * {"H": 3600, "D": 86_400}[unit]


def test_an_invalid_schedule_is_refused() -> None:
    """With the form that is expected."""
    with pytest.raises(Rejected, match="NCRONTAB"):
        window("hourly")


def stored(folder: Path, **environment: str) -> tuple[int, list[str]]:
    """Run the hook as azd does. Return its exit code, and what it stores in the azd environment."""
    (folder / "azd").write_text(AZD)
    (folder / "azd").chmod(0o755)
    calls = folder / "calls"
    calls.write_text("")
    variables = {"PATH": f"{folder}{os.pathsep}{os.environ['PATH']}", "STORED": str(calls), **environment}
    done = subprocess.run(["sh", str(HOOK)], cwd=ROOT, env=variables, check=False, capture_output=True)  # noqa: S603, S607
    return done.returncode, calls.read_text().splitlines()


def test_the_first_time(tmp_path: Path) -> None:
    """The month begins with its first day."""
    code, (budget, periods) = stored(tmp_path)
    assert code == 0
    assert re.fullmatch(r"env set BUDGET_START 20\d\d-\d\d-01", budget)
    assert periods == "env set TWO_PERIODS PT2H"


def test_the_next_time(tmp_path: Path) -> None:
    """The start of the budget stays, and the window follows the schedule."""
    code, calls = stored(tmp_path, BUDGET_START="2026-01-01", SYNC_SCHEDULE="0 30 5 * * *")
    assert (code, calls) == (0, ["env set TWO_PERIODS P2D"])


def test_a_deployment_ends_at_an_invalid_schedule(tmp_path: Path) -> None:
    """Before anything is changed in Azure."""
    code, calls = stored(tmp_path, BUDGET_START="2026-01-01", SYNC_SCHEDULE="hourly")
    assert code != 0
    assert calls == []
