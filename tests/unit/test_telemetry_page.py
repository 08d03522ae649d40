"""docs/reference/telemetry.md lists every metric of the product, and nothing else."""

import re
from pathlib import Path

from shared.telemetry.metrics import METRICS

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "reference" / "telemetry.md").read_text(encoding="utf-8")


def _cells(section: str) -> list[list[str]]:
    """Return the rows of the table of a section."""
    text = PAGE.split(f"\n## {section}\n")[1].split("\n## ")[0]
    return [
        [cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line.startswith("| `")
    ]


def test_the_page_lists_every_metric() -> None:
    """With instrument, unit and attributes, in the order of the code."""
    rows = [
        [
            f"`{metric.name}`",
            str(metric.instrument),
            f"`{metric.unit}`",
            ", ".join(f"`{name}`" for name in metric.attributes),
        ]
        for metric in METRICS
    ]
    assert _cells("Metrics") == rows


def test_each_metric_is_explained() -> None:
    """The text below the table says when it is recorded, and the values of its attributes."""
    explained = set(re.findall(r"\*\*(recipient_sync\.[\w.]+)\*\*", PAGE))
    assert {metric.name for metric in METRICS} - explained == set()
