"""Files as spreadsheet programs write them, and exports that execute nothing."""

import csv
import io

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.ids import RecipientId
from shared.domain.imports.columns import MAX_COLUMNS
from shared.domain.imports.csv_file import HEADER, CsvFile, Row, RowProblem, export
from shared.domain.imports.csv_table import MAX_ROW
from shared.domain.recipient import Origin, Profile, Recipient, Status
from shared.errors import Rejected


def read(content: bytes | str, encoding: str = "utf-8") -> list[Row | RowProblem]:
    """Return what a file holds."""
    return list(CsvFile(io.BytesIO(content if isinstance(content, bytes) else content.encode(encoding))))


def fields(content: bytes | str, encoding: str = "utf-8") -> list[dict[str, str | None]]:
    """Return the fields of each good row."""
    return [each.fields for each in read(content, encoding) if isinstance(each, Row)]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le-bom", "utf-16-be-bom", "cp1252"])
def test_every_encoding_that_programs_write(encoding: str) -> None:
    """With or without a byte order mark."""
    text = "Name;E-Mail\r\nZoë Müßig;zoe@example.com\r\n"
    marks = {"utf-16-le-bom": b"\xff\xfe", "utf-16-be-bom": b"\xfe\xff"}
    content = marks[encoding] + text.encode(encoding[:9]) if encoding in marks else text.encode(encoding)
    assert fields(content) == [{"display_name": "Zoë Müßig", "mail": "zoe@example.com"}]


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_every_delimiter(delimiter: str) -> None:
    """Told from the header, whatever its quoted names contain."""
    content = f'"Name"{delimiter}"E-mail"\n"Doe, Jane; Dr.\tx"{delimiter}jane@example.com\n'
    assert fields(content) == [{"display_name": "Doe, Jane; Dr. x", "mail": "jane@example.com"}]


@pytest.mark.parametrize(
    "content",
    [
        "name\n" + "x" * (MAX_ROW + 1),
        "x" * (MAX_ROW + 1),
        "name\n" + '"\n",' * MAX_ROW,
        "name" + "," * MAX_COLUMNS + "\nAnn\n",
    ],
    ids=["a line", "the header", "a row of many lines", "columns"],
)
def test_no_file_fills_the_memory(content: str) -> None:
    """A row or a header without end is refused as soon as it is too long, however long it may be."""
    with pytest.raises(Rejected) as refused:
        read(content)
    assert refused.value.code == "invalid_csv"


def test_lines_are_counted_from_the_beginning_of_the_file() -> None:
    """Also where empty ones come before the header, and however many there are."""
    blank = "\n" * (MAX_ROW + 1)
    assert [each.line for each in read("\n\nname\nAnn\n\nBob\n")] == [4, 6]
    assert [each.line for each in read(f"{blank}name\nAnn\n{blank}Bob\n")] == [MAX_ROW + 3, 2 * MAX_ROW + 5]


@pytest.mark.parametrize(
    "header",
    [
        "displayName,mail",
        "MAIL,DisplayName",
        "e-mail,full name",
        "Email_Address,Name",
        "origin,Name,status,EMAIL,id,Shoe size",
    ],
)
def test_headers_in_any_order_case_and_spelling(header: str) -> None:
    """Columns that nobody knows, and those that only an export has, are read over."""
    cells = {"mail": "a@example.com", "name": "Ann"}
    line = ",".join(cells["mail"] if "mail" in name.lower() else cells["name"] for name in header.split(","))
    assert fields(f"{header}\n{line}\n") == [{"mail": "a@example.com", "display_name": "Ann"}]


def test_quoted_line_breaks_and_empty_lines() -> None:
    """Belong to the cell, and to no row; a row is named by its first line."""
    found = read('\n\nname,mail\n"Ann\nMarie",a@example.com\n\n , \nBob,b@example.com\n')
    assert [(each.fields["display_name"], each.line) for each in found if isinstance(each, Row)] == [
        ("Ann Marie", 4),
        ("Bob", 8),
    ]


def test_an_empty_cell_is_a_value_and_a_missing_column_is_none() -> None:
    """The one empties the field, the other leaves it alone."""
    assert fields("name,department\nAnn,\n") == [{"display_name": "Ann", "department": None}]
    assert fields("first name,last name\nAnn,Bee\n")[0]["display_name"] == "Ann Bee"


@pytest.mark.parametrize(
    ("content", "line", "code"),
    [
        ("name,mail\n,\nx,not-an-address\n", 3, "invalid_mail"),
        ("name,mail\nx,a b@example.com\n", 2, "invalid_mail"),
        ("name,mail,department\n,,IT\n", 2, "nobody"),
        ("name,mail\nx,a@example.com,too,many\n", 2, "too_many_cells"),
        ("name\n" + "x" * 1025 + "\n", 2, "invalid_value"),
        ("name\nbell\x07\n", 2, "invalid_value"),
        ('name,mail\n"x" y,a@example.com\n', 2, "malformed"),
        ('name,mail\n"never ends,a@example.com\n', 2, "malformed"),
    ],
)
def test_a_wrong_row_is_named(content: str, line: int, code: str) -> None:
    """With its line and a sentence; the others are read all the same."""
    (problem,) = [each for each in read(content) if isinstance(each, RowProblem)]
    assert (problem.line, problem.code) == (line, code)
    assert problem.detail.endswith(".")


@pytest.mark.parametrize(
    "content", [b"", b"\n\n", b"department,office\nIT,1\n", b"mail,e-mail\n", b"\x81\x8d\x8f,\n", b'"x']
)
def test_what_is_no_file_of_people_is_refused(content: bytes) -> None:
    """With a sentence that says what a header is."""
    with pytest.raises(Rejected) as refused:
        read(content)
    assert refused.value.code == "invalid_csv"


def recipient(**profile: str | None) -> Recipient:
    """Return a recipient."""
    return Recipient(
        id=RecipientId("r"),
        origin=Origin.CSV,
        status=Status.ACTIVE,
        profile=msgspec.structs.replace(Profile(), **profile),
    )


SIGNS = ("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20", "\t", "\r")


@pytest.mark.parametrize(
    "text",
    ["=1+1", "+49 30 1234", "-2", "@SUM(A1)", "\tx", "'=1", "\uff1d1+1", "\uff0b49", "\uff0d2", " \uff20SUM(A1)"],
)
def test_no_cell_begins_a_formula(text: str) -> None:
    """Nor is what was escaped read as anything else than what it was."""
    content = export([recipient(display_name=text, mail="a@example.com")])
    table = list(csv.reader(io.StringIO(content.decode("utf-8-sig"))))
    assert table[0] == list(HEADER)
    assert all(not cell.lstrip(" ").startswith(SIGNS) for row in table for cell in row)
    if text != "'=1":
        assert fields(content)[0]["display_name"] == text.strip()


PLAIN = st.text(st.characters(categories=("L", "N", "P", "S", "Zs")), min_size=1, max_size=40).map(
    lambda text: " ".join(text.split())
)


@given(st.lists(st.tuples(PLAIN, PLAIN), max_size=5))
def test_an_export_can_be_imported_again(people: list[tuple[str, str]]) -> None:
    """Every field comes back as it was."""
    kept = [(name, room) for name, room in people if name and not name.startswith("'") and not room.startswith("'")]
    content = export([recipient(display_name=name, office_location=room or None) for name, room in kept])
    assert [(field["display_name"], field["office_location"]) for field in fields(content)] == [
        (name, room or None) for name, room in kept
    ]
