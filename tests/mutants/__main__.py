"""`make mutants`: plants each defect in a copy of the code, and requires that its test or the simulation finds it.

`--rotate N` takes N of them, others each day: CI takes ten. `--name TEXT` takes those whose name contains the text.
"""

import argparse
import json
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, date, datetime
from os import cpu_count, environ
from pathlib import Path
from typing import Final

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
    with ThreadPoolExecutor(cpu_count()) as pool:
        missed = [problem for problem in pool.map(_problem_of, planted) if problem]
    print(f"{len(planted)} planted, {len(planted) - len(missed)} caught", *missed, sep="\n")
    if len(planted) == len(PLANTED):
        _store(len(planted), len(planted) - len(missed))
    sys.exit(1 if missed or not planted else 0)


def rotated(planted: Sequence[Mutant], number: int, day: date) -> list[Mutant]:
    """Return the defects of a day. Those of following days follow, so that each has its turn."""
    first = day.toordinal() * number % len(planted)
    return [planted[(first + offset) % len(planted)] for offset in range(min(number, len(planted)))]


def _problem_of(mutant: Mutant) -> str | None:
    """Return why a defect was not found; None if it was."""
    with _copy() as root:
        path = root / mutant.file
        text = path.read_text("utf-8")
        if text.count(mutant.old) != 1:
            return f"NOT APPLICABLE: {mutant.name} ({mutant.file} has it {text.count(mutant.old)} times)"
        path.write_text(text.replace(mutant.old, mutant.new), "utf-8")
        status, found_by = _run(root, _command(mutant))
    caught = status == _FAILED and found_by is not None  # a test that cannot be run fails without a name
    print(f"{'caught' if caught else f'MISSED ({status})'}: {mutant.name}, by {found_by}", flush=True)
    return None if caught else f"MISSED: {mutant.name}, by {mutant.found_by}"


def _command(mutant: Mutant) -> Sequence[str]:
    if mutant.found_by == SIMULATION:
        return ["-m", "tests.simulation.engine", "--histories", str(_HISTORIES), "--long", "0", "--first"]
    return ["-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", mutant.found_by]


def _run(root: Path, command: Sequence[str]) -> tuple[int, str | None]:
    """Return the exit status, and the test that failed or the invariant that did not hold."""
    environment = {**environ, "PYTHONPATH": str(root), "PYTHONDONTWRITEBYTECODE": "1"}
    arguments = [sys.executable, *command]
    try:
        ended = subprocess.run(
            arguments, cwd=root, env=environment, capture_output=True, text=True, check=False, timeout=_TIMEOUT_S
        )
    except subprocess.TimeoutExpired:
        return -1, None
    found = _FOUND.search(ended.stdout)
    return ended.returncode, found[0] if found else None


@contextmanager
def _copy() -> Iterator[Path]:
    """Yield a copy of the code in which a defect can be planted."""
    with tempfile.TemporaryDirectory(prefix="mutant-") as folder:
        root = Path(folder)
        for name in ("shared", "infra", "tests"):
            shutil.copytree(_ROOT / name, root / name, ignore=shutil.ignore_patterns("node_modules", "__pycache__"))
        for name in ("function_app.py", "host.json", "pyproject.toml", "local.settings.example.json"):
            shutil.copy(_ROOT / name, root / name)
        for name in ("docs", "infra/local/azurite/node_modules"):  # the latter is what `make setup` has installed
            (root / name).symlink_to(_ROOT / name)
        yield root


def _store(planted: int, caught: int) -> None:
    _OUT.parent.mkdir(exist_ok=True)
    known = json.loads(_OUT.read_text("utf-8")) if _OUT.exists() else {}
    figures = {**known, "planted": planted, "planted_caught": caught}
    _OUT.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
