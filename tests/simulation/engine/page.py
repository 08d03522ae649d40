"""The figures in docs/explanation/reliability.md, which `python -m tests.simulation.engine.page` renews."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from infra.capacity.generated_section import replace_section

_ROOT: Final = Path(__file__).parents[3]
FIGURES: Final = _ROOT / ".local" / "simulate.json"
PAGE: Final = _ROOT / "docs" / "explanation" / "reliability.md"
#: What each figure is, in the order of the table. Without a figure, its row says so.
_ROWS: Final = {
    "histories": "histories with at least two workers, 12 deliveries and two faults",
    "long_histories": "of them with at least 300 deliveries",
    "deliveries": "deliveries in them",
    "median_deliveries": "median of a history",
    "crash_points_visited": "points of an operation at which its worker died",
    "lost_answer_points_visited": "writes of an operation whose answer was lost",
    "violations": "invariants that did not hold",
    "sometimes_reached": "rare branches that ran",
    "sometimes": "rare branches in the code",
    "campaign_deliveries": "deliveries of the last campaign",
    "planted": "defects planted",
    "planted_caught": "of them found by their test or the simulation",
}


def table(figures: Mapping[str, Any]) -> str:
    """Return the table of the figures."""
    rows = [f"| {what} | {_shown(figures.get(name))} |" for name, what in _ROWS.items()]
    return "\n".join(["| figure | |", "| --- | ---: |", *rows]) + "\n"


def _shown(value: float | None) -> str:
    return "not measured" if value is None else f"{value:,.0f}"


if __name__ == "__main__":
    replace_section(PAGE, table(json.loads(FIGURES.read_text("utf-8"))))
