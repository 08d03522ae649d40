"""Every row of the page about known inputs names a test, or an input with its result, that exists."""

import ast
import re

from tests.unit.test_docs_references import ROOT

_ROW = re.compile(r"^\|(?! class \|| --- \|)(?P<cells>.+)\|$", re.MULTILINE)
_TEST = re.compile(r"`(?P<path>[\w/]+\.py)::(?P<name>\w+)`")
#: A file that is imported, with its expected result beside it, by tests/integration/http/test_inputs.py.
_INPUT = re.compile(r"`inputs/([\w-]+)\.csv`")


def test_every_behaviour_has_a_test() -> None:
    """A renamed or removed test is noticed on the page, and so is a row without one."""
    page = (ROOT / "docs/reference/known-inputs.md").read_text(encoding="utf-8")
    rows = [match["cells"] for match in _ROW.finditer(page)]
    assert rows
    assert [row for row in rows if not _TEST.search(row) and not _INPUT.search(row)] == []
    named = {(match["path"], match["name"]) for match in _TEST.finditer(page)}
    inputs = ROOT / "tests" / "inputs"
    assert [name for name in _INPUT.findall(page) if not (inputs / f"{name}.json").exists()] == []
    assert {test for test in named if test[1] not in _tests(test[0])} == set()


def _tests(path: str) -> set[str]:
    file = ROOT / "tests" / path
    if not file.exists():
        return set()
    functions = (node for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))) if hasattr(node, "name"))
    return {node.name for node in functions if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}
