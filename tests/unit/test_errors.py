"""The classes of errors, not their codes, decide what the code does."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from shared import errors
from shared.errors import SyncError

ROOT = Path(__file__).parents[2]
#: Where the codes of a provider, of a service or of the API are translated.
TRANSLATORS = ("shared/adapters/entra/", "shared/triggers/http/")
FILES = [
    path
    for path in (ROOT / "function_app.py", *sorted((ROOT / "shared").rglob("*.py")))
    if not path.relative_to(ROOT).as_posix().startswith(TRANSLATORS)
]


def is_code(node: ast.expr) -> bool:
    """Return whether an expression reads an attribute `code`."""
    return isinstance(node, ast.Attribute) and node.attr == "code"


def decisions(tree: ast.AST) -> Iterator[int]:
    """Yield the lines that decide by the text of a `code`. Comparing the codes of two objects names no code."""
    for node in ast.walk(tree):
        match node:
            case ast.Compare():
                sides = [node.left, *node.comparators]
                if any(map(is_code, sides)) and not all(map(is_code, sides)):
                    yield node.lineno
            case ast.Call(func=ast.Attribute(value=value)) if is_code(value):
                yield node.lineno
            case ast.Match(subject=subject) if is_code(subject):
                yield node.lineno
            case ast.MatchClass(kwd_attrs=names) if "code" in names:
                yield node.lineno


@pytest.mark.parametrize(
    "text",
    [
        'error.code == "gone"',
        "'gone' != error.code",
        "error.code in KNOWN",
        "error.code not in {'gone'}",
        "error.code.startswith('AADSTS')",
        "match error.code:\n    case 'gone': pass",
        "match error:\n    case Conflict(code='gone'): pass",
    ],
)
def test_a_decision_by_code_is_found(text: str) -> None:
    """Comparisons, string methods and patterns are all found."""
    assert list(decisions(ast.parse(text)))


@pytest.mark.parametrize("text", ["reason.code == notice.code", "Problem(code=error.code)", "log(error.code)"])
def test_passing_a_code_on_is_no_decision(text: str) -> None:
    """Codes are copied into the history and the log."""
    assert not list(decisions(ast.parse(text)))


def test_no_code_decides_by_the_code_of_an_error() -> None:
    """Every error that is caught has its own class. Providers, services and HTTP have codes of their own."""
    found = [
        f"{path.relative_to(ROOT)}:{line}"
        for path in FILES
        for line in decisions(ast.parse(path.read_text(encoding="utf-8")))
    ]
    assert found == []


def test_every_error_is_drawn() -> None:
    """The tree at the head of the module shows every class, indented by its depth."""
    lines = [line for line in (errors.__doc__ or "").splitlines() if "──" in line]
    drawn = [(line.split("── ")[1].split()[0], line.index("──") // 4) for line in lines]

    def classes(kind: type[SyncError], depth: int) -> Iterator[tuple[str, int]]:
        for child in kind.__subclasses__():
            if child.__module__ == errors.__name__:
                yield child.__name__, depth
                yield from classes(child, depth + 1)

    assert drawn == list(classes(SyncError, 1))
