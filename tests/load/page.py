"""The figures in docs/explanation/reliability.md, which `python -m tests.load.page` renews."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from infra.capacity.generated_section import replace_section

_ROOT: Final = Path(__file__).parents[2]
FIGURES: Final = _ROOT / ".local" / "load.json"
PAGE: Final = _ROOT / "docs" / "explanation" / "reliability.md"
#: The name of the section of the page.
SECTION: Final = "load"
#: What each figure is, and its goal.
_ROWS: Final = {
    "tenants": ("tenants of the timer's tick", ""),
    "synced": ("of them synced by the end", ""),
    "searched_people": ("recipients of the location that is searched", ""),
    "measured_s": ("length, in seconds", ""),
    "requests": ("requests to the API", ""),
    "limited": ("of them answered with 429", ""),
    "errors": ("of them answered with an error other than 429", "0"),
    "gets": ("`GET` requests of people in the portal", ""),
    "get_p99_ms": ("99th percentile of these, in milliseconds", ""),
    "table_p99_ms": ("99th percentile of a bare table read beside each, in milliseconds", ""),
    "get_to_table_p99": ("ratio of the two", "at most 3"),
    "hostile": ("hostile requests", ""),
    "longest_callback_ms": ("most CPU time of a callback of a worker's loop, in milliseconds", "50"),
    "searches_s": ("eight concurrent searches of that location, in seconds", ""),
}


def table(figures: Mapping[str, Any]) -> str:
    """Return the table of the figures."""
    rows = [f"| {what} | {_shown(figures.get(name))} | {goal} |" for name, (what, goal) in _ROWS.items()]
    return "\n".join(["| figure | measured | goal |", "| --- | ---: | ---: |", *rows]) + "\n"


def _shown(value: float | list[float] | None) -> str:
    if value is None:
        return "not measured"
    if isinstance(value, list):
        return ", ".join(f"{one:,.0f}" for one in value) or "none ended"
    return f"{value:,.0f}" if isinstance(value, int) or value >= 100 else f"{value:,.1f}"


if __name__ == "__main__":
    replace_section(PAGE, table(json.loads(FIGURES.read_text("utf-8"))), name=SECTION)
