"""How workflows call each other."""

import ast
from pathlib import Path

WORKFLOWS = Path(__file__).parents[3] / "shared" / "workflows"


def names(node: ast.AST) -> set[str]:
    """Return the names that an expression uses."""
    return {name.id for name in ast.walk(node) if isinstance(name, ast.Name)}


def test_workflows_hold_typed_collaborators_and_no_callables() -> None:
    """An editor cannot follow a Callable in a field, and import-linter cannot count it. A Protocol does both."""
    trees = {path: ast.parse(path.read_text(encoding="utf-8")) for path in sorted(WORKFLOWS.rglob("*.py"))}
    callables = {"Callable"} | {
        target.id
        for tree in trees.values()
        for node in tree.body
        if isinstance(node, ast.Assign) and "Callable" in names(node.value)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    found = [
        f"{path.name}:{field.lineno}"
        for path, tree in trees.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef)
        for field in node.body
        if isinstance(field, ast.AnnAssign) and names(field.annotation) & callables
    ]
    assert found == []
