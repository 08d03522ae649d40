"""`make simulate`: many histories on all cores, every point of the operations, and the rare branches.

Figures are printed and written to `.local/simulate.json`. A history that fails is printed with as few faults as it
fails with, and its seed is kept, so that the suite repeats it. `--seed N` repeats a history.
"""

import argparse
import sys

from tests.simulation.engine.process import begin


def main() -> None:
    """Simulate, print the figures, and exit with 1 if an invariant did not hold or anything was not reached."""
    begin()
    from tests.simulation.engine import run  # noqa: PLC0415 - imports the product, which must note what it reaches
    from tests.simulation.engine.history import MIN_DELIVERIES  # noqa: PLC0415 - as above

    parser = argparse.ArgumentParser(prog="python -m tests.simulation.engine", description=__doc__)
    parser.add_argument("--histories", type=int, default=run.HISTORIES)
    parser.add_argument("--long", type=int, default=run.LONG)
    parser.add_argument("--first", action="store_true", help="end at the first history that fails")
    parser.add_argument("--seed", type=int, help="repeat one history, and print what happens")
    parser.add_argument("--deliveries", type=int, default=MIN_DELIVERIES, help="those of the repeated history")
    parser.add_argument("--campaign", action="store_true", help="go on from the last seed to a million deliveries")
    chosen = parser.parse_args()
    if chosen.seed is not None:
        sys.exit(run.repeat(chosen.seed, chosen.deliveries))
    if chosen.first:
        sys.exit(run.first_failure(chosen.histories))
    sys.exit(run.campaign() if chosen.campaign else run.run(chosen.histories, chosen.long))


if __name__ == "__main__":
    main()
