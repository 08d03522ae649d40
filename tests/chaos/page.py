"""The figures of `make chaos` in docs/explanation/reliability.md, which `python -m tests.chaos.page` renews."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final

from infra.capacity.generated_section import replace_section
from infra.local.stack.child import ROOT
from tests.chaos import waits
from tests.chaos.plan import LARGE

OUT: Final = ROOT / ".local" / "chaos.json"
PAGE: Final = ROOT / "docs" / "explanation" / "reliability.md"
SECTION: Final = "chaos"


def figures(rounds: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the figures of rounds, as `chaos.json` keeps them."""
    faults, events = Counter[str](), Counter[str]()
    for one in rounds:
        faults.update(one["faults"])
        events.update(one["events"])
    short = [one["longest_recovery_s"] for one in rounds if one["factor"] != 1]
    real = [one["longest_recovery_s"] for one in rounds if one["factor"] == 1]
    return {
        "rounds": len(rounds),
        "rounds_of_100000": sum(one["recipients"] >= LARGE for one in rounds),
        "commits": sorted({one["commit"] for one in rounds}),
        "differences": sum(bool(one["differences"]) for one in rounds),
        "faults": dict(sorted(faults.items())),
        "events": dict(sorted(events.items())),
        "kills": sum(count for name, count in events.items() if "SIG" in name),
        "repeated": sum(one["repeated"] for one in rounds),
        "factor": waits.FACTOR,
        "longest_recovery_s": max(short, default=None),
        "longest_allowed_s": waits.longest_s(waits.FACTOR),
        "longest_recovery_at_real_waits_s": max(real, default=None),
        "longest_allowed_at_real_waits_s": waits.longest_s(1),
    }


def table(known: Mapping[str, Any]) -> str:
    """Return the tables of the figures."""
    rows = {
        "rounds": known["rounds"],
        "of them with 100,000 recipients": known["rounds_of_100000"],
        "rounds that differ from their twin": known["differences"],
        "parts killed, ended or stopped": known["kills"],
        "syncs and imports that failed, and were repeated as by a customer": known["repeated"],
        "factor by which waits are divided": known["factor"],
        "longest time from an event to the next write, in seconds": known["longest_recovery_s"],
        "longest that the waits allow, in seconds": known["longest_allowed_s"],
        "the same at real waits: measured": known["longest_recovery_at_real_waits_s"],
        "the same at real waits: allowed": known["longest_allowed_at_real_waits_s"],
    }
    return "\n".join(
        [
            "| figure | |",
            "| --- | ---: |",
            *(f"| {what} | {_shown(value)} |" for what, value in rows.items()),
            "",
            "| fault or event | times |",
            "| --- | ---: |",
            *(f"| {what} | {count:,} |" for what, count in (known["faults"] | known["events"]).items()),
            "",
        ]
    )


def _shown(value: float | None) -> str:
    return "not measured" if value is None else f"{value:,.0f}"


if __name__ == "__main__":
    replace_section(PAGE, table(json.loads(OUT.read_text("utf-8"))["figures"]), name=SECTION)
