"""Run every benchmark in its own process, one after the other: `make bench`. Results go to `.local/bench.json`.

`python -m tests.bench KEY ...` runs only some of them, and keeps the other results in the file.
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
#: Names of modules in this package, whose `measure` returns the results.
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
    "click_to_done",
    "cold_start",
    "package",
    "cost",
)
#: Run only if named: it installs other directory readers, one of which takes minutes.
APART: Final = ("peers",)


def main() -> None:
    """Run the benchmarks and print a line for each.

    Exit with 1 if one cannot be measured. A missed goal is not a failure.
    """
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
    """Return the results of a module: one, or several of the same measurement."""
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
