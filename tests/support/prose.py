"""Count the phrases that WORDS rules out of code and documentation, per file.

The baseline in `tests/unit/prose_baseline.json` states the highest count that each file may have.

    python -m tests.support.prose                list every file with a count, and lower the baseline to the counts
    python -m tests.support.prose shared/cli     list the phrases below a folder, with their lines
"""

import ast
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
BASELINE: Final = ROOT / "tests/unit/prose_baseline.json"
SUFFIXES: Final = {".py", ".js", ".html", ".css", ".md", ".toml"}
#: Written by others (the vendored component library, npm packages).
LEFT_OUT: Final = {"vendor", "node_modules"}

#: What may stand between two words: a space, or the end of a line of prose, of a comment or of a string literal.
_GAP: Final = r"""(?:\s+(?:(?:#:?|//|\*)\s+|"\s+f?"|'\s+')?)"""
_PHRASES: Final = re.compile(
    "|".join(
        [
            r"(?i:\b(?:whoever|whomever|whom|somebody|nobody|everybody|anybody)\b)",
            r"(?i:\b(?:is|are|was) no\b(?! (?:longer|more)\b))".replace(" ", _GAP),
            r"(?i:\b(?:anew|besides|at once|just now|meanwhile|so many|of one piece|as it stands)\b)".replace(
                " ", _GAP
            ),
            r"(?:\"\"\"|/\*\*)\s*(?:Leave|Hold|Tell whether)\b",
            r"\b(?:Who|Whose|Whatever|Of those)\b",
            r"\bfor (?:\w+, )*each(?:, \w+)* in\b|\b(?:const|let) each\b|\(each\) =>",
        ]
    )
)


def phrases(text: str) -> list[tuple[int, str]]:
    """Return the line number and the words of every phrase that is ruled out."""
    return [(text.count("\n", 0, match.start()) + 1, match[0]) for match in _PHRASES.finditer(text)]


def docstrings(source: str) -> str:
    """Return the docstrings of a Python module, and nothing else of it."""
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    nodes = [node for node in ast.walk(ast.parse(source)) if isinstance(node, documented)]
    return "\n".join(f'"""{ast.get_docstring(node)}"""' for node in nodes if ast.get_docstring(node))


def files() -> Iterator[tuple[str, str]]:
    """Yield the path and the text to check of every file that counts: of a test, only its docstrings."""
    yield "README.md", (ROOT / "README.md").read_text("utf-8")
    for folder in ("docs", "infra", "shared", "tests"):
        for path in sorted((ROOT / folder).rglob("*")):
            if path.suffix not in SUFFIXES or LEFT_OUT & set(path.parts) or not path.is_file():
                continue
            if folder != "tests":
                yield path.relative_to(ROOT).as_posix(), path.read_text("utf-8")
            elif path.suffix == ".py":
                yield path.relative_to(ROOT).as_posix(), docstrings(path.read_text("utf-8"))


def baseline() -> dict[str, int]:
    """Return the highest count that each file may have. Files that are not listed may have none."""
    counts: dict[str, int] = json.loads(BASELINE.read_text("utf-8"))
    return counts


def lowered(allowed: dict[str, int], counts: dict[str, int]) -> dict[str, int]:
    """Return the baseline after the counts, in which a file's number is never above its previous one."""
    numbers = {name: min(number, counts.get(name, 0)) for name, number in allowed.items()}
    return {name: number for name, number in sorted(numbers.items()) if number}


def main(prefix: str | None) -> None:
    """List the phrases below `prefix`; without one, list the counts and lower the baseline."""
    counts: dict[str, int] = {}
    for name, text in files():
        found = phrases(text)
        counts[name] = len(found)
        if prefix is not None and name.startswith(prefix):
            print(*(f"{name}:{line}: {words!r}" for line, words in found), sep="\n", end="\n" if found else "")
        elif prefix is None and found:
            print(f"{len(found):4} {name}")
    if prefix is None:
        print(f"{sum(counts.values()):4} in all")
        BASELINE.write_text(json.dumps(lowered(baseline(), counts), indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else None)
