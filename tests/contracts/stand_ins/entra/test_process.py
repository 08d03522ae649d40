"""As a process: it says where it listens, ends when told to, and ends with its parent."""

import asyncio
import os
import signal
import sys
from pathlib import Path

import pytest

from infra.local.stack.certificates import Certificates

ROOT = Path(__file__).parents[4]
END_S = 45
RUNS_S = 1


def command(tls: Certificates) -> list[str]:
    """The simulator on free ports."""
    ports = ["--login-port", "0", "--graph-port", "0", "--admin-port", "0"]
    files = ["--cert", str(tls.cert), "--key", str(tls.key), "--scale", "0.01"]
    return [sys.executable, "-m", "infra.local.entra", *ports, *files]


async def test_ends_on_sigterm(tls: Certificates) -> None:
    """SIGTERM ends it cleanly. Without a parent process to end with, it does not end earlier."""
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(*command(tls), cwd=ROOT, stdout=pipe)
    assert process.stdout is not None
    line = await asyncio.wait_for(process.stdout.readline(), END_S)
    assert line.startswith(b"login https://127.0.0.1:")
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(process.wait(), RUNS_S)
    process.send_signal(signal.SIGTERM)
    assert await asyncio.wait_for(process.wait(), END_S) == 0


async def test_ends_with_its_parent(tls: Certificates) -> None:
    """When the process that started it is killed, it ends too."""
    program = (
        "import os, subprocess, sys\n"
        "os.environ['LOCAL_STACK_PARENT_PID'] = str(os.getpid())\n"
        "child = subprocess.Popen(sys.argv[1:], stdout=subprocess.PIPE)\n"
        "child.stdout.readline()\n"
        "print(child.pid, flush=True)\n"
        "child.wait()\n"
    )
    pipe = asyncio.subprocess.PIPE
    parent = await asyncio.create_subprocess_exec(sys.executable, "-c", program, *command(tls), cwd=ROOT, stdout=pipe)
    assert parent.stdout is not None
    child = int(await asyncio.wait_for(parent.stdout.readline(), END_S))
    parent.kill()
    await parent.wait()
    async with asyncio.timeout(END_S):
        while is_running(child):  # noqa: ASYNC110 - the system gives no event for another process's end
            await asyncio.sleep(0.05)


def is_running(pid: int) -> bool:
    """Return whether the process exists and is not a zombie."""
    try:
        os.kill(pid, 0)
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    except (ProcessLookupError, FileNotFoundError):
        return False
