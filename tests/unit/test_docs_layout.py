"""README, CONTRIBUTING and docs/ can be read in a terminal: lines and table cells are short."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.test_docs_references import PAGES, ROOT

#: Longest line outside tables, code and links, and longest table cell, in characters.
LONGEST = 120


def _pieces(text: str) -> Iterator[tuple[int, str]]:
    """Yield the lines and table cells of a page with their line numbers, code blocks apart, without link targets."""
    in_code = False
    for number, line in enumerate(text.splitlines(), start=1):
        if line.lstrip().startswith("```"):
            in_code = not in_code
        elif not in_code:
            shown = re.sub(r"\]\([^)\s]+\)", "]", line)
            cells = re.split(r"(?<!\\)\|", shown.strip().strip("|")) if shown.startswith("|") else [shown]
            yield from ((number, cell.strip() if len(cells) > 1 else cell) for cell in cells)


#: Words of Mermaid's flowchart language, which cannot name a box.
RESERVED = {"graph", "flowchart", "subgraph", "end", "style", "class", "classDef", "click", "default", "linkStyle"}


def test_no_box_of_a_picture_is_named_like_a_keyword() -> None:
    """Mermaid cannot draw such a picture, and a reader sees an error in its place."""
    for page in PAGES:
        for picture in re.findall(
            r"^```mermaid\nflowchart \w+\n(.*?)^```", page.read_text("utf-8"), re.DOTALL | re.MULTILINE
        ):
            names = re.findall(r"(?:^|[>-] ?|\|)\s*(\w+)(?=[\[(]| ?[<-]|\s*$)", picture, re.MULTILINE)
            assert RESERVED.isdisjoint(names), page


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_lines_and_cells_are_short(page: Path) -> None:
    """A cell holds one phrase; a paragraph belongs below the table."""
    pieces = _pieces(page.read_text(encoding="utf-8"))
    assert [f"line {number}: {piece[:60]}" for number, piece in pieces if len(piece) >= LONGEST] == []
