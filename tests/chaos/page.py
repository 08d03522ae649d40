"""The figures of `make chaos` in docs/explanation/reliability.md, which `python -m tests.chaos.page` renews."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Final

from infra.capacity.generated_section import replace_section
from infra.local.stack.child import ROOT
from tests.chaos import waits
from tests.chaos.events import Event
from tests.chaos.kept import Done, done
from tests.chaos.plan import LARGE

PAGE: Final = ROOT / "docs" / "explanation" / "reliability.md"
SECTION: Final = "chaos"
_NOT_MEASURED: Final = "not measured"


def figures(rounds: Sequence[Done]) -> str:
    """Return the tables of the figures of rounds."""
    faults, events = Counter[str](), Counter[str]()
    for one in rounds:
        faults.update(one.faults)
        events.update(one.events)
    short = _longest(one for one in rounds if one.factor != 1)
    real = _longest(one for one in rounds if one.factor == 1)
    rows = {
        "rounds": len(rounds),
        "of them with 100,000 recipients": sum(one.recipients >= LARGE for one in rounds),
        "rounds that differ from their twin": sum(bool(one.differences) for one in rounds),
        "requests that met a fault": sum(faults.values()),
        "parts killed, ended or stopped": sum(count for name, count in events.items() if "SIG" in name),
        "events for which the work was over too early": sum(one.missed for one in rounds),
        "syncs and imports that failed, and were repeated as by a customer": sum(one.repeated for one in rounds),
        "factor by which waits are divided": waits.FACTOR,
        "longest time from an event to the next write, in seconds": max(short.values(), default=None),
        "longest that the waits allow, in seconds": waits.longest_s(waits.FACTOR),
        "the same at real waits: measured": max(real.values(), default=None),
        "the same at real waits: allowed": waits.longest_s(1),
    }
    return "\n".join(
        [
            *_table(("figure", ""), ((what, _shown(value)) for what, value in rows.items())),
            *_table(("fault", "times"), ((what, _shown(count)) for what, count in sorted(faults.items()))),
            *_table(
                ("event", "times", "longest time until the next write, in seconds", "the same at real waits"),
                ((what, _shown(events[what]), _shown(short.get(what)), _shown(real.get(what))) for what in Event),
            ),
        ]
    )


def _longest(rounds: Iterable[Done]) -> dict[str, float]:
    found: dict[str, float] = {}
    for one in rounds:
        for event, wait_s in one.recovery_s.items():
            found[event] = max(wait_s, found.get(event, 0.0))
    return found


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    align = ["---", *["---:"] * (len(head) - 1)]
    return [*(f"| {' | '.join(cells)} |".replace("|  |", "| |") for cells in (head, align, *rows)), ""]


def _shown(value: float | None) -> str:
    return _NOT_MEASURED if value is None else f"{value:,.0f}"


if __name__ == "__main__":
    replace_section(PAGE, figures(done()), name=SECTION)
