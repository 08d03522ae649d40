"""The defects that `make mutants` plants."""

import ast
from collections import Counter
from datetime import date, timedelta
from pathlib import Path

import pytest

from tests.mutants.__main__ import rotated
from tests.mutants.mutant import SIMULATION, Mutant
from tests.mutants.planted import PLANTED

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("mutant", PLANTED, ids=lambda mutant: mutant.name)
def test_a_defect_applies_and_names_its_test(mutant: Mutant) -> None:
    """The code has the line exactly once, the defect is Python, and the test exists."""
    text = (ROOT / mutant.file).read_text("utf-8")
    assert text.count(mutant.old) == 1
    assert ast.dump(ast.parse(text)) != ast.dump(ast.parse(text.replace(mutant.old, mutant.new)))
    if mutant.found_by != SIMULATION:
        path, _, name = mutant.found_by.partition("::")
        assert f"def {name}(" in (ROOT / path).read_text("utf-8")


def test_there_are_enough_defects() -> None:
    """At least forty, and seven of the protocol that an invariant finds."""
    assert len(PLANTED) >= 40
    assert len({mutant.name for mutant in PLANTED}) == len(PLANTED)
    assert sum(mutant.found_by == SIMULATION for mutant in PLANTED) >= 7


def test_each_defect_has_its_turn() -> None:
    """In as many days as it takes, as often as any other."""
    first, days = date(2026, 11, 30), len(PLANTED)
    turns = Counter(mutant.name for day in range(days) for mutant in rotated(PLANTED, 10, first + timedelta(days=day)))
    assert set(turns.values()) == {10}
