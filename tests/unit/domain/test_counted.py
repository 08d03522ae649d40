"""Numbers in sentences for people."""

from shared.domain.counted import counted


def test_only_one_is_singular() -> None:
    """Zero and all other numbers are plural."""
    assert [counted(number, "row is", "rows are") for number in (0, 1, 2)] == ["0 rows are", "1 row is", "2 rows are"]
