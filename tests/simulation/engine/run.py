"""Many histories on all cores, every point of the operations, and the rare branches."""

import json
import re
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from itertools import chain
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any, Final

from tests.simulation.engine.campaign import LONG_DELIVERIES, Do, Done, Job, Scenarios, all_visits, histories, workers
from tests.simulation.engine.history import MIN_DELIVERIES, Outcome, minimised, simulate
from tests.simulation.engine.play import name_of, play
from tests.simulation.engine.scenarios import ALL
from tests.simulation.engine.seeds import keep
from tests.simulation.engine.sometimes import described, points

_LOCAL: Final = Path(__file__).parents[3] / ".local"
FIGURES: Final = _LOCAL / "simulate.json"
CAMPAIGN: Final = _LOCAL / "simulate-campaign.json"
#: Number of histories that count, and of long ones among them.
HISTORIES: Final = 20_000
LONG: Final = 500
#: Number of deliveries of a campaign, and of histories between two looks at it.
_CAMPAIGN_DELIVERIES: Final = 1_000_000
_CAMPAIGN_STEP: Final = 2_000
#: The first seed of a campaign: later than those of `run`.
_CAMPAIGN_FIRST: Final = 2 * HISTORIES
#: How the violation of an invariant begins.
INVARIANT: Final = re.compile(r"I\d+: ")
#: Number of failing histories of which the trace is printed.
_TRACED: Final = 3


def run(wanted: int, long: int) -> int:
    """Simulate, print and store the figures, and return 1 if anything was violated or not reached."""
    began = perf_counter()
    total, branches = _total(wanted, long), set(points())
    missed = sorted(branches - total.reached)
    for point in missed:
        print(f"never reached: {described(point)}")
    figures: dict[str, Any] = {
        "histories": len(total.deliveries),
        "deliveries": sum(total.deliveries),
        "median_deliveries": median(total.deliveries or [0]),
        "crash_points": total.crash_points,
        "crash_points_visited": total.crash_points_visited,
        "lost_answer_points": total.lost_answer_points,
        "lost_answer_points_visited": total.lost_answer_points_visited,
        "scenarios": total.scenarios,
        "violations": len(total.failed),
        "sometimes": len(branches),
        "sometimes_reached": len(total.reached & branches),
        "seconds": round(perf_counter() - began, 1),
    }
    store(FIGURES, figures)
    for name, value in figures.items():
        print(f"{name:28} {value}")
    print(f"{'histories that are long':28} {total.long}")
    _report(total)
    visited = total.crash_points_visited + total.lost_answer_points_visited
    is_visited = visited == total.crash_points + total.lost_answer_points
    # A sample need not reach every branch.
    is_reached = not missed or wanted < HISTORIES
    return 0 if not total.failed and is_visited and is_reached else 1


def _total(wanted: int, long: int) -> Done:
    """Play all scenarios, do all visits, and histories until as many count as are wanted."""
    total, first, first_long = Done(), 0, 0
    jobs: list[Job] = [Scenarios(), *all_visits()]
    with workers() as do:
        while True:
            missing, missing_long = wanted + long - len(total.deliveries), long - total.long
            if missing_long > 0:
                jobs += histories(range(first_long, first_long + missing_long), LONG_DELIVERIES, chunk=1)
                first_long += missing_long
            if (short := missing - max(missing_long, 0)) > 0:
                short += short // 15  # those that do not count
                jobs += histories(range(first, first + short), MIN_DELIVERIES)
                first += short
            if not jobs:
                return total
            _add(total, do(jobs))
            jobs = []


def campaign() -> int:
    """Go on with seeds that no campaign has tried, until a million deliveries are reached. Return 1 if one failed."""
    with workers() as do:
        state = continued(CAMPAIGN, _CAMPAIGN_DELIVERIES, do)
    print(f"{state['histories']:,} histories, {state['deliveries']:,} deliveries, {len(state['failed'])} failed")
    return 1 if state["failed"] else 0


def continued(path: Path, wanted: int, do: Do, step: int = _CAMPAIGN_STEP) -> dict[str, Any]:
    """Go on with a campaign that is stored, and store it after each step, until it has the wanted deliveries."""
    state = {"next_seed": _CAMPAIGN_FIRST, "histories": 0, "deliveries": 0, "failed": [], **stored(path)}
    while state["deliveries"] < wanted:
        total, first = Done(), state["next_seed"]
        _add(total, do(histories(range(first, first + step), MIN_DELIVERIES)))
        state = {
            "next_seed": first + step,
            "histories": state["histories"] + len(total.deliveries),
            "deliveries": state["deliveries"] + sum(total.deliveries),
            "failed": state["failed"] + [f"{failure.where}: {failure.what}" for failure in total.failed],
        }
        store(path, state)
        _report(total)
        print(f"{state['deliveries']:,} deliveries, next seed {state['next_seed']}", flush=True)
    return state


def repeat(seed: int, deliveries: int) -> int:
    """Repeat one history, and print what happens with as few faults as it fails with. Return 1 if it fails."""
    outcome = simulate(seed, deliveries)
    if outcome.violations:
        outcome = minimised(seed, deliveries)
    _print(outcome, deliveries)
    return 1 if outcome.violations else 0


def first_failure(wanted: int) -> int:
    """Print the first scenario or history in which an invariant does not hold, in this process. Return 1 then.

    Return 3 if none is violated, and something broke off.
    """
    broken = 0
    for name, simulated in chain(_scenarios(), _seeds(wanted)):
        try:
            violations = simulated().violations
        except Exception as error:  # noqa: BLE001 - a defect that was planted can break a script anywhere
            violations = [f"{type(error).__name__}: {error}"]
        if any(map(INVARIANT.match, violations)):
            print(f"{name}:", *violations, sep="\n  ")
            return 1
        broken = 3 if violations else broken
    return broken


def _scenarios() -> Iterator[tuple[str, Callable[[], Outcome]]]:
    return ((name_of(scenario), partial(play, scenario)) for scenario in ALL)


def _seeds(wanted: int) -> Iterator[tuple[str, Callable[[], Outcome]]]:
    return ((f"seed {seed}", partial(simulate, seed)) for seed in range(wanted))


def _report(total: Done) -> None:
    """Keep the seeds that have failed, and print the traces of some of them."""
    seeds = {failure.history: failure.what for failure in total.failed if failure.history is not None}
    keep(seeds)
    for seed, deliveries in list(seeds)[:_TRACED]:
        _print(minimised(seed, deliveries), deliveries)


def _print(outcome: Outcome, deliveries: int) -> None:
    print(*outcome.trace, sep="\n")
    print(f"seed {outcome.seed} with {deliveries} deliveries: {outcome.faults}", *outcome.violations, sep="\n  ")


def _add(total: Done, found: Iterable[Done]) -> None:
    """Add what jobs find, and print what fails."""
    for done in found:
        for failure in done.failed:
            print(f"{failure.where}: {failure.what}", flush=True)
        total.add(done)


def stored(path: Path) -> dict[str, Any]:
    """Return stored figures; nothing if there are none."""
    figures: dict[str, Any] = json.loads(path.read_text("utf-8")) if path.exists() else {}
    return figures


def store(path: Path, figures: dict[str, Any]) -> None:
    """Add figures to those that are stored."""
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(stored(path) | figures, indent=2) + "\n", encoding="utf-8")
