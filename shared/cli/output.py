"""Output of the commands: JSON for scripts, tables for people."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import msgspec
from rich.console import Console
from rich.table import Table
from rich.text import Text

#: Options of `connect` for the values that a report suggests.
_OPTIONS: Final = {"tenantId": "--tenant-id", "clientId": "--client-id", "objectId": "--object-id"}
#: Width that no table reaches, in characters: ids and keys are never cut. A narrow terminal wraps its lines.
_WIDEST: Final = 10_000
#: Fraction of a second in a time.
_FRACTION: Final = re.compile(r"(?<=T\d\d:\d\d:\d\d)\.\d+(?=Z\b)")
_MARKS: Final = {"pass": "[green]pass[/]", "fail": "[red]FAIL[/]", "warn": "[yellow]warn[/]", "skip": "[dim]skip[/]"}


class Output:
    """Writes results to stdout and errors to stderr, as text or as JSON."""

    def __init__(self, *, as_json: bool) -> None:
        self.as_json = as_json
        self._out = Console(soft_wrap=True, width=_WIDEST)
        self._err = Console(stderr=True, soft_wrap=True)

    def show(self, value: Any, *rows: Sequence[object], columns: Sequence[str] = ()) -> None:  # noqa: ANN401 - JSON
        """Print a value: as JSON, or its rows as a table."""
        if self.as_json:
            self.json(value)
            return
        table = Table(*columns, box=None, pad_edge=False)
        for row in rows:
            table.add_row(*(Text(_text(cell)) for cell in row))
        self._out.print(table)

    def json(self, value: Any) -> None:  # noqa: ANN401 - JSON
        """Print a value as one JSON document."""
        text = msgspec.json.format(msgspec.json.encode(value), indent=2).decode()
        self._out.out(text, highlight=False)

    def print(self, text: str) -> None:
        """Print a line of text; nothing with --json."""
        if not self.as_json:
            self._out.print(Text(_text(text)))

    def fail(self, text: str, problem: Mapping[str, Any]) -> None:
        """Print an error to stderr. Of refused credentials, print the report of all checks."""
        if self.as_json:
            self._err.out(msgspec.json.encode(problem).decode(), highlight=False)
        else:
            if report := problem.get("report"):
                _print_checks(self._err, report["checks"])
                text = f"The credentials were not stored. ({problem['code']})"
            self._err.print(Text(text))

    def checks(self, value: Any, checks: Iterable[Mapping[str, Any]]) -> None:  # noqa: ANN401 - JSON
        """Print a report: every check, and the details and fix of those that did not pass."""
        if self.as_json:
            self.json(value)
        else:
            _print_checks(self._out, checks)

    @property
    def console(self) -> Console:
        """The console for progress bars, on stderr."""
        return self._err


def _text(cell: object) -> str:
    """Return a value as text, empty for None. Times have no fractions of seconds."""
    return "" if cell is None else _FRACTION.sub("", str(cell))


def _print_checks(console: Console, checks: Iterable[Mapping[str, Any]]) -> None:
    for check in checks:
        console.print(Text.from_markup(_MARKS[check["status"]]), Text(check["title"]))
        if check["status"] in {"fail", "warn"}:
            values = " ".join(f"{_OPTIONS[name]} {value}" for name, value in check.get("suggestion", {}).items())
            for text in filter(None, (check.get("detail"), check.get("fix"), values)):
                console.print(Text(f"     {text}"))
