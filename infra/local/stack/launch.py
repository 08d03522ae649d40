"""Replaces itself by a command that the kernel ends together with the stack that started it.

`python infra/local/stack/launch.py node azurite.js ...`: the request survives `exec`, so it also works for programs
that know nothing of it. It needs Linux; elsewhere a stack that was killed hard leaves its children to `make down`.
Source: https://man7.org/linux/man-pages/man2/pr_set_pdeathsig.2const.html
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1
PARENT_PID = "LOCAL_STACK_PARENT_PID"


def die_with_parent(parent_pid: int) -> None:
    """From now on this process gets SIGKILL when its parent ends; it ends at once if that has already happened."""
    if sys.platform != "linux":
        return
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent_pid:
        sys.exit("The stack that started this process has ended.")


def main(command: list[str]) -> None:
    """Becomes `command`; its own process id stays."""
    die_with_parent(int(os.environ[PARENT_PID]))
    try:
        os.execvp(command[0], command)  # noqa: S606 - no shell is the point
    except OSError as error:
        sys.exit(f"{command[0]} could not be started: {error.strerror}.")


if __name__ == "__main__":
    main(sys.argv[1:])
