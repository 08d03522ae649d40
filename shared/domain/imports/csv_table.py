"""CSV as spreadsheet programs write it: delimiters, quotes and empty rows."""

import csv
import io
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Final, NamedTuple, Self, TextIO

from shared.errors import Rejected

#: Maximum length of a row in characters, so that a file cannot fill the memory.
MAX_ROW: Final = 500_000
#: Maximum number of empty rows of a file: as many as a sheet of Excel has. Reading them takes about a second.
#: Source: https://support.microsoft.com/office/excel-specifications-and-limits-1672b34d-7043-467e-8e27-269d656771c3
MAX_EMPTY_ROWS: Final = 1_048_576
#: In the order of preference.
_DELIMITERS: Final = ",;\t|"
#: Number of lines, and of characters, from which the delimiter is determined.
_SAMPLE_LINES: Final = 100
_SAMPLE: Final = 1 << 16
#: The first line that tells Excel the delimiter.
_SEPARATOR: Final = re.compile(r'"?sep=([^\w\s"]|\t)"?[,;\t|]*', re.IGNORECASE)
#: The first line of PowerShell's `Export-Csv`.
_TYPE: Final = re.compile(r'"?#TYPE .*')
#: Number of rows in which the header is looked for, below titles.
_TITLES: Final = 10
#: Number of recognised columns from which a row below others is the header.
_RECOGNISED: Final = 2
#: White space that can stand around quotes like a space. Inside values it becomes one anyway.
_SPACES: Final = "\t\u00a0\u2007\u202f"
#: Rows without any value: empty ones, and the mark at the end of a file in DOS.
_BLANK: Final = frozenset({"", "\x1a"})
#: Rows without any value. Possessive: a row of MAX_ROW characters must not be tried in several ways.
_EMPTY: Final = re.compile(r'(?:[\s,;|]++|"[^\S\r\n]*+")*+')


class _Form(NamedTuple):
    """The form of a table. The largest fits best: by known columns, then by equal rows, then by the header's length."""

    recognised: int
    #: Number of rows as long as the header.
    equal: int
    columns: int
    #: Order among delimiters that fit equally well.
    preference: int
    #: Number of rows above the header.
    titles: int
    delimiter: str


class Record(NamedTuple):
    """A row of the table: its first line, and its cells. Without cells, the reason why it cannot be read."""

    line: int
    cells: list[str]
    error: str = ""


def records(text: TextIO, recognised: Callable[[Sequence[str]], int]) -> Iterator[Record]:
    """Yield the rows of a table that are not empty, the header first. A row that cannot be read is the last one.

    Rows above the header in which no column is recognised, such as the title of a list, are left out.

    `recognised` returns how many cells of a header are names of columns. Raises Rejected (`invalid_csv`) if a row is
    too long, or too many are empty.
    """
    lines = _Lines(text)
    skipped, delimiter = 0, ""
    for line in lines:
        if not delimiter and (separator := _SEPARATOR.fullmatch(line.rstrip("\r\n"))):
            delimiter = separator[1]
        elif not (_EMPTY.fullmatch(line) or _TYPE.match(line)):
            lines.put_back([line, *lines.take_sample()])
            break
        skipped += 1
        _require_few(skipped)
        lines.begin_row()
    sample = "".join(reversed(lines.waiting))
    form = _form(sample, delimiter, recognised)
    if not form.recognised and form.columns == 1:
        wrapped = _Unwrapped(_rows(_Lines(io.StringIO(sample, newline="")), form.delimiter), form.delimiter)
        inner = _form("".join(iter(wrapped.readline, "")), "", recognised)
        if inner.recognised >= _RECOGNISED:
            lines, form = _Lines(_Unwrapped(_rows(lines, form.delimiter), form.delimiter)), inner
    empty = skipped
    for number, record in enumerate(_rows(lines, form.delimiter)):
        if record.error or (number >= form.titles and "".join(record.cells).strip() not in _BLANK):
            yield Record(skipped + record.line, record.cells, record.error)
        else:
            empty += 1
            _require_few(empty)


def _require_few(empty: int) -> None:
    if empty > MAX_EMPTY_ROWS:
        message = f"The file has more than {MAX_EMPTY_ROWS:,} empty rows. Remove them, then import it again."
        raise Rejected(message, code="invalid_csv")


def _rows(lines: "_Lines", delimiter: str) -> Iterator[Record]:
    lines.spaces = [space for space in _SPACES if space != delimiter]
    reader = csv.reader(lines, delimiter=delimiter, strict=True, skipinitialspace=True)
    line = 1
    while True:
        lines.begin_row()
        try:
            cells = next(reader, None)
        except csv.Error as error:  # afterwards the reader continues with the next line
            cells = _spaced(lines, delimiter)
            if cells is None:
                yield Record(line, [], str(error))
                return
        if cells is None:
            return
        yield Record(line, cells)
        line = lines.number + 1


