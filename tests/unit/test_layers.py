"""What import-linter's contracts (pyproject.toml) cannot express about imports."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FILES = [ROOT / "function_app.py", *sorted((ROOT / "shared").rglob("*.py"))]
#: Everything that the command line is made of, which is not deployed.
COMMAND_LINE = {"typer", "rich", "httpx", "msgspec", "shared"} | set(sys.stdlib_module_names)


def name_of(path: Path) -> str:
    """Return a file's path below the root."""
    return path.relative_to(ROOT).as_posix()


def imports(path: Path) -> Iterator[str]:
    """Yield every module that a file imports, also inside functions. Fails on relative imports."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative imports hide where they lead"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_triggers_use_azure_functions_and_no_other_azure_package(path: Path) -> None:
    """import-linter sees only the namespace `azure`, which azure.functions shares with the service SDKs."""
    azure = {imported for imported in imports(path) if imported.startswith("azure.")}
    if name_of(path).startswith(("function_app", "shared/triggers/")):
        assert all(imported.startswith("azure.functions") for imported in azure)
    else:
        assert not any(imported.startswith("azure.functions") for imported in azure)


def test_the_app_imports_triggers_only() -> None:
    """function_app.py is a module of its own, which import-linter does not analyse."""
    assert all(imported.startswith(("azure.functions", "shared.triggers.")) for imported in imports(FILES[0]))


def test_the_command_line_is_made_of_few_packages() -> None:
    """Other packages would have to be installed where the command line runs."""
    for path in sorted((ROOT / "shared" / "cli").glob("*.py")):
        assert {imported.split(".")[0] for imported in imports(path)} <= COMMAND_LINE, path


def test_no_suite_imports_another() -> None:
    """What several suites share lives in tests/support."""
    for path in sorted((ROOT / "tests").rglob("*.py")):
        suite = f"tests.{path.relative_to(ROOT / 'tests').parts[0]}."
        shared = {imported for imported in imports(path) if imported.startswith("tests.")}
        assert all(imported.startswith((suite, "tests.support.")) for imported in shared), path
