"""Every threat of the threat model names a test that exists, or says that it is open."""

import ast
import re

from tests.unit.test_docs_references import ROOT

PAGE = (ROOT / "docs/explanation/threat-model.md").read_text(encoding="utf-8")
#: Letter of STRIDE, threat, defence, and the test or `**open**`.
ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in PAGE.splitlines()
    if re.match(r"\| [STRIDE] \|", line)
]
_TEST = re.compile(r"`(?P<path>[\w/]+\.py)::(?P<name>\w+)`")
ENTRY_POINTS = (
    "Portal and the door for people",
    "Service API",
    "Queue messages",
    "Timers",
    "Files",
    "Answers of directories",
    "Storage",
    "Key Vault",
    "Deployment and packages",
)


def test_every_threat_has_a_test_or_is_open() -> None:
    """A row that says neither claims a defence that nothing shows."""
    assert ROWS
    assert [row for row in ROWS if not (len(row) == 4 and (_TEST.fullmatch(row[3]) or "**open**" in row[3]))] == []


def test_every_test_exists() -> None:
    """A renamed or removed test is noticed on the page."""
    named = {(match["path"], match["name"]) for match in _TEST.finditer(PAGE)}
    assert {test for test in named if test[1] not in _tests(test[0])} == set()


def test_every_defence_names_its_file() -> None:
    """That the file exists is checked with all other paths of the docs. Without a defence, the threat is open."""
    assert [row for row in ROWS if "`" not in row[2] and "**open**" not in row[3]] == []


def test_every_entry_point_is_examined() -> None:
    """Each has a section with threats."""
    sections = dict(part.split("\n", 1) for part in PAGE.split("\n## ")[1:])
    assert [name for name in ENTRY_POINTS if not re.search(r"^\| [STRIDE] \|", sections[name], re.MULTILINE)] == []


def _tests(path: str) -> set[str]:
    file = ROOT / "tests" / path
    if not file.exists():
        return set()
    tree = ast.parse(file.read_text(encoding="utf-8"))
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}
