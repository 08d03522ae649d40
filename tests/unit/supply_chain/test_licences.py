"""Every locked package has a licence that is allowed, and the list of what is allowed has nothing else."""

import pytest

from infra.supply_chain.licences import declared, is_allowed, locked, rules, spdx

RULES = rules()
PACKAGES = list(locked(RULES))


def test_every_locked_package_has_an_allowed_licence() -> None:
    """By the metadata that is installed, and by npm's lock."""
    assert [package for package in PACKAGES if not is_allowed(package.licence, RULES)] == []
    assert {package.lock for package in PACKAGES} == {
        "requirements.lock",
        "requirements-dev.lock",
        "infra/local/azurite/package-lock.json",
    }


def test_every_allowed_licence_is_needed() -> None:
    """A licence that no package has any more is allowed again when one needs it."""
    text = " ".join(package.licence for package in PACKAGES)
    assert [licence for licence in RULES.allowed if licence not in text.split()] == []


def test_what_a_person_read_is_of_the_locked_version_and_needed() -> None:
    """Another version has to be read again, and one that declares its licence needs no reader."""
    versions = {(package.name, package.version) for package in PACKAGES}
    read = RULES.read_by_hand
    assert [name for name in read if (name, read[name].version) not in versions] == []
    assert [name for name in read if is_allowed(declared(name, RULES), RULES)] == []


@pytest.mark.parametrize(
    ("text", "allowed"),
    [
        ("MIT", True),
        ("MIT License", True),
        ("Apache-2.0 AND MIT", True),
        ("GPL-3.0-only OR MIT", True),
        ("(GPL-3.0-only OR MIT)", True),
        ("GPL-3.0-only AND MIT", False),
        ("MIT AND (GPL-3.0-only OR MIT)", False),
        ("GPL-3.0-only AND (ISC OR MIT OR ISC)", False),
        ("(GPL-3.0-only OR MIT) AND (ISC OR GPL-3.0-only)", False),
        ("MIT WITH exception", False),
        ("BSD", False),
        ("SEE LICENSE IN LICENSE.txt", False),
        ("", False),
    ],
)
def test_a_text_is_allowed_by_its_meaning(text: str, *, allowed: bool) -> None:
    """One of the alternatives is enough, and of what applies together each part is needed."""
    assert is_allowed(spdx(text, RULES), RULES) is allowed


def test_a_package_that_is_not_installed_declares_nothing() -> None:
    """It is refused until a person has read its licence."""
    assert declared("not-installed-anywhere", RULES) == ""
