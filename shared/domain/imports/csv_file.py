"""Recipients as CSV: read from whatever spreadsheet programs write, and written so that they execute nothing of it."""

import codecs
import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import IO, Final, Self

import msgspec

from shared.domain.recipient import API_NAMES, PERSON_FIELDS, TEXT_FIELDS, Recipient
from shared.errors import Rejected

#: Longest value of a field, in characters, as it is kept of directories too.
MAX_TEXT: Final = 1024
#: Longest row, in characters, and most columns: a file must not be able to fill the memory, however it is made.
MAX_ROW: Final = 500_000
MAX_COLUMNS: Final = 200
#: How much of a file is looked at to tell its encoding, in bytes.
_CHUNK: Final = 1 << 16
#: What a file with a byte order mark is written in; without one it is UTF-8, or else Windows-1252.
_MARKS: Final = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
_DELIMITERS: Final = ",;\t"
#: What a spreadsheet program takes for the beginning of a formula.
#: Source: https://owasp.org/www-community/attacks/CSV_Injection
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")
#: Columns of an export that an import reads over.
_OURS: Final = frozenset({"id", "origin", "status", "reason", "objectid"})
HEADER: Final = ("id", "origin", "status", "reason", *API_NAMES.values())


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One row of a file: its line, and the fields whose columns the file has. An empty cell is None."""

    line: int
    fields: dict[str, str | None]

    @property
    def key(self) -> str:
        """Who the row is about, within its file: by address, else by employee id, else by name."""
        for name in ("mail", "employee_id", "display_name"):
            if value := self.fields.get(name):
                return f"{name}:{value.casefold()}"
        return ""

    @property
    def alias(self) -> str | None:
        """By what else a row with an address can be known: another row without one is about the same employee."""
        if self.fields.get("mail") and (employee := self.fields.get("employee_id")):
            return f"employee_id:{employee.casefold()}"
        return None


class RowProblem(msgspec.Struct, frozen=True, kw_only=True):
    """What is wrong with a row, or why it was not applied."""

    line: int
    code: str
    detail: str


def rows(file: IO[bytes]) -> Iterator[Row | RowProblem]:
    """Yield each row of a file, or what is wrong with it. Reads the file piece by piece, and may be called again.

    Raises: Rejected (`invalid_csv`) if it is no CSV with a column for a name or an address.
    """
    encoding = _encoding(file)
    file.seek(0)
    text = io.TextIOWrapper(file, encoding=encoding, newline="")
    try:
        yield from _parsed(text)
    except UnicodeDecodeError as error:
        raise Rejected("The file is neither UTF-8, UTF-16 nor Windows-1252.", code="invalid_csv") from error
    finally:
        text.detach()


def _encoding(file: IO[bytes]) -> str:
    file.seek(0)
    head = file.read(4)
    for mark, encoding in _MARKS:
        if head.startswith(mark):
            return encoding
    decoder = codecs.getincrementaldecoder("utf-8")()
    file.seek(0)
    try:
        while chunk := file.read(_CHUNK):
            decoder.decode(chunk)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return "cp1252"
    return "utf-8"


def _parsed(text: io.TextIOWrapper) -> Iterator[Row | RowProblem]:
    lines = _Lines(text)
    skipped = 0
    first = next(lines, "")
    while first and not first.strip():
        skipped += 1
        first = next(lines, "")
    delimiter = max(_DELIMITERS, key=_outside_quotes(first).count)
    reader = csv.reader(chain([first], lines), delimiter=delimiter, strict=True)
    try:
        columns = _columns(next(reader, []))
    except csv.Error as error:
        raise Rejected(f"The header cannot be read: {error}.", code="invalid_csv") from error
    while True:
        lines.taken = 0
        try:
            cells = next(reader, None)
        except csv.Error as error:
            yield RowProblem(
                line=skipped + reader.line_num, code="malformed", detail=f"The row cannot be read: {error}."
            )
            return  # where the next row would begin, nobody knows
        if cells is None:
            return
        if any(cell.strip() for cell in cells):
            yield _row(skipped + reader.line_num, columns, cells)


class _Lines:
    """The lines of a text, of which no row may take more than MAX_ROW characters."""

    def __init__(self, text: io.TextIOWrapper) -> None:
        self._text = text
        #: Characters since the last row began.
        self.taken = 0

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> str:
        line = self._text.readline(MAX_ROW + 1)
        if not line:
            raise StopIteration
        self.taken += len(line) if line.strip() else 0
        if self.taken > MAX_ROW:
            raise Rejected(
                f"A row has more than {MAX_ROW} characters; perhaps a quote is not closed.", code="invalid_csv"
            )
        return line


def _outside_quotes(line: str) -> str:
    return "".join(line.split('"')[::2])


def _columns(header: Sequence[str]) -> list[str | None]:
    if len(header) > MAX_COLUMNS:
        raise Rejected(f"The file has {len(header)} columns; at most {MAX_COLUMNS} are read.", code="invalid_csv")
    known = {_plain(name): field for field, about in PERSON_FIELDS.items() for name in (field, *about.csv)}
    columns = [known.get(_plain(cell)) for cell in header]
    unknown = [cell for cell, field in zip(header, columns, strict=True) if field is None and _plain(cell) not in _OURS]
    named = [field for field in columns if field is not None]
    if len(set(named)) != len(named):
        raise Rejected("Two columns of the file mean the same field.", code="invalid_csv")
    if not {"mail", "display_name", "given_name", "surname"} & set(named):
        seen = ", ".join(repr(cell[:40]) for cell in unknown[:5]) or "none"
        raise Rejected(
            f"The file has no column for a name or an e-mail address (columns that are not known: {seen}). "
            "Its first line names the columns, such as displayName, mail, department.",
            code="invalid_csv",
        )
    return columns


def _plain(name: str) -> str:
    return "".join(letter for letter in name.casefold() if letter.isalnum())


def _row(line: int, columns: Sequence[str | None], cells: Sequence[str]) -> Row | RowProblem:
    if len(cells) > len(columns):
        detail = f"The row has {len(cells)} cells, the header {len(columns)}."
        return RowProblem(line=line, code="too_many_cells", detail=detail)
    fields: dict[str, str | None] = {}
    for name, cell in zip(columns, [*cells, *[""] * (len(columns) - len(cells))], strict=True):
        if name is not None:
            fields[name] = value = _value(cell)
            if value is not None and (len(value) > MAX_TEXT or not value.isprintable()):
                detail = f"{name} has more than {MAX_TEXT} characters, or some that cannot be printed."
                return RowProblem(line=line, code="invalid_value", detail=detail)
    mail = fields.get("mail")
    if mail is not None and (mail.count("@") != 1 or " " in mail or mail.startswith("@") or mail.endswith("@")):
        return RowProblem(line=line, code="invalid_mail", detail="This is no e-mail address.")
    if not fields.get("display_name"):
        whole = " ".join(part for part in (fields.get("given_name"), fields.get("surname")) if part)
        if whole:
            fields["display_name"] = whole
        elif not mail:
            return RowProblem(line=line, code="nobody", detail="The row has neither a name nor an e-mail address.")
        elif "display_name" in fields:
            del fields["display_name"]
    return Row(line=line, fields=fields)


def _value(cell: str) -> str | None:
    """Return a cell's text, without the mark that an export puts before what looks like a formula."""
    if cell.startswith("'") and cell[1:].startswith(_FORMULA):
        cell = cell[1:]
    return " ".join(cell.split()) or None


def export(recipients: Iterable[Recipient]) -> bytes:
    """Return recipients as CSV in UTF-8 with a byte order mark, which spreadsheet programs open as it is meant."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(HEADER)
    for recipient in recipients:
        profile = (getattr(recipient.profile, name) for name in TEXT_FIELDS)
        cells = (recipient.id, recipient.origin.value, recipient.status.value, recipient.reason, *profile)
        writer.writerow([_harmless(cell or "") for cell in cells])
    return text.getvalue().encode("utf-8-sig")


def _harmless(text: str) -> str:
    return f"'{text}" if text.startswith(_FORMULA) else text
