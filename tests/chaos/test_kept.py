"""Rounds that are kept are not repeated."""

from pathlib import Path

import msgspec

from tests.chaos.kept import done, keep, missing
from tests.chaos.plan import rounds
from tests.chaos.result import Result


def _missing(file: Path) -> list[int]:
    return [one.number for one in missing(done(file))]


def test_rounds_that_were_done_are_not_missing(tmp_path: Path) -> None:
    """In whatever order they end; a line each, which names the commit."""
    file, planned = tmp_path / "rounds.jsonl", rounds()
    assert _missing(file) == [one.number for one in planned]
    for plan in (planned[3], planned[0]):
        keep(plan, Result.of(plan), "abc", file)
    assert _missing(file) == [one.number for one in planned if one.number not in {0, 3}]
    assert [(one.number, one.commit) for one in done(file)] == [(0, "abc"), (3, "abc")]
    assert len(file.read_bytes().splitlines()) == 2


def test_a_round_that_differed_is_missing_until_it_was_done_again(tmp_path: Path) -> None:
    """It counts among those that were done."""
    file, plan = tmp_path / "rounds.jsonl", rounds()[0]
    keep(plan, Result.of(plan, differences=["x"]), "abc", file)
    assert (0 in _missing(file), len(done(file))) == (True, 1)
    keep(plan, Result.of(plan), "abd", file)
    assert (0 in _missing(file), len(done(file))) == (False, 1)


def test_a_round_whose_plan_has_changed_is_not_done(tmp_path: Path) -> None:
    """It has shown something else."""
    file, plan = tmp_path / "rounds.jsonl", rounds()[0]
    keep(msgspec.structs.replace(plan, rate=0.5), Result.of(plan), "abc", file)
    assert (0 in _missing(file), done(file)) == (True, [])
