"""azure.yaml: azd ignores a misspelt key, so every key is one that azd has."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from infra.local.stack.child import ROOT

#: Keys that azd reads, by place.
#: Source: https://raw.githubusercontent.com/Azure/azure-dev/main/schemas/v1.0/azure.yaml.json
TOP = {"name", "resourceGroup", "metadata", "infra", "services", "resources", "pipeline", "hooks", "requiredVersions"}
TOP |= {"state", "platform", "workflows", "cloud"}
INFRA = {"provider", "path", "module", "layers"}
SERVICE = {"resourceName", "resourceGroup", "project", "image", "host", "language", "module", "dist", "docker"}
SERVICE |= {"k8s", "config", "hooks", "apiVersion", "env", "uses", "remoteBuild"}
HOOK = {"kind", "shell", "run", "dir", "continueOnError", "interactive", "windows", "posix", "secrets", "config"}
COMMANDS = {"provision", "infracreate", "infradelete", "down", "up", "package", "deploy", "publish", "restore", "build"}


@pytest.fixture(scope="module")
def azd() -> dict[str, Any]:
    """Return the content of azure.yaml."""
    content: dict[str, Any] = yaml.safe_load((ROOT / "azure.yaml").read_text(encoding="utf-8"))
    return content


def test_every_key_is_one_that_azd_has(azd: dict[str, Any]) -> None:
    """At every level that is used."""
    assert set(azd) <= TOP
    assert set(azd["infra"]) <= INFRA
    hooks = dict(azd["hooks"])
    for service in azd["services"].values():
        assert set(service) <= SERVICE
        hooks |= service.get("hooks", {})
    for name, hook in hooks.items():
        when, command = re.fullmatch(r"(pre|post)(\w+)", name).groups()  # type: ignore[union-attr]
        assert when
        assert command in COMMANDS
        assert set(hook) <= HOOK


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
