"""The figures in docs/explanation/reliability.md, which `python -m tests.simulation.engine.page` renews."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from infra.capacity.generated_section import replace_section

_ROOT: Final = Path(__file__).parents[3]
FIGURES: Final = _ROOT / ".local" / "simulate.json"
CAMPAIGN: Final = _ROOT / ".local" / "simulate-campaign.json"
PAGE: Final = _ROOT / "docs" / "explanation" / "reliability.md"
#: What each figure is, in the order of the table. Without a figure, its row says so.
ROWS: Final = {
    "histories": "histories with at least two workers, 12 deliveries and two faults",
    "deliveries": "deliveries in them",
    "median_deliveries": "median of a history",
    "crash_points": "moments of an operation at which its worker can die: before and after each call",
    "crash_points_visited": "of them visited, in a history each",
    "lost_answer_points": "writes of an operation whose answer can be lost, in two ways each",
    "lost_answer_points_visited": "of them visited, in a history each",
    "scenarios": "scripted histories, which lead to rare branches",
    "violations": "histories in which an invariant did not hold",
    "sometimes": "rare branches in the code",
    "sometimes_reached": "of them reached",
    "planted": "defects planted",
    "planted_caught": "of them found by their test or an invariant",
    "planted_caught_by_invariants": "of them found by an invariant",
    "seconds": "seconds on two cores, without the defects",
    "planted_seconds": "seconds for the defects",
}
#: The same for the figures of the campaign.
CAMPAIGN_ROWS: Final = {
    "histories": "histories of the campaign",
    "deliveries": "deliveries in them",
}


def table(figures: Mapping[str, Any], campaign: Mapping[str, Any]) -> str:
    """Return the table of the figures."""
    rows = [f"| {what} | {_shown(figures.get(name))} |" for name, what in ROWS.items()]
    rows += [f"| {what} | {_shown(campaign.get(name))} |" for name, what in CAMPAIGN_ROWS.items()]
    return "\n".join(["| figure | |", "| --- | ---: |", *rows]) + "\n"


def _shown(value: float | None) -> str:
    return "not measured" if value is None else f"{value:,.0f}"


def _stored(path: Path) -> dict[str, Any]:
    figures: dict[str, Any] = json.loads(path.read_text("utf-8")) if path.exists() else {}
    return figures


if __name__ == "__main__":
    replace_section(PAGE, table(_stored(FIGURES), _stored(CAMPAIGN)))
