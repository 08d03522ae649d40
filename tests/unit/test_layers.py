"""Imports point one way."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SHARED = ROOT / "shared"

#: For each part of the product, the parts of it that it may import; itself is always among them.
ALLOWED = {
    "function_app": {"shared.triggers"},
    "shared.triggers": {"shared.triggers", "shared.workflows", "shared.bootstrap", "shared.ports", "shared.domain"},
    "shared.bootstrap": {"shared"},
    "shared.workflows": {
        "shared.access",
        "shared.ancestry",
        "shared.by_hand",
        "shared.dispatch",
        "shared.erasure",
        "shared.fencing",
        "shared.health",
        "shared.import_endings",
        "shared.comparing",
        "shared.cutting",
        "shared.joining",
        "shared.limiting",
        "shared.first_answer",
        "shared.listing",
        "shared.capacity",
        "shared.once",
        "shared.pages",
        "shared.probe",
        "shared.rewriting",
        "shared.staging",
        "shared.summaries",
        "shared.ports",
        "shared.domain",
    },
    "shared.access": {"shared.health", "shared.ports", "shared.domain"},
    "shared.ancestry": {"shared.ports", "shared.domain"},
    "shared.comparing": {"shared.cutting", "shared.ports", "shared.domain"},
    "shared.cutting": {"shared.first_decisions", "shared.ports", "shared.domain"},
    "shared.first_decisions": {"shared.domain"},
    "shared.by_hand": {"shared.fencing", "shared.summaries", "shared.ports", "shared.domain"},
    "shared.erasure": {"shared.ports", "shared.domain"},
    "shared.health": {"shared.ports", "shared.domain"},
    "shared.import_endings": {"shared.summaries", "shared.ports", "shared.domain"},
    "shared.joining": {"shared.domain"},
    "shared.first_answer": set(),
    "shared.capacity": set(),
    "shared.listing": {"shared.ports", "shared.domain"},
    "shared.limiting": {"shared.ports", "shared.domain"},
    "shared.once": {"shared.ports", "shared.domain"},
    "shared.pages": set(),
    "shared.probe": {"shared.ports", "shared.domain"},
    "shared.rewriting": {"shared.staging", "shared.ports", "shared.domain"},
    "shared.staging": {"shared.ports", "shared.domain"},
    "shared.summaries": {"shared.ports", "shared.domain"},
    "shared.fencing": {"shared.ports", "shared.domain"},
    "shared.dispatch": {"shared.ports", "shared.domain"},
    "shared.adapters": {"shared.adapters", "shared.ports", "shared.domain", "shared.settings"},
    "shared.cli": {"shared.cli"},
    "shared.ports": {"shared.domain"},
    "shared.settings": {"shared.domain"},
    "shared.telemetry": set(),
    "shared.turns": set(),
    "shared.domain": {"shared.domain"},
    "shared.errors": set(),
    "shared": set(),
}
#: What everybody may use; the domain only errors.
COMMON = {"shared.errors", "shared.telemetry", "shared.turns"}
#: Packages of others, and the only parts that may import them.
SDKS = {
    "azure.functions": {"shared.triggers", "function_app"},
    "azure": {"shared.adapters"},
    "msgraph": {"shared.adapters"},
    "msgraph_core": {"shared.adapters"},
    "kiota_http": {"shared.adapters"},
    "kiota_abstractions": {"shared.adapters"},
    "kiota_authentication_azure": {"shared.adapters"},
    "httpx": {"shared.adapters", "shared.cli"},
    "httpx_aiohttp": {"shared.adapters"},
    "jwt": {"shared.adapters"},
    "cryptography": {"shared.adapters"},
    "os": {"shared.settings", "shared.cli"},
    "typer": {"shared.cli"},
    "rich": {"shared.cli"},
}
FILES = [ROOT / "function_app.py", *sorted(SHARED.rglob("*.py"))]


def module_of(path: Path) -> str:
    """Return the dotted name of a file."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(part for part in parts if part != "__init__")


def part_of(module: str) -> str:
    """Return the part of the product that a module belongs to."""
    return max((part for part in ALLOWED if f"{module}.".startswith(f"{part}.")), key=len)


def imports(path: Path) -> Iterator[str]:
    """Yield every module that a file imports, at whatever depth the statement stands."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative imports hide where they lead"
            for alias in node.names:
                whole = f"{node.module}.{alias.name}"
                target = ROOT / Path(*whole.split("."))
                yield whole if target.is_dir() or target.with_suffix(".py").exists() else str(node.module)


def within(module: str, parts: set[str]) -> bool:
    """Tell whether a module is one of the parts, or inside one."""
    return any(f"{module}.".startswith(f"{part}.") for part in parts)


@pytest.mark.parametrize("path", FILES, ids=module_of)
def test_imports_point_one_way(path: Path) -> None:
    """Triggers know workflows, workflows know ports, ports know the domain, and only bootstrap knows adapters."""
    module = module_of(path)
    part = part_of(module)
    common = {"shared.domain": {"shared.errors"}, "shared.cli": set[str]()}.get(part, COMMON)
    for imported in imports(path):
        if within(imported, {"shared", "function_app"}):
            assert within(imported, ALLOWED[part] | common), f"{module} imports {imported}"
        assert not within(imported, {"infra", "tests"}), f"{module} imports {imported}"


@pytest.mark.parametrize("path", FILES, ids=module_of)
def test_each_package_of_others_has_its_room(path: Path) -> None:
    """SDKs are imported by adapters, azure.functions by triggers, and the environment is read by settings."""
    part = part_of(module_of(path))
    for imported in imports(path):
        rooms = [SDKS[name] for name in sorted(SDKS, key=len, reverse=True) if within(imported, {name})]
        if rooms:
            assert part in rooms[0], f"{part} imports {imported}"


def test_workflows_do_not_import_each_other() -> None:
    """They talk through jobs."""
    for path in sorted((SHARED / "workflows").glob("*.py")):
        assert not any(within(imported, {"shared.workflows"}) for imported in imports(path)), path.name


def test_the_command_line_stands_apart() -> None:
    """It knows nothing of the product's inside, only what it is made of; and nothing that is deployed knows it."""
    made_of = {"typer", "rich", "httpx", "msgspec", "shared"} | set(sys.stdlib_module_names)
    for path in FILES:
        inside = part_of(module_of(path)) == "shared.cli"
        for imported in imports(path):
            if inside:
                assert imported.split(".")[0] in made_of, f"{path.name} imports {imported}"
            else:
                assert not within(imported, {"shared.cli"}), f"{path.name} imports {imported}"
