"""`make mutants`: plants each defect in a copy of the code, and requires that its test or the simulation finds it.

`--rotate N` takes N of them, others each day: CI takes ten. `--name TEXT` takes those whose name contains the text.
"""

import argparse
import json
import re
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime
from functools import partial
from os import cpu_count, environ
from pathlib import Path
from time import monotonic
from typing import Final

from tests.mutants.copies import compiled, linked
from tests.mutants.mutant import SIMULATION, Mutant
from tests.mutants.planted import PLANTED

_ROOT: Final = Path(__file__).parents[2]
_OUT: Final = _ROOT / ".local" / "simulate.json"
#: Number of histories in which an invariant must find a defect.
_HISTORIES: Final = 1_500
#: Time for one defect, in seconds.
_TIMEOUT_S: Final = 300
#: A test that failed, or an invariant that did not hold.
_FOUND: Final = re.compile(r"(?<=FAILED )\S+|(?<=  )I\d+(?=: )")
_INVARIANT: Final = re.compile(r"I\d+")
#: A test fails by itself, not because the machine is busy: only `_TIMEOUT_S` ends it.
_PYTEST: Final = ("-m", "pytest", "-q", "-p", "no:cacheprovider", "--timeout", "0")
#: Exit status of pytest if tests failed; any other says that they could not be run.
_FAILED: Final = 1


def main() -> None:
    """Plant the defects, print what found each, and exit with 1 if one was not found or no longer applies."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__)
    parser.add_argument("--rotate", type=int, metavar="N", help="take N defects, others each day")
    parser.add_argument(
        "--day", type=date.fromisoformat, default=datetime.now(UTC).date(), help="the day, for --rotate"
    )
    parser.add_argument("--name", default="", help="take the defects whose name contains this text")
    chosen = parser.parse_args()
    planted = [mutant for mutant in PLANTED if chosen.name in mutant.name]
    if chosen.rotate:
        planted = rotated(planted, chosen.rotate, chosen.day)
        print(f"Those of {chosen.day}: --rotate {chosen.rotate} --day {chosen.day} plants them again.", flush=True)
    began = monotonic()
    with compiled() as base, ThreadPoolExecutor(cpu_count()) as pool:
        control = pool.submit(_failing_without_defect, base, planted)
        results = list(pool.map(partial(_result_of, base), planted))
    failing = control.result()
    caught = [found_by for found_by, _ in results if found_by]
    problems = [problem for _, problem in results if problem] + [f"FAILS WITHOUT A DEFECT: {test}" for test in failing]
    figures = {
        "planted": len(planted),
        "planted_caught": len(caught),
        "planted_caught_by_invariants": sum(_INVARIANT.fullmatch(found_by) is not None for found_by in caught),
        "planted_seconds": round(monotonic() - began, 1),
    }
    print(*(f"{name:28} {value}" for name, value in figures.items()), *problems, sep="\n")
    if len(planted) == len(PLANTED) and not failing:
        _store(figures)
    sys.exit(1 if problems or not planted else 0)


def rotated(planted: Sequence[Mutant], number: int, day: date) -> list[Mutant]:
    """Return the defects of a day. Those of following days follow, so that each has its turn."""
    first = day.toordinal() * number % len(planted)
    return [planted[(first + offset) % len(planted)] for offset in range(min(number, len(planted)))]


def _failing_without_defect(base: Path, planted: Iterable[Mutant]) -> list[str]:
    """Return which of the tests that are to find the defects fail without one: they would find anything."""
    tests = sorted({mutant.found_by for mutant in planted} - {SIMULATION})
    if not tests:
        return []
    with linked(base) as root:
        status, output = _run(root, [*_PYTEST, *tests])
    return [] if status == 0 else _FOUND.findall(output) or [f"the tests ended with {status}"]


def _result_of(base: Path, mutant: Mutant) -> tuple[str | None, str | None]:
    """Return what found a defect, and why nothing did: one of them is None."""
    began = monotonic()
    with linked(base) as root:
        path = root / mutant.file
        text = path.read_text("utf-8")
        if text.count(mutant.old) != 1:
            return None, f"NOT APPLICABLE: {mutant.name} ({mutant.file} has it {text.count(mutant.old)} times)"
        path.unlink()
        path.write_text(text.replace(mutant.old, mutant.new), "utf-8")
        status, output = _run(root, _command(mutant))
    found = _FOUND.search(output)
    if status == _FAILED and found:  # a test that cannot be run fails without a name
        print(f"{monotonic() - began:5.0f} s  caught: {mutant.name}, by {found[0]}", flush=True)
        return found[0], None
    problem = f"{'TOO LATE' if status is None else 'MISSED'}: {mutant.name}, by {mutant.found_by}"
    print(f"{monotonic() - began:5.0f} s  {problem} ({status})", flush=True)
    return None, problem


def _command(mutant: Mutant) -> Sequence[str]:
    if mutant.found_by == SIMULATION:
        return ["-m", "tests.simulation.engine", "--histories", str(_HISTORIES), "--long", "0", "--first"]
    return [*_PYTEST, "-x", mutant.found_by]


def _run(root: Path, command: Sequence[str]) -> tuple[int | None, str]:
    """Return the exit status, None if it took too long, and what was printed."""
    environment = {**environ, "PYTHONPATH": str(root), "PYTHONDONTWRITEBYTECODE": "1"}
    arguments = [sys.executable, *command]
    try:
        ended = subprocess.run(
            arguments, cwd=root, env=environment, capture_output=True, text=True, check=False, timeout=_TIMEOUT_S
        )
    except subprocess.TimeoutExpired:
        return None, ""
    return ended.returncode, ended.stdout


def _store(figures: Mapping[str, float]) -> None:
    _OUT.parent.mkdir(exist_ok=True)
    known = json.loads(_OUT.read_text("utf-8")) if _OUT.exists() else {}
    _OUT.write_text(json.dumps({**known, **figures}, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
