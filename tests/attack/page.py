"""The figures of `make attack` in docs/explanation/reliability.md, which `python -m tests.attack.page` renews."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from infra.capacity.generated_section import replace_section

_ROOT: Final = Path(__file__).parents[2]
FIGURES: Final = _ROOT / ".local" / "attack.json"
PAGE: Final = _ROOT / "docs" / "explanation" / "reliability.md"
#: Name of the section.
NAME: Final = "attack"
#: What each figure is, in the order of the table.
_ROWS: Final = {
    "targets": "routes and queues",
    "inputs": "bad inputs",
    "least_inputs": "at the route or queue with the fewest",
    "decoded": "inputs that decode",
    "least_decoded": "at the route or queue with the fewest",
    "refused": "requests refused with 4xx and a code",
    "codes": "different codes",
    "recorded": "messages recorded in the operator log",
    "dropped": "messages dropped, because their run or import is not active",
    "accepted": "inputs accepted, or answered otherwise",
    "crashed": "answers of 500, and unexpected errors",
    "changed": "inputs that changed stored data",
    "slowest_ms": "most CPU time of an input in the thread of the event loop, in milliseconds",
    "seconds": "seconds",
}


def table(figures: Mapping[str, Any]) -> str:
    """Return the table of the figures, and the command that repeats them."""
    rows = [f"| {what} | {figures[name]:,.0f} |" for name, what in _ROWS.items()]
    repeats = f'`make attack ARGS="--seed {figures["seed"]}"` repeats these inputs.'
    return "\n".join(["| figure | |", "| --- | ---: |", *rows, "", repeats]) + "\n"


if __name__ == "__main__":
    replace_section(PAGE, table(json.loads(FIGURES.read_text("utf-8"))), name=NAME)
