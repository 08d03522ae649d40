"""Parts that are nothing but a process, for tests of what starts and ends them; and whether a process has ended."""

import asyncio
import sys
from pathlib import Path

import psutil  # type: ignore[import-untyped] # no stubs among the pinned packages

from infra.local.stack.supervisor import Part, Supervisor

#: Says that it is ready by a file, then lives until it is ended; with `child`, beside a process of its own.
WAITS = """
import pathlib, subprocess, sys, threading
print("hello from the stub", flush=True)
if "child" in sys.argv[2:]:
    pathlib.Path(sys.argv[1] + ".child").write_text(str(subprocess.Popen(["sleep", "600"]).pid))
pathlib.Path(sys.argv[1]).touch()
threading.Event().wait(600)
"""

DIES = "import sys; print('no memory for pages'); sys.exit(3)"


def part(
    directory: Path,
    name: str,
    *arguments: str,
    script: str = WAITS,
    start_timeout_s: float = 20,
    end_grace_s: float = 5,
) -> Part:
    """A part that runs `script`."""
    ready = directory / f"{name}.ready"

    async def answers() -> bool:
        return await asyncio.to_thread(ready.exists)

    return Part(
        name=name,
        command=[sys.executable, "-c", script, str(ready), *arguments],
        answers=answers,
        start_timeout_s=start_timeout_s,
        end_grace_s=end_grace_s,
    )


def gone(pid: int) -> bool:
    """Whether the process has ended, at the latest within seconds."""
    try:
        process = psutil.Process(pid)
        process.wait(timeout=10)
    except psutil.NoSuchProcess:
        return True
    except psutil.TimeoutExpired:
        return bool(process.status() == psutil.STATUS_ZOMBIE)
    return True


async def main(directory: Path) -> None:
    """Two parts until this process is killed."""
    supervisor = Supervisor(directory)
    for name in ("one", "two"):
        supervisor.start(part(directory, name))
        await supervisor.ready(name)
    print("ready", flush=True)  # noqa: T201 - for the test that started it
    await supervisor.failure()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
