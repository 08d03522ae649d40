"""Recipients as CSV: read from the files of spreadsheet programs, and written so that no cell is a formula."""

import codecs
import csv
import io
import string
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import IO, Final

import msgspec

from shared.domain.email_address import is_address
from shared.domain.imports.cells import MAX_TEXT, cleaned, fault_of, harmless, value_of
from shared.domain.imports.columns import (
    ColumnMapping,
    Columns,
    UnusedColumn,
    UsedColumn,
    columns_of,
    is_disabled,
    recognised,
    was_deactivated,
)
from shared.domain.imports.csv_table import records
from shared.domain.imports.encodings import detect
from shared.domain.preferences.group_mapping import Location
from shared.domain.recipient import ADDRESS_FIELDS, API_NAMES, TEXT_FIELDS, Recipient
from shared.domain.text import address_key, comparison_key, is_damaged, without_invisible
from shared.errors import Rejected

#: Fields that identify the person of a row, in this order.
KEY_FIELDS: Final = ("mail", "employee_id", "display_name")
#: What is said of a row that is not about anyone.
NO_NAME: Final = "The row has neither a name nor an e-mail address."
#: What is said of a text that is not an address.
NO_ADDRESS: Final = "{!r} is not a valid e-mail address."
#: Number of names that a report shows if the encoding was guessed.
_GUESSED_NAMES: Final = 3
#: Characters of texts that separate rows or stand for a missing name.
_NOT_A_NAME: Final = string.punctuation + " \u2013\u2014\u2026\u2800\u3164"
#: What the errors of the CSV reader mean.
_MALFORMED: Final = {
    "unexpected end of data": "a quote is opened and not closed, here or in a later row",
    "expected after": "there is text after a closing quote. A quote inside a cell is written twice",
}
#: Number of bytes in which the kind of a file is looked for.
_HEAD: Final = 256
#: First bytes of other kinds of files.
_OTHER_KINDS: Final = (
    (b"PK\x03\x04", "an Excel workbook (.xlsx), another workbook (.ods, .numbers) or a ZIP archive"),
    (b"\xd0\xcf\x11\xe0", "an Excel workbook (.xls)"),
    (b"%PDF", "a PDF document"),
    (b"\x1f\x8b", "a compressed file"),
    (b"<", "a web page or XML"),
    (b"{\\rtf", "a formatted text (RTF)"),
    (b"BEGIN:V", "a list of contacts (vCard) or a calendar"),
    (b"{", "JSON"),
    (b"[{", "JSON"),
)
HEADER: Final = ("id", "origin", "status", "reason", *API_NAMES.values())


