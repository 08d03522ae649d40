"""What is shown: JSON for scripts, tables for people."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec
from rich.console import Console
from rich.table import Table
from rich.text import Text

_MARKS = {"pass": "[green]pass[/]", "fail": "[red]FAIL[/]", "warn": "[yellow]warn[/]", "skip": "[dim]skip[/]"}


class Output:
    """Where a command writes to."""

    def __init__(self, *, as_json: bool) -> None:
        self.as_json = as_json
        self._out = Console(soft_wrap=True)
        self._err = Console(stderr=True, soft_wrap=True)

    def show(self, value: Any, *rows: Sequence[object], columns: Sequence[str] = ()) -> None:  # noqa: ANN401 - JSON
        """Show a value as JSON; for people, the rows of it as a table."""
        if self.as_json:
            self.json(value)
            return
        table = Table(*columns, box=None, pad_edge=False)
        for row in rows:
            table.add_row(*(Text("" if cell is None else str(cell)) for cell in row))
        self._out.print(table)

    def json(self, value: Any) -> None:  # noqa: ANN401 - JSON
        """Write a value as one JSON document."""
        text = msgspec.json.format(msgspec.json.encode(value), indent=2).decode()
        self._out.out(text, highlight=False)

    def say(self, text: str) -> None:
        """Tell a person; a script that reads JSON is told nothing."""
        if not self.as_json:
            self._out.print(Text(text))

    def fail(self, text: str, problem: Mapping[str, Any]) -> None:
        """Tell what went wrong, apart from what is answered."""
        if self.as_json:
            self._err.out(msgspec.json.encode(problem).decode(), highlight=False)
        else:
            self._err.print(Text(text))

    def checks(self, value: Any, checks: Iterable[Mapping[str, Any]]) -> None:  # noqa: ANN401 - JSON
        """Show a report: every check, and of those that did not pass what to do."""
        if self.as_json:
            self.json(value)
            return
        for each in checks:
            self._out.print(Text.from_markup(_MARKS[each["status"]]), Text(each["title"]))
            for text in (each.get("detail"), each.get("fix")) if each["status"] in {"fail", "warn"} else ():
                if text:
                    self._out.print(Text(f"     {text}"))

    @property
    def console(self) -> Console:
        """Where progress is drawn: apart from what is answered."""
        return self._err
