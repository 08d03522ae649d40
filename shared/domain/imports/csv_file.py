"""Recipients as CSV: read from the files of spreadsheet programs, and written so that no cell is a formula."""

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import IO, Final

import msgspec

from shared.domain.email_address import clean_address, is_address
from shared.domain.imports.columns import TEXT_FORMULA, Columns, UnusedColumn, columns_of, is_disabled, recognised
from shared.domain.imports.csv_table import Record, records
from shared.domain.imports.encodings import detect
from shared.domain.recipient import ADDRESS_FIELDS, API_NAMES, PHONE_FIELDS, TEXT_FIELDS, Origin, Recipient
from shared.domain.text import address_key, comparison_key, has_control_characters, without_invisible
from shared.errors import Rejected

#: Maximum length of a field, in characters, also of a directory's.
MAX_TEXT: Final = 1024
#: Fields that identify the person of a row, in this order.
KEY_FIELDS: Final = ("mail", "employee_id", "display_name")
#: What is said of a text that is not an address.
NO_ADDRESS: Final = "{!r} is not a valid e-mail address."
#: Number of names that a report shows if the encoding was guessed.
_GUESSED_NAMES: Final = 3
#: First characters of a formula in spreadsheet programs.
#: Source: https://owasp.org/www-community/attacks/CSV_Injection
_FORMULA: Final = ("=", "+", "-", "@")
#: White space that programs skip before one.
_SPACES: Final = "\t\r"
#: First bytes of other kinds of files.
_OTHER_KINDS: Final = (
    (b"PK\x03\x04", "an Excel workbook (.xlsx) or another ZIP archive"),
    (b"\xd0\xcf\x11\xe0", "an Excel workbook (.xls)"),
    (b"%PDF", "a PDF document"),
    (b"\x1f\x8b", "a compressed file"),
    (b"<", "a web page or XML"),
)
HEADER: Final = ("id", "origin", "status", "reason", *API_NAMES.values())


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """A row of a file: its first line, and the fields whose columns the file has. An empty cell is None."""

    line: int
    fields: dict[str, str | None]
    #: Whether the file says that the person's account is not in use.
    disabled: bool = False

    @property
    def key(self) -> str:
        """What identifies the row's person: the address, otherwise the employee id, otherwise the name."""
        for name in KEY_FIELDS:
            if value := self.fields.get(name):
                return f"{name}:{address_key(value) if name == 'mail' else comparison_key(value)}"
        return ""

    @property
    def alias(self) -> str | None:
        """The employee id of a row with an address, which a row without one can also name."""
        if self.fields.get("mail") and (employee := self.fields.get("employee_id")):
            return f"employee_id:{comparison_key(employee)}"
        return None


class RowProblem(msgspec.Struct, frozen=True, kw_only=True):
    """Why a row is invalid, or was not applied."""

    line: int
    code: str
    detail: str


class FileNotes(msgspec.Struct, frozen=True, kw_only=True):
    """How a file was read."""

    encoding: str = ""
    #: The first names with other than ASCII characters, if the encoding was guessed, to look at.
    guessed_names: tuple[str, ...] = ()
    unused_columns: tuple[UnusedColumn, ...] = ()


class Reading(msgspec.Struct, frozen=True, kw_only=True):
    """How the sender of a file wants it to be read."""

    #: Character encoding; empty if none was declared.
    charset: str = ""
    #: Fields of columns that are not recognised, or mean something else, by the column's name; None ignores a column.
    columns: dict[str, str | None] = {}


class CsvFile:
    """A file, which is read in pieces, as often as it is iterated over."""

    def __init__(self, file: IO[bytes], reading: Reading | None = None) -> None:
        self._file = file
        self._reading = reading or Reading()
        #: Complete after the rows were read.
        self.notes = FileNotes()

    def __iter__(self) -> Iterator[Row | RowProblem]:
        """Yield every row, or why it is invalid.

        Raises Rejected (`invalid_csv`) if the file is not CSV with a column for a name or an address.
        """
        _require_text(self._file)
        encoding, guessed = detect(self._file, self._reading.charset)
        self._file.seek(0)
        text = io.TextIOWrapper(self._file, encoding=encoding, newline="")
        names: list[str] = []
        unused: tuple[UnusedColumn, ...] = ()
        try:
            for row in _parsed(text, self._reading.columns):
                if isinstance(row, Columns):
                    unused = row.unused
                    continue
                if guessed and len(names) < _GUESSED_NAMES and isinstance(row, Row):
                    names += [name for name in (row.fields.get("display_name"),) if name and not name.isascii()]
                yield row
        except UnicodeError as error:
            message = f"The file is not encoded in {encoding}. Save it as CSV (UTF-8)."
            raise Rejected(message, code="invalid_csv") from error
        finally:
            text.detach()
        self.notes = FileNotes(
            encoding=encoding.removesuffix("-sig"), guessed_names=tuple(names), unused_columns=unused
        )


