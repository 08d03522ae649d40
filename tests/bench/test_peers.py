"""The other readers of `make bench-peers`: what is said to be measured is what is installed."""

import json

from infra.local.stack.child import ROOT
from tests.bench.__main__ import APART, KEYS
from tests.bench.peers_install import versions

_BENCH = ROOT / "tests" / "bench"


def test_the_named_versions_are_the_locked_ones() -> None:
    """A pin that was changed without its lock is found."""
    locked = json.loads((_BENCH / "peers_backstage" / "package-lock.json").read_text(encoding="utf-8"))["packages"]
    named = versions()
    cartography = named.pop("cartography")
    lock = (_BENCH / "peers_cartography" / "cartography.lock").read_text(encoding="utf-8")
    assert lock.startswith(f"cartography=={cartography} \\\n")
    assert {name: locked[f"node_modules/{name}"]["version"] for name in named} == named


def test_nobody_installs_them_unasked() -> None:
    """`make bench` does not run them."""
    assert not {*APART} & {*KEYS}
