"""Files that would occupy a worker for minutes or hours if the time to read them were not bounded.

The time grows with the square of a row's length, or of a cell's, wherever a bound is missing. A test then does not end.
"""

import io

import pytest

from shared.domain.imports import csv_table
from shared.domain.imports.columns import MAX_COLUMNS, ColumnsRefused, recognised
from shared.domain.imports.csv_file import CsvFile, Row, RowProblem
from shared.domain.imports.csv_table import MAX_ROW
from shared.errors import Rejected

LONG = MAX_ROW - 1_000


def read(content: str) -> list[Row | RowProblem]:
    """Return what a file contains."""
    return list(CsvFile(io.BytesIO(content.encode())))


@pytest.mark.parametrize(
    "content", ["\n" * 20, "name\n" + "\n" * 20, "name,mail\n" + ",\n" * 20, "name\nAnn\n" + '""\n' * 20]
)
def test_only_so_many_rows_may_be_empty(content: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether they come before the header or after it. As many as a sheet has are read over."""
    monkeypatch.setattr(csv_table, "MAX_EMPTY_ROWS", 19)
    with pytest.raises(Rejected, match="more than 19 empty rows") as refused:
        read(content)
    assert refused.value.code == "invalid_csv"
    monkeypatch.setattr(csv_table, "MAX_EMPTY_ROWS", 20)
    if content.strip():
        assert len(read(content)) <= 1


@pytest.mark.parametrize("line", ["\n", "x\n", " \n", "\r\n"])
def test_a_quote_that_is_not_closed_ends_its_row(line: str) -> None:
    """However short the lines in it are, also empty ones."""
    with pytest.raises(Rejected, match="perhaps a quote is not closed"):
        read('name,mail\nAnn,"' + line * MAX_ROW)


@pytest.mark.parametrize(
    "row",
    [
        '"a" ,' + " " * LONG + '""x',
        '"a" ,' + '"' * LONG + "x",
        '"a" ,' + '"" ' * (LONG // 3) + "x",
        '"a"x' + ",a" * (LONG // 2),
    ],
    ids=["spaces", "quotes", "spaced quotes", "cells"],
)
def test_a_malformed_row_is_read_in_one_pass(row: str) -> None:
    """Its cells are not tried in several ways."""
    (problem,) = read(f"name,mail\n{row}\n")
    assert isinstance(problem, RowProblem)
    assert problem.code == "malformed"


@pytest.mark.parametrize(
    ("row", "cells"),
    [
        ('"Ann" ,"a@example.com" ', ["Ann", "a@example.com"]),
        ('  "Ann"  ,  "a@example.com"  ', ["Ann", "a@example.com"]),
        ('"Ann ""B"" C" , a@example.com ', ['Ann "B" C', "a@example.com"]),
    ],
)
def test_spaces_after_quotes_are_left_out(row: str, cells: list[str]) -> None:
    """As before them."""
    (found,) = read(f"name,mail\n{row}\n")
    assert isinstance(found, Row)
    assert list(found.fields.values()) == cells


def test_tabs_between_quotes_are_delimiters() -> None:
    """Also beside spaces, so that a cell stays in its column."""
    (found,) = read('name\tmail\tphone\n"Ann" \t\t"+49 30 1" \n')
    assert isinstance(found, Row)
    assert found.fields == {"display_name": "Ann", "mail": None, "business_phone": "+49 30 1"}


@pytest.mark.parametrize("header", ["[" * LONG, "(" * LONG, "A" + "\u0301" * (LONG // 2) + "\u0327" * (LONG // 2)])
def test_a_long_name_of_a_column_is_not_examined(header: str) -> None:
    """It is not one of those that are known."""
    with pytest.raises(ColumnsRefused):
        read(f"{header}\nAnn\n")


def test_of_many_cells_only_as_many_as_columns_are_compared() -> None:
    """Nothing else says how many names a line of only delimiters has."""
    assert recognised(["name"] * MAX_COLUMNS + ["mail"] * 1_000) == MAX_COLUMNS


def test_a_long_state_of_an_account_is_not_understood() -> None:
    """Nor examined."""
    (problem,) = read(f"name,active\nAnn,{'[' * LONG}\n")
    assert isinstance(problem, RowProblem)
    assert problem.code == "invalid_value"
