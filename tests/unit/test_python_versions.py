"""The Python versions that the project promises are those that its pinned packages support."""

import re
import tomllib
from importlib.metadata import metadata
from pathlib import Path

import pytest
from packaging.specifiers import SpecifierSet

ROOT = Path(__file__).parents[2]
PINNED = re.findall(r"^([\w.-]+)==", (ROOT / "requirements.txt").read_text("utf-8"), re.MULTILINE)
PROMISED = SpecifierSet(tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["requires-python"])
VERSIONS = [f"3.{minor}" for minor in range(9, 20) if f"3.{minor}" in PROMISED]


def test_the_versions_of_the_readme_are_promised() -> None:
    """Neither more nor fewer."""
    text = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
    assert f"Python {' or '.join(VERSIONS)}" in text


@pytest.mark.parametrize("package", PINNED)
def test_a_pinned_package_supports_every_promised_version(package: str) -> None:
    """By what the package itself declares."""
    declared = SpecifierSet(metadata(package)["Requires-Python"] or "")
    assert [version for version in VERSIONS if version not in declared] == []
