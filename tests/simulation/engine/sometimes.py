"""The rare branches of the product, listed from its code, and which of them ran.

A point is the first line of

- a handler of a lost race, and a statement that raises one;
- a handler of an interrupted step, in a module that writes;
- every branch of the modules that are the watchdog's, and of those in which a message is given up.

`install` must be called before the product is imported: it lets each point note that it was reached.
"""

import ast
import builtins
import sys
from collections.abc import Iterator, Sequence
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from pathlib import Path
from types import CodeType, ModuleType
from typing import Final

_ROOT: Final = Path(__file__).parents[3]
#: The modules that are searched.
_FOLDERS: Final = ("shared/workflows", "shared/runtime", "shared/triggers/queues.py")
#: The errors of lost races.
_CONFLICTS: Final = frozenset({"Conflict", "Contended", "ETagConflict", "FencedOff", "Superseded"})
#: The errors of interrupted steps.
_INTERRUPTED: Final = frozenset({"NotFound", "SyncError", "Transient"})
#: How methods of ports begin that write.
_WRITES: Final = (
    "announce",
    "commit",
    "delete",
    "discard",
    "insert",
    "put",
    "record",
    "replace",
    "save",
    "send",
    "settle",
)
#: Modules of which every branch counts: those that the watchdog calls, and what becomes of messages that are given up.
_WHOLE: Final = (
    "shared/workflows/sync/watchdog.py",
    "shared/workflows/imports/cleanup.py",
    "shared/workflows/tenants/deletion.py",
    "shared/workflows/operations/dead_letters.py",
)
#: Name of the function that the points call.
_MARK: Final = "__reached__"

Point = tuple[str, int]
#: The points that were reached in this process.
REACHED: Final[set[Point]] = set()


#: A point within the code: a block, and the index of the statement.
_Place = tuple[list[ast.stmt], int]


def points() -> list[Point]:
    """Return the file and the line of each point, from the code as it is."""
    return sorted(
        {(name, block[at].lineno) for name, path in _modules() for block, at in _places(_tree(path.read_bytes()), name)}
    )


def described(point: Point) -> str:
    """Return a point with the statement that it is."""
    name, line = point
    return f"{name}:{line}: {(_ROOT / name).read_text('utf-8').splitlines()[line - 1].strip()}"


def install() -> None:
    """Let the points of the modules that are imported from now on note when they are reached."""
    if loaded := [name for name in sys.modules if name.startswith("shared.workflows.")]:
        raise RuntimeError(f"already imported: {loaded[0]}")
    setattr(builtins, _MARK, REACHED.add)
    sys.meta_path.insert(0, _Finder())


def _modules() -> Iterator[tuple[str, Path]]:
    for folder in _FOLDERS:
        for path in [_ROOT / folder] if folder.endswith(".py") else sorted((_ROOT / folder).rglob("*.py")):
            yield str(path.relative_to(_ROOT)), path


def _tree(content: bytes) -> ast.Module:
    return ast.parse(content)


def _places(tree: ast.Module, name: str) -> Iterator[_Place]:
    caught = _CONFLICTS | _INTERRUPTED if _does_write(tree) else _CONFLICTS
    for node in ast.walk(tree):
        if isinstance(node, ast.ExceptHandler) and caught & _names(node.type):
            yield node.body, 0
        if name in _WHOLE and isinstance(node, ast.If | ast.match_case):
            yield node.body, 0
        if name in _WHOLE and isinstance(node, ast.If) and node.orelse and not isinstance(node.orelse[0], ast.If):
            yield node.orelse, 0
        for block in _blocks(node):
            for at, statement in enumerate(block):
                if isinstance(statement, ast.Raise) and _CONFLICTS & _names(_raised(statement)):
                    yield block, at


def _blocks(node: ast.AST) -> Iterator[list[ast.stmt]]:
    for _, value in ast.iter_fields(node):
        if isinstance(value, list) and value and isinstance(value[0], ast.stmt):
            yield value


def _raised(statement: ast.Raise) -> ast.AST | None:
    return statement.exc.func if isinstance(statement.exc, ast.Call) else None


def _names(node: ast.AST | None) -> set[str]:
    return {name.id for name in ast.walk(node) if isinstance(name, ast.Name)} if node else set()


def _does_write(tree: ast.Module) -> bool:
    """Return whether a module awaits a method of a port that writes."""
    awaited = (node.value for node in ast.walk(tree) if isinstance(node, ast.Await))
    return any(
        isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.func.attr.startswith(_WRITES)
        for call in awaited
    )


class _Finder(PathFinder):
    """Finds the modules of the product, and lets `_Loader` load those with points."""

    @classmethod
    def find_spec(
        cls, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return the spec of a module of the product; None for any other."""
        if not fullname.startswith("shared."):
            return None
        spec = super().find_spec(fullname, path, target)
        if spec is not None and isinstance(spec.loader, SourceFileLoader) and spec.origin is not None:
            name = str(Path(spec.origin).relative_to(_ROOT))
            if name.startswith(_FOLDERS):
                spec.loader = _Loader(spec.loader.name, spec.loader.path)
        return spec


class _Loader(SourceFileLoader):
    """Compiles a module with a call at each of its points. Its compiled form is not stored."""

    def get_code(self, fullname: str) -> CodeType:
        """Return the code of the module."""
        del fullname
        tree, name = _tree(self.get_data(self.path)), str(Path(self.path).relative_to(_ROOT))
        places = {(id(block), at): (block, at) for block, at in _places(tree, name)}
        for block, at in sorted(places.values(), key=lambda place: -place[1]):
            line = block[at].lineno
            mark = ast.parse(f"{_MARK}({(name, line)!r})").body[0]
            for node in ast.walk(mark):
                ast.copy_location(node, block[at])
            block.insert(at, mark)
        return compile(tree, self.path, "exec", dont_inherit=True)
