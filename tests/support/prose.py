"""Count, per file, phrases that do not belong in code and documentation (CONTRIBUTING.md, "Style").

The baseline in `tests/unit/prose_baseline.json` states the highest count that each file may have.

    python -m tests.support.prose                list the counts per file, and store them as the baseline
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
    for name in ("README.md", "CONTRIBUTING.md"):
        yield name, (ROOT / name).read_text("utf-8")
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
    """Return the baseline after the counts. Counts may move between files, as code does, but their sum may only fall.

    Raises ValueError if the sum is higher than before.
    """
    above = sum(counts.values()) - sum(allowed.values())
    if above > 0:
        raise ValueError(f"The sum of the counts is {above} above the baseline. Remove phrases first.")
    return {name: number for name, number in sorted(counts.items()) if number}


def main(prefix: str | None) -> None:
    """List the phrases below `prefix`. Without a prefix, list the counts and store them as the baseline."""
    texts = {name: phrases(text) for name, text in files() if name.startswith(prefix or "")}
    if prefix is not None:
        for name, spots in texts.items():
            for line, words in spots:
                print(f"{name}:{line}: {words!r}")
        return
    counts = {name: len(spots) for name, spots in texts.items() if spots}
    for name, number in counts.items():
        print(f"{number:4} {name}")
    print(f"{sum(counts.values()):4} in all")
    BASELINE.write_text(json.dumps(lowered(baseline(), counts), indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else None)
