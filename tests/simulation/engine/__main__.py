"""`make simulate`: many histories on all cores, every point of the operations, and the rare branches.

Figures are printed and written to `.local/simulate.json`. What fails is printed with its seed, which
`python -m tests.simulation.engine --seed N` repeats with as few faults as it fails with.
"""

import argparse
import json
import logging
import sys
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any, Final

from tests.simulation.engine.campaign import Done, Job, worked
from tests.simulation.engine.history import ACTIONS, Outcome, minimised, simulate
from tests.simulation.engine.points import OPERATIONS
from tests.simulation.engine.sometimes import points

_OUT: Final = Path(__file__).parents[3] / ".local" / "simulate.json"
#: Number of histories, and of long ones.
_HISTORIES: Final = 20_000
_LONG: Final = 500
#: Number of actions after which nearly all histories are long.
_LONG_ACTIONS: Final = 240
#: Number of deliveries of a campaign, and of histories between two looks at it.
_CAMPAIGN: Final = 1_000_000
_CAMPAIGN_STEP: Final = 2_000


def main() -> None:
    """Simulate, print the figures, and exit with 1 if an invariant did not hold."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation.engine", description=__doc__)
    parser.add_argument("--histories", type=int, default=_HISTORIES)
    parser.add_argument("--long", type=int, default=_LONG)
    parser.add_argument("--first", action="store_true", help="end at the first history that fails")
    parser.add_argument("--seed", type=int, help="repeat one history, and print what happens")
    parser.add_argument("--actions", type=int, default=ACTIONS, help="number of actions of the repeated history")
    parser.add_argument("--campaign", action="store_true", help="go on from the last seed to a million deliveries")
    chosen = parser.parse_args()
    logging.disable(logging.CRITICAL)
    if chosen.seed is not None:
        sys.exit(_repeat(chosen.seed, chosen.actions))
    began = perf_counter()
    if chosen.first:
        sys.exit(1 if _fails(chosen.histories) else 0)
    figures = _campaign() if chosen.campaign else _figures(chosen.histories, chosen.long)
    figures["seconds"] = round(perf_counter() - began, 1)
    _store(figures)
    for name, value in figures.items():
        print(f"{name:28} {value}")
    sys.exit(1 if figures["violations"] else 0)


def _repeat(seed: int, actions: int) -> int:
    outcome = simulate(seed, actions)
    if outcome.violations:
        outcome = minimised(seed, actions)
    _print(outcome, actions)
    return 1 if outcome.violations else 0


def _print(outcome: Outcome, actions: int) -> None:
    print(*outcome.trace, sep="\n")
    print(f"seed {outcome.seed} with {actions} actions: {outcome.faults}", *outcome.violations, sep="\n  ")


def _fails(histories: int) -> bool:
    """Return whether a history fails, with the first one that does printed."""
    for seed in range(histories):
        outcome = simulate(seed)
        if outcome.violations:
            print(f"seed {seed}:", *outcome.violations, sep="\n  ")
            return True
    return False


def _figures(histories: int, long: int) -> dict[str, Any]:
    jobs = [Job(number, 0) for number in range(len(OPERATIONS))]
    jobs += [Job(seed, _LONG_ACTIONS) for seed in range(long)]
    jobs += [Job(seed, ACTIONS) for seed in range(histories)]
    total = _done(jobs)
    branches = set(points())
    for name, line in sorted(branches - total.reached):
        print(f"never reached: {name}:{line}")
    return {
        "histories": len(total.deliveries),
        "long_histories": total.long,
        "deliveries": sum(total.deliveries),
        "median_deliveries": median(total.deliveries or [0]),
        "crash_points_visited": total.crash_points,
        "lost_answer_points_visited": total.lost_answer_points,
        "violations": len(total.failed),
        "sometimes": len(branches),
        "sometimes_reached": len(total.reached & branches),
    }


def _campaign() -> dict[str, Any]:
    """Go on with seeds that no campaign has tried, until a million deliveries are reached."""
    known = _stored()
    seed, deliveries = known.get("campaign_next_seed", _HISTORIES), known.get("campaign_deliveries", 0)
    violations = known.get("campaign_violations", 0)
    while deliveries < _CAMPAIGN:
        done = _done([Job(number, ACTIONS) for number in range(seed, seed + _CAMPAIGN_STEP)])
        seed, deliveries, violations = (
            seed + _CAMPAIGN_STEP,
            deliveries + sum(done.deliveries),
            violations + len(done.failed),
        )
        _store({"campaign_next_seed": seed, "campaign_deliveries": deliveries, "campaign_violations": violations})
        print(f"{deliveries} deliveries, next seed {seed}", flush=True)
    return {"campaign_deliveries": deliveries, "violations": violations}


def _done(jobs: list[Job]) -> Done:
    total = Done()
    for done in worked(jobs):
        for failure in done.failed:
            print(failure, flush=True)
        total.add(done)
    return total


def _stored() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(_OUT.read_text("utf-8")) if _OUT.exists() else {}
    return found


def _store(figures: dict[str, Any]) -> None:
    _OUT.parent.mkdir(exist_ok=True)
    _OUT.write_text(json.dumps(_stored() | figures, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
