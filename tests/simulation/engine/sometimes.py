"""The rare branches of the product, listed from its code, and which of them the histories have reached.

A branch is the body of a handler of a lost race or an interrupted step, a branch of the watchdog, or one of the ways in
which a message is given up.
"""

import ast
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any, Final

_ROOT: Final = Path(__file__).parents[3]
#: The modules whose handlers count.
_FOLDERS: Final = ("shared/workflows", "shared/runtime", "shared/triggers/queues.py")
#: The errors of lost races and interrupted steps.
_ERRORS: Final = frozenset(
    {"Conflict", "Contended", "ETagConflict", "NotFound", "Superseded", "SyncError", "Transient"}
)
#: Modules of which every branch counts: the watchdog, and what becomes of messages that are given up.
_WHOLE: Final = ("shared/workflows/sync/watchdog.py", "shared/workflows/operations/dead_letters.py")

Point = tuple[str, int]


def points() -> list[Point]:
    """Return the file and the first line of each branch, from the code as it is."""
    found: list[Point] = []
    for folder in _FOLDERS:
        paths = [_ROOT / folder] if folder.endswith(".py") else sorted((_ROOT / folder).rglob("*.py"))
        for path in paths:
            name = str(path.relative_to(_ROOT))
            found += [(name, line) for line in sorted(set(_lines(ast.parse(path.read_text("utf-8")), name)))]
    return found


def _lines(tree: ast.AST, name: str) -> Iterator[int]:
    for node in ast.walk(tree):
        if (isinstance(node, ast.ExceptHandler) and _ERRORS & {each.id for each in _names(node.type)}) or (
            name in _WHOLE and isinstance(node, ast.If)
        ):
            yield _first(node.body)


def _names(node: ast.AST | None) -> Iterator[ast.Name]:
    return (each for each in ast.walk(node) if isinstance(each, ast.Name)) if node else iter(())


def _first(body: list[ast.stmt]) -> int:
    return body[0].lineno


class Reached:
    """Collects the branches that run inside `watching`."""

    def __init__(self) -> None:
        self.points: set[Point] = set()
        self._wanted = {(str(_ROOT / name), line): (name, line) for name, line in points()}
        self._files = {name for name, _ in self._wanted}

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Note which branches run. Everything is several times slower."""
        sys.settrace(self._enter)
        try:
            yield
        finally:
            sys.settrace(None)

    def _enter(self, frame: FrameType, event: str, arg: object) -> Any:  # noqa: ANN401 - a trace function
        del event, arg
        return self._line if frame.f_code.co_filename in self._files else None

    def _line(self, frame: FrameType, event: str, arg: object) -> Any:  # noqa: ANN401 - as above
        del event, arg
        point = self._wanted.get((frame.f_code.co_filename, frame.f_lineno))
        if point is not None:
            self.points.add(point)
        return self._line
