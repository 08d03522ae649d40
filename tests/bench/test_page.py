"""The page of measurements."""

from infra.capacity.generated_section import is_current
from tests.bench.__main__ import APART, KEYS
from tests.bench.page import PAGE, Figure, found, table, taken_over


def test_the_page_shows_what_was_measured() -> None:
    """A number that was changed by hand, or not after a measurement, is found."""
    assert is_current(PAGE, table(found())), "run `python -m tests.bench.page`"


def test_every_benchmark_is_on_the_page() -> None:
    """Its figures are named after it; or the page says what is known of it instead."""
    figures, said = found(), PAGE.read_text(encoding="utf-8")
    for key in (*KEYS, *APART):
        assert any(name.startswith(key) for name in figures) or f"- `{key}`: " in said, key


def test_what_is_measured_anew_takes_the_place_of_what_was() -> None:
    """The rest stays, with the machine that it was measured on."""
    old, new = Figure(1.0, ">= 2", False, machine="old"), Figure(3.0, ">= 2", True)
    kept = taken_over({"a": old, "b": old}, {"b": new}, "new")
    assert {key: (each.value, each.machine) for key, each in kept.items()} == {"a": (1.0, "old"), "b": (3.0, "new")}


def test_a_missed_goal_is_said() -> None:
    """Numbers are short, and long lists are left out."""
    figure = Figure(0.123456, ">= 2", False, {"ours_s": [1.5, 2], "all": list(range(9)), "more": {}}, "here")
    shown = table({"it": figure})
    assert "| `it` | 0.123 | >= 2 | **missed** |" in shown
    assert "- `it`, ours s 1.5, 2\n" in shown
    assert "Measured on here." in shown
