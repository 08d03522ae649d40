"""`python3 -m infra.local.setup`, which the Makefile calls before anything else, with a Python that it has checked.

A second run does nothing; one that was cut short is repaired by the next.
"""

import fcntl
import sys
import time
from concurrent.futures import ThreadPoolExecutor

from infra.local.setup import node_packages, python_packages
from infra.local.setup.commands import LOGS, SetupError


def main() -> int:
    """The checkout is ready (0), or one sentence for each thing in the way is printed (1)."""
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
