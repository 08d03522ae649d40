"""List the licence of each locked package, and what is not allowed: `python -m infra.supply_chain.licences`.

`allowed.json` beside it has the allowed SPDX ids with a reason for each unusual one, the ids for other spellings, and
the packages that do not declare a licence in a form that can be read.
"""

import json
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, metadata
from pathlib import Path
from typing import Final

import msgspec

from infra.local.stack.child import ROOT

#: Locks of pip whose packages are installed in .venv: what is deployed, then what develops it.
PYTHON_LOCKS: Final = ("requirements.lock", "requirements-dev.lock")
NPM_LOCK: Final = "infra/local/azurite/package-lock.json"
_PINNED: Final = re.compile(r"^([\w.-]+)==([^ ;\\]+)", re.MULTILINE)
_CLASSIFIER: Final = "License :: "


class Read(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Licence of one version of a package, as a person read it."""

    version: str
    licence: str
    reason: str


class Rules(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is allowed."""

    #: SPDX id to the reason why it is unusual, which is empty for common permissive licences.
    allowed: dict[str, str]
    #: Text of a package's metadata to SPDX id.
    spellings: dict[str, str]
    #: Package without a readable licence to what its files say.
    read_by_hand: dict[str, Read]


@dataclass(frozen=True, slots=True, kw_only=True)
class Locked:
    """A package of a lock. `licence` is an SPDX expression, or empty if the package does not declare a known one."""

    lock: str
    name: str
    version: str
    licence: str


def rules() -> Rules:
    """Return the content of `allowed.json`. Raises msgspec.ValidationError if it is malformed."""
    return msgspec.json.decode((Path(__file__).parent / "allowed.json").read_bytes(), type=Rules)


def locked(rule: Rules) -> Iterator[Locked]:
    """Yield the packages of all locks, those in several locks once."""
    seen = set()
    for lock in PYTHON_LOCKS:
        for name, version in _PINNED.findall((ROOT / lock).read_text(encoding="utf-8")):
            if name not in seen:
                seen.add(name)
                licence = _by_hand(name, version, rule) or declared(name, rule)
                yield Locked(lock=lock, name=name, version=version, licence=licence)
    packages = json.loads((ROOT / NPM_LOCK).read_text(encoding="utf-8"))["packages"]
    for path, package in packages.items():
        if path:
            name, version = path.rpartition("node_modules/")[2], package["version"]
            licence = _by_hand(name, version, rule) or spdx(package.get("license", ""), rule)
            yield Locked(lock=NPM_LOCK, name=name, version=version, licence=licence)


def declared(name: str, rule: Rules) -> str:
    """Return the licence that an installed package declares in its metadata, empty if none can be read."""
    try:
        about = metadata(name)
    except PackageNotFoundError:
        return ""
    texts = [about["License-Expression"], about["License"]]
    classifiers = [line.removeprefix(_CLASSIFIER) for line in about.get_all("Classifier") or []]
    known = [spdx(text, rule) for text in (*texts, *classifiers) if text]
    return next(filter(None, known), "")


def spdx(text: str, rule: Rules) -> str:
    """Return a licence text as an SPDX expression, empty if it is neither one nor a known spelling of one."""
    text = rule.spellings.get(text, text)
    return text if re.fullmatch(r"[\w.()-]+(?: (?:AND|OR|WITH) [\w.()-]+)*", text) else ""


def is_allowed(expression: str, rule: Rules) -> bool:
    """Return whether all parts of one alternative are allowed. Nested expressions are not."""
    if expression.startswith("(") and expression.endswith(")"):
        expression = expression[1:-1]
    alternatives = expression.split(" OR ")
    return "(" not in expression and any(
        all(part in rule.allowed for part in together.split(" AND ")) for together in alternatives
    )


def _by_hand(name: str, version: str, rule: Rules) -> str:
    read = rule.read_by_hand.get(name)
    return read.licence if read is not None and read.version == version else ""


def main() -> int:
    """Print every package with its licence. Return 1 if one is not allowed."""
    rule = rules()
    refused = 0
    for package in locked(rule):
        verdict = "" if is_allowed(package.licence, rule) else "\tnot allowed"
        refused += verdict != ""
        print(f"{package.lock}\t{package.name} {package.version}\t{package.licence or 'unknown'}{verdict}")
    return int(refused > 0)


if __name__ == "__main__":
    sys.exit(main())
