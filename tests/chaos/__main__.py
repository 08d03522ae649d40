"""`make chaos`: rounds of work on the real local stack, with faults in storage and vault and parts that are killed.

Rounds that are done are kept in `rounds.jsonl`, which is committed. They are not repeated unless their plan changes:
`make chaos` goes on with those that are missing. `make chaos ROUNDS=1 SMALL=1` runs one short round, and keeps nothing.
"""

import argparse
import asyncio
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

import msgspec

from infra.local.stack.child import ROOT
from tests.chaos.kept import SEED, done, keep, missing
from tests.chaos.plan import Round, Step, rounds
from tests.chaos.result import Result
from tests.chaos.round import Twins, run

#: Recipients and steps of a short round.
_SHORT: Final = 300
_SHORT_STEPS: Final = 2


def main() -> None:
    """Run the rounds, print what they showed, and exit with 1 if one differed from its twin."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--rounds", type=int, help="number of rounds; default: all that are not done")
    parser.add_argument("--only", type=int, nargs="+", help="the numbers of rounds, done or not")
    parser.add_argument("--small", action="store_true", help="short rounds of few recipients; nothing is kept")
    parser.add_argument("--seed", type=int, default=SEED, help="with another seed, nothing is kept")
    chosen = parser.parse_args()
    kept = not chosen.small and chosen.seed == SEED
    planned = missing(done()) if kept and chosen.only is None else rounds()
    if chosen.only is not None:
        planned = [one for one in planned if one.number in chosen.only]
    failed, twins = 0, Twins()
    for one in map(_short, planned[: chosen.rounds]) if chosen.small else planned[: chosen.rounds]:
        commit = _commit()
        result = _result_of(one, chosen.seed, twins)
        print(msgspec.json.format(msgspec.json.encode(result), indent=1).decode(), flush=True)
        failed += bool(result.differences)
        if kept:
            keep(one, result, commit)
    sys.exit(1 if failed else 0)


def _short(planned: Round) -> Round:
    steps: tuple[Step, ...] = planned.steps[:_SHORT_STEPS]
    return msgspec.structs.replace(planned, recipients=_SHORT, steps=steps)


def _result_of(planned: Round, seed: int, twins: Twins) -> Result:
    """Run a round. What prevents its end is a difference. The logs of a round with differences are kept."""
    folder = Path(tempfile.mkdtemp(prefix="chaos-"))
    print(f"round {planned.number}, seed {seed}, waits divided by {planned.factor:g}: {planned}", flush=True)
    try:
        result = asyncio.run(run(planned, seed, folder, twins))
    except Exception as error:  # noqa: BLE001 - any failure of a round is news about the product or the round
        problem = f"{type(error).__name__}: {error}"
        causes = map(str, getattr(error, "exceptions", ()))
        result = Result.of(planned, differences=[problem, *causes])
    if result.differences:
        print(f"logs: {folder / 'logs'}", flush=True)
    else:
        shutil.rmtree(folder, ignore_errors=True)
    return result


def _commit() -> str:
    command = ["git", "rev-parse", "--short", "HEAD"]
    return subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout.strip()


if __name__ == "__main__":
    main()