class Row(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A row of a file: its first line, and the fields whose columns the file has. An empty cell is None."""

    line: int
    fields: dict[str, str | None]
    #: Id of the exported recipient; empty if the file is not an export of ours. An export of another location has ids
    #: that are not stored here.
    recipient: str = ""
    #: Whether the recipient was deactivated when it was exported.
    deactivated: bool = False
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
    #: Names to look at: the first with other than ASCII characters if the encoding was guessed, or those that another
    #: program has damaged.
    guessed_names: tuple[str, ...] = ()
    used_columns: tuple[UsedColumn, ...] = ()
    unused_columns: tuple[UnusedColumn, ...] = ()


class Reading(msgspec.Struct, frozen=True, kw_only=True):
    """How the sender of a file wants it to be read."""

    #: Character encoding; empty if none was declared.
    charset: str = ""
    #: Fields of columns that are not recognised, or mean something else, by the column's name; None ignores a column.
    #: Without any, the columns that the location remembers are used.
    columns: dict[str, str | None] | None = None
    #: Whether the location remembers these columns for later files, once the file is imported.
    remember: bool = False

    def at(self, location: Location) -> "Reading":
        """Return how a file for a location is read: without columns of its own, with those that it remembers."""
        return self if self.columns is not None else msgspec.structs.replace(self, columns=location.columns)


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
        columns = Columns([], {}, (), (), [], {})
        try:
            for row in _parsed(text, self._reading.columns or {}):
                if isinstance(row, Columns):
                    columns = row
                    continue
                if len(names) < _GUESSED_NAMES and isinstance(row, Row):
                    name = row.fields.get("display_name") or ""
                    names += [name] if is_damaged(name) or (guessed and not name.isascii()) else []
                yield row
        except UnicodeError as error:
            message = f"The file is not encoded in {encoding}. Save it as CSV (UTF-8)."
            raise Rejected(message, code="invalid_csv") from error
        finally:
            text.detach()
            self.notes = FileNotes(
                encoding=encoding.removesuffix("-sig"),
                guessed_names=tuple(names),
                used_columns=columns.used,
                unused_columns=(*columns.unused, *columns.filled()),
            )


def _require_text(file: IO[bytes]) -> None:
    file.seek(0)
    head = file.read(_HEAD).lstrip(codecs.BOM_UTF8 + b" \t\r\n")
    for start, kind in _OTHER_KINDS:
        if head.startswith(start):
            raise Rejected(f"The file is {kind}. Save it as CSV (UTF-8), then import that file.", code="invalid_csv")


def _parsed(text: io.TextIOWrapper, given: ColumnMapping) -> Iterator[Columns | Row | RowProblem]:
    """Yield the columns, then every row, or why it is invalid."""
    table = records(text, partial(recognised, given=given))
    header = next(table, None)
    if header is None:
        raise Rejected("The file is empty.", code="invalid_csv")
    if header.error:
        raise Rejected(f"The header cannot be read: {header.error}.", code="invalid_csv")
    columns = columns_of(header.cells, given)
    yield columns
    row = None
    for row in table:
        if row.error:
            reason = next((meaning for part, meaning in _MALFORMED.items() if part in row.error), row.error)
            detail = f"The row cannot be read: {reason}."
            yield RowProblem(line=row.line, code="malformed", detail=detail)
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
    if columns.is_header(cells):
        detail = "The row contains the names of the columns again. Remove it."
        return RowProblem(line=line, code="invalid_value", detail=detail)
    if columns.nameless:
        columns.see(cells)
    recipient = "".join(cells[columns.id : columns.id + 1]).strip() if columns.id is not None else ""
    fields = _fields(line, columns, cells, is_exported=bool(recipient))
    if isinstance(fields, RowProblem):
        return fields
    disabled = is_disabled(columns, cells)
    if isinstance(disabled, str):
        detail = f"{disabled[:80]!r} does not say whether the account is in use: write true or false."
        return RowProblem(line=line, code="invalid_value", detail=detail)
    name = fields.get("display_name") or ""
    if not (name if recipient or name[:1].isalpha() else without_invisible(name).strip(_NOT_A_NAME)):
        whole = whole_name(fields)
        if whole and not recipient:
            fields["display_name"] = whole
        elif recipient or fields.get("mail"):
            fields.pop("display_name", None)  # an absent name does not erase the stored one
        else:
            return RowProblem(line=line, code="nobody", detail=NO_NAME)
    deactivated = columns.status is not None and was_deactivated(columns, cells)
    return Row(line=line, fields=fields, recipient=recipient, deactivated=deactivated, disabled=disabled)


def _fields(
    line: int, columns: Columns, cells: Sequence[str], *, is_exported: bool
) -> dict[str, str | None] | RowProblem:
    """Return the values of a row. An exported recipient can have values of the directory, which are not judged here."""
    fields: dict[str, str | None] = {}
    for index, name in enumerate(columns.fields):
        if name is None:
            continue
        text = value_of(cells[index]) if index < len(cells) else None
        value = fields[name] = cleaned(name, text) if text is not None else None
        if value is None:
            continue
        may_be_faulty = value[0] in "#E" or "+" in value or len(value) > MAX_TEXT or not value.isprintable()
        if may_be_faulty and (fault := fault_of(name, value, is_exported=is_exported)):
            return RowProblem(line=line, code="invalid_value", detail=fault)
        if name in ADDRESS_FIELDS and not (is_exported or is_address(value)):
            return RowProblem(line=line, code="invalid_mail", detail=NO_ADDRESS.format(value[:80]))
    return fields


def whole_name(fields: Mapping[str, str | None]) -> str:
    """Return the name of a person without a display name, put together from its parts; empty without parts."""
    return " ".join(part for part in (fields.get("given_name"), fields.get("surname")) if part)


def export(recipients: Iterable[Recipient], *, first: bool = True) -> bytes:
    """Return recipients as CSV in UTF-8 with a byte order mark, which spreadsheet programs need to recognise it.

    Without `first`, these are further rows, without the mark and the header.
    """
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    if first:
        writer.writerow(HEADER)
    for recipient in recipients:
        profile = (getattr(recipient.profile, name) for name in TEXT_FIELDS)
        cells = (recipient.id, recipient.origin.value, recipient.status.value, recipient.reason, *profile)
        writer.writerow([harmless(cell or "") for cell in cells])
    return text.getvalue().encode("utf-8-sig" if first else "utf-8")