def _require_text(file: IO[bytes]) -> None:
    file.seek(0)
    head = file.read(4)
    for start, kind in _OTHER_KINDS:
        if head.startswith(start):
            raise Rejected(f"The file is {kind}. Save it as CSV (UTF-8), then import that file.", code="invalid_csv")


def _parsed(text: io.TextIOWrapper, given: Mapping[str, str | None]) -> Iterator[Columns | Row | RowProblem]:
    """Yield the columns, then every row, or why it is invalid."""
    table = records(text, recognised)
    header = next(table, Record(1, []))
    if header.error:
        raise Rejected(f"The header cannot be read: {header.error}.", code="invalid_csv")
    columns = columns_of(header.cells, given)
    yield columns
    row = None
    for row in table:
        if row.error:
            yield RowProblem(line=row.line, code="malformed", detail=f"The row cannot be read: {row.error}.")
        else:
            yield _row(row.line, columns, row.cells)
    if row is None and columns.unused:
        raise Rejected(
            "The file has no rows below its first line, which does not only contain the names of columns. Perhaps its "
            "line ends are missing: export it again.",
            code="invalid_csv",
        )


def _row(line: int, columns: Columns, cells: Sequence[str]) -> Row | RowProblem:
    if len(cells) > len(columns.fields) and "".join(cells[len(columns.fields) :]).strip():
        detail = f"The row has {len(cells)} cells, the header {len(columns.fields)}."
        return RowProblem(line=line, code="too_many_cells", detail=detail)
    fields: dict[str, str | None] = {}
    #: Of a recipient that our export took from the directory, whose address is kept as the directory sent it.
    sent_by_directory = columns.origin is not None and cells[columns.origin : columns.origin + 1] == [Origin.DIRECTORY]
    for index, name in enumerate(columns.fields):
        if name is not None:
            text = _value(cells[index]) if index < len(cells) else None
            value = _cleaned(name, text) if text is not None else None
            if value is not None and name in ADDRESS_FIELDS and not (sent_by_directory or is_address(value)):
                return RowProblem(line=line, code="invalid_mail", detail=NO_ADDRESS.format(value[:80]))
            if value is not None and (len(value) > MAX_TEXT or has_control_characters(value)):
                detail = f"{name} has more than {MAX_TEXT} characters, or control characters."
                return RowProblem(line=line, code="invalid_value", detail=detail)
            fields[name] = value
    disabled = is_disabled(columns, cells)
    if isinstance(disabled, str):
        detail = f"{disabled[:80]!r} does not say whether the account is in use: write true or false."
        return RowProblem(line=line, code="invalid_value", detail=detail)
    return _named(Row(line=line, fields=fields, disabled=disabled))


def _named(row: Row) -> Row | RowProblem:
    """Return a row with its name: that of a person without one is put together from its parts."""
    fields = row.fields
    if not fields.get("display_name"):
        whole = " ".join(part for part in (fields.get("given_name"), fields.get("surname")) if part)
        if whole:
            fields["display_name"] = whole
        elif not fields.get("mail"):
            detail = "The row has neither a name nor an e-mail address."
            return RowProblem(line=row.line, code="nobody", detail=detail)
        elif "display_name" in fields:
            del fields["display_name"]
    return row


def _value(cell: str) -> str | None:
    """Return the text of a cell, without the apostrophe of an export, and of a formula that is only a text."""
    if cell.startswith("'") and _is_formula(cell[1:]):
        cell = cell[1:]
    elif "=" in cell and (formula := TEXT_FORMULA.fullmatch(cell)):
        cell = formula[1].replace('""', '"')
    return " ".join(cell.split()) or None


def _cleaned(name: str, text: str) -> str | None:
    """Return a text without what does not belong to an address or a phone number."""
    if name in ADDRESS_FIELDS:
        address = clean_address(text)
        return address if is_address(address) else text
    return without_invisible(text).strip() or None if name in PHONE_FIELDS else text


def as_imported(name: str, text: str | None) -> str | None:
    """Return what importing the export of a field leads to. It differs from a text with spaces around it, for example.

    A row that contains it does not change the recipient.
    """
    value = _value(_harmless(text)) if text is not None else None
    return _cleaned(name, value) if value is not None else None


def export(recipients: Iterable[Recipient]) -> bytes:
    """Return recipients as CSV in UTF-8 with a byte order mark, which spreadsheet programs need to recognise it."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(HEADER)
    for recipient in recipients:
        profile = (getattr(recipient.profile, name) for name in TEXT_FIELDS)
        cells = (recipient.id, recipient.origin.value, recipient.status.value, recipient.reason, *profile)
        writer.writerow([_harmless(cell or "") for cell in cells])
    return text.getvalue().encode("utf-8-sig")


def _harmless(text: str) -> str:
    text = text.lstrip(_SPACES)
    return f"'{text}" if _is_formula(text) else text


def _is_formula(text: str) -> bool:
    """Return whether a program may take a text for a formula, or for one that an export has made harmless."""
    return text.lstrip().lstrip("'").lstrip().startswith(_FORMULA)
