"""`make bench`: every benchmark in a process of its own, one after the other; `.local/bench.json` has what was found.

`python -m tests.bench KEY ...` runs some of them, and leaves the others in the file as they are.
"""

import argparse
import asyncio
import importlib
import json
import os
import subprocess
import sys
from typing import Any, Final

from infra.local.stack.child import ROOT
from tests.bench.entra import certificates
from tests.bench.results import Result

OUT: Final = ROOT / ".local" / "bench.json"
#: Each is the name of a module here, whose `measure` returns what was found.
KEYS: Final = (
    "graph_page_cpu",
    "graph_page_floor",
    "table_write_cpu",
    "table_read_cpu",
    "full_import_cpu",
    "full_import_bound",
    "nothing_changed",
    "one_percent_changed",
    "memory",
    "loop_stall",
    "many_tenants",
    "throttled",
    "cold_start",
    "package",
    "cost",
)
#: Run only if named: it installs other readers of directories, one of which takes minutes.
APART: Final = ("peers",)


def main() -> None:
    """Run, print a line for each, and end with 1 if one could not be measured: a goal that is missed is no failure."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument(
        "keys", nargs="*", choices=[[], *KEYS, *APART], help="which ones; all but peers if none is named"
    )
    parser.add_argument("--alone", action="store_true", help="in this process, and print JSON")
    chosen = parser.parse_args()
    if chosen.alone:
        print(json.dumps({each.key: each.shown() for each in _measured(chosen.keys[0])}))
        return
    broken = [key for key in chosen.keys or KEYS if not _run(key)]
    sys.exit(f"Could not be measured: {', '.join(broken)}." if broken else 0)


def _measured(key: str) -> list[Result]:
    """Return what a module finds: one result, or several that come of one measurement."""
    found: Result | list[Result] = asyncio.run(importlib.import_module(f"tests.bench.{key}").measure())
    return [found] if isinstance(found, Result) else found


def _run(key: str) -> bool:
    command = [sys.executable, "-m", "tests.bench", key, "--alone"]
    bundle = str(certificates().bundle)
    environment = {**os.environ, "SSL_CERT_FILE": bundle, "REQUESTS_CA_BUNDLE": bundle}  # read when they are imported
    done = subprocess.run(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode != 0:
        print(f"{key:26} could not be measured", flush=True)
        return False
    found: dict[str, dict[str, Any]] = json.loads(done.stdout.splitlines()[-1])
    known: dict[str, Any] = json.loads(OUT.read_text(encoding="utf-8")) if OUT.exists() else {}
    OUT.parent.mkdir(exist_ok=True)
    OUT.write_text(json.dumps(known | found, indent=2) + "\n", encoding="utf-8")
    for name, each in found.items():
        mark = "reached" if each["pass"] else "MISSED"
        print(f"{name:26} {each['value']:>12,.3f}   goal {each['goal']:>9}   {mark}", flush=True)
    return True


if __name__ == "__main__":
    main()
