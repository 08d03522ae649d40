"""The table of docs/performance/results.md: the latest results of `make bench` and `make bench-peers`, from found.json.

`python -m tests.bench.page` copies the results of .local/bench.json into found.json, and writes the table.
"""

import os
import platform
import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import msgspec

from infra.capacity.generated_section import replace_section
from infra.local.stack.child import ROOT
from tests.bench.__main__ import OUT

FOUND: Final = ROOT / "tests" / "bench" / "found.json"
PAGE: Final = ROOT / "docs" / "performance" / "results.md"
#: Longest list of values that the table shows.
_SHOWN: Final = 5
#: Longest line of the page, in characters.
_LINE: Final = 116


class Figure(msgspec.Struct, forbid_unknown_fields=True):
    """One result, as in `.local/bench.json`, and the machine on which it was measured."""

    value: float
    goal: str
    passed: bool = msgspec.field(name="pass")
    measured: dict[str, Any] = {}
    machine: str = ""


def found() -> dict[str, Figure]:
    """Return the stored results."""
    return msgspec.json.decode(FOUND.read_bytes(), type=dict[str, Figure])


def taken_over(kept: Mapping[str, Figure], measured: Mapping[str, Figure], machine: str) -> dict[str, Figure]:
    """Return the stored results, with those measured on this machine in place of the previous ones."""
    new = {key: msgspec.structs.replace(each, machine=machine) for key, each in measured.items()}
    return {**kept, **new}


def table(figures: Mapping[str, Figure]) -> str:
    """Return the page's generated section: a table of the figures, and what was measured for each."""
    lines = ["| figure | value | goal | |", "| --- | ---: | --- | --- |"]
    for key, figure in figures.items():
        mark = "" if figure.passed else "**missed**"
        lines.append(f"| `{key}` | {_short(figure.value)} | {figure.goal} | {mark} |")
    details = [_detail(key, figure.measured) for key, figure in figures.items()]
    machines = sorted({figure.machine for figure in figures.values()})
    measured_on = [f"Measured on {machine}." for machine in machines]
    return "\n".join([*lines, "", *measured_on, "", "### What was measured", "", *filter(None, details)]) + "\n"


def _detail(key: str, measured: Mapping[str, Any]) -> str:
    """Return the list item with the measured values of a figure; empty if there are none to show."""
    shown = _measured(measured)
    return textwrap.fill(f"- `{key}`, {shown}", _LINE, subsequent_indent="  ", break_on_hyphens=False) if shown else ""


def _measured(measured: Mapping[str, Any]) -> str:
    shown = []
    for name, value in measured.items():
        values = value if isinstance(value, list) else [value]
        if len(values) > _SHOWN or any(isinstance(each, dict | list) for each in values):
            continue
        shown.append(f"{name.replace('_', ' ')} {', '.join(map(_short, values))}")
    return "; ".join(shown)


def _short(value: object) -> str:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)
    if value == int(value):
        return f"{int(value):,}"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def machine() -> str:
    """Return the properties of the machine that affect results: processor, cores, Python."""
    models = [line.partition(":")[2].strip() for line in _lines(Path("/proc/cpuinfo")) if line.startswith("model name")]
    name = models[0] if models else platform.machine()
    return f"{os.cpu_count()} cores of {name}, Python {platform.python_version()}"


def _lines(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8").splitlines() if path.exists() else []


def main() -> None:
    """Store the latest results, and write the table."""
    measured = msgspec.json.decode(OUT.read_bytes(), type=dict[str, Figure])
    kept = taken_over(found() if FOUND.exists() else {}, measured, machine())
    FOUND.write_bytes(msgspec.json.format(msgspec.json.encode(kept), indent=1) + b"\n")
    replace_section(PAGE, table(kept))


if __name__ == "__main__":
    main()
