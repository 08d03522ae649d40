"""azure.yaml: azd ignores misspelt keys, so a strict schema checks every key."""

import copy
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft201909Validator

from infra.local.stack.child import ROOT

_TEXT: dict[str, Any] = {"type": "string", "minLength": 1}


def _object(properties: Mapping[str, Any], *, required: Sequence[str] = ()) -> dict[str, Any]:
    """Return the schema of an object with no other keys than these."""
    return {"type": "object", "additionalProperties": False, "properties": properties, "required": list(required)}


_HOOK = _object({"shell": {"enum": ["sh"]}, "run": _TEXT}, required=["run"])
_EVENTS = ("restore", "build", "package", "publish", "deploy")
_COMMANDS = ("provision", "down", "up", "restore", "package", "publish", "deploy")
#: The part of azd's schema that azure.yaml uses, without the keys that azd does not know and ignores.
#: Source: https://github.com/Azure/azure-dev/blob/ae35809/schemas/v1.0/azure.yaml.json
SCHEMA = _object(
    {
        "name": {"type": "string", "minLength": 2, "pattern": "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"},
        "metadata": _object({"template": {"type": "string", "pattern": "^[a-z-]+@[0-9]+$"}}),
        "requiredVersions": _object({"azd": {"type": "string", "pattern": r"^>= \d+\.\d+\.\d+$"}}),
        "infra": _object({"provider": {"enum": ["bicep"]}, "path": _TEXT, "module": _TEXT}),
        "services": {
            "type": "object",
            "additionalProperties": _object(
                {
                    "project": _TEXT,
                    "language": {"enum": ["python"]},
                    "host": {"enum": ["function"]},
                    "dist": _TEXT,
                    "remoteBuild": {"type": "boolean"},
                    "hooks": _object({f"{when}{name}": _HOOK for when in ("pre", "post") for name in _EVENTS}),
                },
                required=["project", "language", "host", "dist", "remoteBuild"],
            ),
        },
        "hooks": _object({f"{when}{name}": _HOOK for when in ("pre", "post") for name in _COMMANDS}),
    },
    required=["name", "infra", "services"],
)


@pytest.fixture(scope="module")
def azd() -> dict[str, Any]:
    """Return the content of azure.yaml."""
    content: dict[str, Any] = yaml.safe_load((ROOT / "azure.yaml").read_text(encoding="utf-8"))
    return content


def errors(content: Mapping[str, Any]) -> list[str]:
    """Return what the schema finds wrong."""
    return [error.message for error in Draft201909Validator(SCHEMA).iter_errors(content)]


def test_every_key_is_one_that_azd_has(azd: dict[str, Any]) -> None:
    """With the right type, at every level."""
    Draft201909Validator.check_schema(SCHEMA)
    assert errors(azd) == []


@pytest.mark.parametrize("place", [(), ("infra",), ("metadata",), ("services", "api"), ("hooks", "preprovision")])
def test_a_misspelt_key_is_found(azd: dict[str, Any], place: tuple[str, ...]) -> None:
    """At every level, because azd ignores one."""
    wrong = copy.deepcopy(azd)
    inner = wrong
    for name in place:
        inner = inner[name]
    inner["dits"] = "x"
    assert ["'dits'" in error for error in errors(wrong)] == [True]


def test_the_package_is_deployed_as_it_was_built(azd: dict[str, Any]) -> None:
    """A build in Azure would install the packages again, and a service's folder would be deployed with its hooks."""
    (service,) = azd["services"].values()
    assert service["remoteBuild"] is False
    assert service["project"] == "."
    assert service["language"] == "python"
    assert service["dist"] == ".local/package/root"


def test_what_azd_runs_exists(azd: dict[str, Any]) -> None:
    """The module of the infrastructure, and the commands of the hooks."""
    assert (ROOT / azd["infra"]["path"] / f"{azd['infra']['module']}.bicep").exists()
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    (service,) = azd["services"].values()
    for hook in [*azd["hooks"].values(), *service["hooks"].values()]:
        program, argument, *_ = hook["run"].split()
        assert program in {"make", "sh"}
        assert (
            re.search(rf"^{argument}:", makefile, re.MULTILINE) if program == "make" else Path(ROOT, argument).exists()
        )


def test_the_service_is_tagged_as_azd_looks_for_it(azd: dict[str, Any]) -> None:
    """The tool finds the app by this tag."""
    (name,) = azd["services"]
    text = (ROOT / azd["infra"]["path"] / "app" / "function.bicep").read_text(encoding="utf-8")
    assert f"'azd-service-name': '{name}'" in text
