"""Set up the checkout: `python3 -m infra.local.setup`. The Makefile calls it first, with a Python that it has checked.

A second run changes nothing. After an interrupted run, the next one repairs the installation.
"""

import fcntl
import sys
import time
from concurrent.futures import ThreadPoolExecutor

from infra.local.setup import node_packages, python_packages
from infra.local.setup.commands import LOGS, SetupError


def main() -> int:
    """Set up the checkout and return 0. Return 1 after printing one sentence per obstacle."""
    started = time.monotonic()
    try:
        node_packages.check_node()
    except SetupError as error:
        print(error, file=sys.stderr)
        return 1
    LOGS.mkdir(parents=True, exist_ok=True)
    with (LOGS / "setup.lock").open("w") as lock, ThreadPoolExecutor() as pool:
        fcntl.flock(lock, fcntl.LOCK_EX)
        steps = [pool.submit(step.install) for step in (python_packages, node_packages)]
    failed, did_something = False, False
    for step in steps:
        try:
            did_something |= step.result()
        except (SetupError, OSError) as error:
            failed = True
            print(error, file=sys.stderr)
    if did_something and not failed:
        print(f"Set up in {time.monotonic() - started:.0f} s.")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