def _form(sample: str, delimiter: str, recognised: Callable[[Sequence[str]], int]) -> "_Form":
    """Return the form that fits best. A delimiter that the file names is used, unless it leads to no known column."""
    named = _fit(sample, delimiter, recognised) if delimiter else None
    if named is not None and named.recognised:
        return named
    return max(_fit(sample, candidate, recognised) for candidate in dict.fromkeys((*_DELIMITERS, delimiter or ",")))


def _fit(sample: str, delimiter: str, recognised: Callable[[Sequence[str]], int]) -> "_Form":
    """Return the form of a table with a delimiter."""
    rows = [_trimmed(record.cells) for record in _rows(_Lines(io.StringIO(sample, newline="")), delimiter)]
    counts = [recognised(row) for row in rows[:_TITLES]] or [0]
    below = next((number for number, count in enumerate(counts) if count >= _RECOGNISED), 0)
    titles = 0 if counts[0] else below
    header = len(rows[titles]) if rows else 0
    equal = sum(len(row) == header for row in rows[titles + 1 :])
    preference = -_DELIMITERS.index(delimiter) if delimiter in _DELIMITERS else 1
    return _Form(counts[titles], equal, header, preference, titles, delimiter)


def _trimmed(cells: list[str]) -> list[str]:
    """Return the cells of a row without the empty ones at its end."""
    count = next((index for index in range(len(cells), 0, -1) if cells[index - 1].strip()), 0)
    return cells[:count]


def _spaced(lines: "_Lines", delimiter: str) -> list[str] | None:
    """Return the cells of the current row, with spaces after closing quotes; None if that does not explain the row."""
    quotes = lines.row.count('"')
    while quotes % 2 and (line := next(lines, None)):
        quotes += line.count('"')
    other = re.escape(delimiter)
    space = rf"[^\S\r\n{other}]*+"
    cell = re.compile(rf'{space}(?:"([^"]*+(?:""[^"]*+)*+)"{space}|([^{other}"\r\n]*+))({other}|[\r\n]*+\Z)')
    row, cells, position = lines.row, [], 0
    while match := cell.match(row, position):
        cells.append(match[2] if match[1] is None else match[1].replace('""', '"'))
        if match[3] != delimiter:
            return cells
        position = match.end()
    return None


class _Unwrapped:
    """The lines inside the cells of a table of one column: a program has quoted whole lines of a CSV file."""

    def __init__(self, rows: Iterator[Record], delimiter: str) -> None:
        self._rows = rows
        self._delimiter = delimiter

    def readline(self, _limit: int = 0) -> str:
        """Return the next line; empty after the last one."""
        row = next(self._rows, None)
        return "" if row is None else self._delimiter.join(row.cells) + "\n"


class _Lines:
    """The lines of a text. A row has at most MAX_ROW characters."""

    def __init__(self, text: "TextIO | _Unwrapped") -> None:
        self._text = text
        self._row: list[str] = []
        self._characters = 0
        #: Number of lines that were read.
        self.number = 0
        #: White space that is read as spaces.
        self.spaces: list[str] = []
        #: Lines that were read ahead, the last one first.
        self.waiting: list[str] = []

    @property
    def row(self) -> str:
        """The lines of the current row."""
        return "".join(self._row)

    def begin_row(self) -> None:
        """Forget the lines of the previous row."""
        self._row, self._characters = [], 0

    def take_sample(self) -> list[str]:
        """Return the next lines, enough to determine the delimiter."""
        sample: list[str] = []
        while len(sample) < _SAMPLE_LINES and sum(map(len, sample)) < _SAMPLE and (line := self._read()):
            sample.append(line)
        return sample

    def put_back(self, lines: list[str]) -> None:
        """Return these lines again, before all others, and count from them."""
        self.waiting = lines[::-1]
        self.number = 0
        self.begin_row()

    def _read(self) -> str:
        return self._text.readline(MAX_ROW + 1)

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> str:
        line = self.waiting.pop() if self.waiting else self._read()
        if not line:
            raise StopIteration
        self._characters += len(line) if line.strip() else 1
        if self._characters > MAX_ROW:
            raise Rejected(
                f"A row has more than {MAX_ROW} characters; perhaps a quote is not closed.", code="invalid_csv"
            )
        for space in self.spaces:
            line = line.replace(space, " ")
        self._row.append(line)
        self.number += 1
        return line
