"""`make chaos`: rounds of work on the real local stack, with faults in storage and vault and parts that are killed.

Rounds that are done are kept in `.local/chaos.json` with the seed and the commit, and are not repeated: what was
interrupted goes on with the next round. `make chaos ROUNDS=1 SMALL=1` runs one short round, and keeps nothing.
"""

import argparse
import asyncio
import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, Final

import msgspec

from infra.local.stack.child import ROOT
from tests.chaos.page import OUT, figures
from tests.chaos.plan import LARGE, SMALL, Round, Step, rounds
from tests.chaos.round import Result, run

_SEED: Final = 2026
#: Recipients and steps of a short round.
_SHORT: Final = 300
_SHORT_STEPS: Final = 2


def main() -> None:
    """Run the rounds, print what they showed, and exit with 1 if one differed from its twin."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--rounds", type=int, help="number of rounds; default: all that are not done")
    parser.add_argument("--only", type=int, help="the number of a single round, done or not")
    parser.add_argument("--small", action="store_true", help="short rounds of few recipients; nothing is kept")
    parser.add_argument("--recipients", type=int, default=SMALL, help="recipients of a small round")
    parser.add_argument("--large", type=int, default=LARGE, help="recipients of a large round")
    parser.add_argument("--seed", type=int, default=_SEED)
    chosen = parser.parse_args()
    planned = rounds(chosen.recipients, chosen.large)
    if chosen.small:
        planned = [_short(one) for one in planned]
    kept = Kept.load(chosen.seed)
    if chosen.only is not None:
        planned = [one for one in planned if one.number == chosen.only]
    elif not chosen.small:
        planned = [one for one in planned if not kept.has(one)]
    failed = 0
    for one in planned[: chosen.rounds]:
        commit = _commit()
        result = _result_of(one, chosen.seed)
        print(msgspec.json.format(msgspec.json.encode(result), indent=1).decode(), flush=True)
        failed += bool(result.differences)
        if not chosen.small:
            kept.add(result, commit)
    sys.exit(1 if failed else 0)


class Kept(msgspec.Struct):
    """The rounds that were run with a seed, each with its commit."""

    seed: int
    rounds: list[dict[str, Any]] = []

    @classmethod
    def load(cls, seed: int) -> "Kept":
        """Return the rounds of a seed that are kept."""
        known = json.loads(OUT.read_text("utf-8")) if OUT.exists() else {}
        return cls(seed=seed, rounds=known["rounds"] if known.get("seed") == seed else [])

    def has(self, planned: Round) -> bool:
        """Return whether a round was run in this size, and ended as its twin."""
        return any(
            one["number"] == planned.number and one["recipients"] == planned.recipients and not one["differences"]
            for one in self.rounds
        )

    def add(self, result: Result, commit: str) -> None:
        """Keep a round, in place of an earlier one with its number, and store the figures."""
        others = Kept.load(self.seed).rounds  # which may have ended since
        self.rounds = [one for one in others if one["number"] != result.number]
        self.rounds.append({**msgspec.to_builtins(result), "commit": commit})
        OUT.parent.mkdir(exist_ok=True)
        known = {"figures": figures(self.rounds), **msgspec.to_builtins(self)}
        OUT.write_text(json.dumps(known, indent=2) + "\n", encoding="utf-8")


def _short(planned: Round) -> Round:
    steps: tuple[Step, ...] = planned.steps[:_SHORT_STEPS]
    return msgspec.structs.replace(planned, recipients=_SHORT, steps=steps)


def _result_of(planned: Round, seed: int) -> Result:
    """Run a round. What prevents its end is a difference. The logs of a round with differences are kept."""
    folder = Path(tempfile.mkdtemp(prefix="chaos-"))
    print(f"round {planned.number}, seed {seed}, waits divided by {planned.factor:g}: {planned}", flush=True)
    try:
        result = asyncio.run(run(planned, seed, folder))
    except Exception as error:  # noqa: BLE001 - any failure of a round is news about the product or the round
        problem = f"{type(error).__name__}: {error}"
        result = Result(number=planned.number, recipients=planned.recipients, factor=planned.factor)
        result.differences = [problem, *(str(one) for one in getattr(error, "exceptions", ()))]
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
