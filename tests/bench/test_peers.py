"""The other readers of `make bench-peers`: what is said to be measured is what is installed."""

import json
import os
import subprocess
import sys

import pytest

from infra.local.stack.child import ROOT
from tests.bench.__main__ import APART, KEYS
from tests.bench.entra import certificates
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


@pytest.mark.e2e
def test_the_run_of_the_product_reads_people_and_groups() -> None:
    """The run beside the other readers, of a small directory: in a process of its own, which knows its certificates."""
    program = (
        "import asyncio\n"
        "from tests.bench.entra import directory\n"
        "from tests.bench.peers_run import run\n"
        "async def small():\n"
        "    async with directory(users=30, groups=2, group_size=10) as known:\n"
        "        return await run(known)\n"
        "found = asyncio.run(small())\n"
        "print(found.people, found.memberships)\n"
    )
    bundle = str(certificates().bundle)
    environment = {**os.environ, "SSL_CERT_FILE": bundle, "REQUESTS_CA_BUNDLE": bundle}
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert (done.stdout, done.returncode) == ("30 20\n", 0), done.stderr
