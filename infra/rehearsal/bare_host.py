"""Run the local host with an interpreter that has no packages: `python -ISB bare_host.py ENVIRONMENT PATHS... -- ...`.

ENVIRONMENT is a JSON file with every environment variable of the app, and PATHS are the only folders with modules
in addition to the standard library. This file is run by itself: import the standard library only.
"""

import json
import os
import runpy
import sys
from pathlib import Path


def main(arguments: list[str]) -> None:
    """Replace environment and module path, then run the host."""
    separator = arguments.index("--")
    environment, *paths = arguments[:separator]
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LOCAL_STACK_PARENT_PID") if name in os.environ}
    variables = json.loads(Path(environment).read_text(encoding="utf-8"))
    os.environ.clear()
    os.environ.update(kept | variables)
    sys.path[:0] = paths
    sys.argv = ["functions_host", *arguments[separator + 1 :]]
    runpy.run_module("infra.local.functions_host", run_name="__main__")


if __name__ == "__main__":
    main(sys.argv[1:])
