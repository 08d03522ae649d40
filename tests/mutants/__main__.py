"""`make mutants`: plants each defect in a copy of the code, and requires that its test or the simulation finds it.

`--part N/M` takes every M-th defect, beginning with the N-th: CI takes ten by rotation.
"""

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from os import cpu_count, environ
from pathlib import Path
from typing import Final

from tests.mutants.planted import PLANTED, SIMULATION, Mutant

_ROOT: Final = Path(__file__).parents[2]
_OUT: Final = _ROOT / ".local" / "simulate.json"
#: Number of histories in which an invariant must find a defect.
_HISTORIES: Final = 1_500
#: Time for one defect, in seconds.
_TIMEOUT_S: Final = 300
#: Exit status of pytest if tests failed; any other says that they could not be run.
_FAILED: Final = 1


def main() -> None:
    """Plant the defects, print what found each, and exit with 1 if one was not found or no longer applies."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__)
    parser.add_argument("--part", default="0/1", help="N/M: every M-th defect, beginning with the N-th")
    first, step = map(int, parser.parse_args().part.split("/"))
    chosen = PLANTED[first % step :: step]
    with ThreadPoolExecutor(cpu_count()) as pool:
        missed = [problem for problem in pool.map(_problem_of, chosen) if problem]
    print(f"{len(chosen)} planted, {len(chosen) - len(missed)} caught", *missed, sep="\n")
    if len(chosen) == len(PLANTED):
        _store(len(chosen), len(chosen) - len(missed))
    sys.exit(1 if missed else 0)


def _problem_of(mutant: Mutant) -> str | None:
    """Return why a defect was not found; None if it was."""
    with _copy() as root:
        path = root / mutant.file
        text = path.read_text("utf-8")
        if text.count(mutant.old) != 1:
            return f"NOT APPLICABLE: {mutant.name} ({mutant.file} has it {text.count(mutant.old)} times)"
        path.write_text(text.replace(mutant.old, mutant.new), "utf-8")
        status = _run(root, _command(mutant))
    caught = status == _FAILED
    print(f"{'caught' if caught else f'MISSED ({status})'}: {mutant.name}", flush=True)
    return None if caught else f"MISSED: {mutant.name}, by {mutant.found_by}"


def _command(mutant: Mutant) -> Sequence[str]:
    if mutant.found_by == SIMULATION:
        return ["-m", "tests.simulation.engine", "--histories", str(_HISTORIES), "--long", "0", "--first"]
    return ["-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", mutant.found_by]


def _run(root: Path, command: Sequence[str]) -> int:
    environment = {**environ, "PYTHONPATH": str(root), "PYTHONDONTWRITEBYTECODE": "1"}
    try:
        return subprocess.run(
            [sys.executable, *command], cwd=root, env=environment, capture_output=True, check=False, timeout=_TIMEOUT_S
        ).returncode
    except subprocess.TimeoutExpired:
        return -1


@contextmanager
def _copy() -> Iterator[Path]:
    """Yield a copy of the code in which a defect can be planted."""
    with tempfile.TemporaryDirectory(prefix="mutant-") as folder:
        root = Path(folder)
        for name in ("shared", "infra", "tests"):
            shutil.copytree(_ROOT / name, root / name, ignore=shutil.ignore_patterns("node_modules", "__pycache__"))
        for name in ("function_app.py", "host.json", "pyproject.toml", "local.settings.example.json"):
            shutil.copy(_ROOT / name, root / name)
        (root / "docs").symlink_to(_ROOT / "docs")
        yield root


def _store(planted: int, caught: int) -> None:
    _OUT.parent.mkdir(exist_ok=True)
    known = json.loads(_OUT.read_text("utf-8")) if _OUT.exists() else {}
    figures = {**known, "planted": planted, "planted_caught": caught}
    _OUT.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
