"""Record of the stack's processes. It identifies the parts of a crashed stack without guessing by name."""

import os
import signal
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

import msgspec
import psutil  # type: ignore[import-untyped] # no stubs among the pinned packages

FILE = "processes.json"
_SAME_START_S = 0.5


class Recorded(msgspec.Struct, frozen=True, kw_only=True):
    """One process as it was when it started."""

    name: str
    pid: int
    started: float  #: start time in seconds since 1970, as reported by the system
    command: list[str]

    def process(self) -> psutil.Process | None:
        """Return the process if it still runs. A process that has reused the id is not returned."""
        with suppress(psutil.Error):
            candidate = psutil.Process(self.pid)
            same_start = abs(candidate.create_time() - self.started) < _SAME_START_S
            # Until `parent.py` replaces itself by the command, its command line ends with the command.
            same_command = candidate.cmdline()[-len(self.command) :] == self.command
            if same_start and same_command and candidate.status() != psutil.STATUS_ZOMBIE:
                return candidate
        return None


def record(name: str, pid: int, command: list[str]) -> Recorded:
    """Return the record of a running process."""
    return Recorded(name=name, pid=pid, started=psutil.Process(pid).create_time(), command=command)


def record_self() -> Recorded:
    """Return the record of this process, which starts and watches the others."""
    return record("stack", os.getpid(), psutil.Process().cmdline())


def save(directory: Path, processes: Iterable[Recorded]) -> None:
    """Write the list of `processes` to `directory` atomically."""
    write_atomically(directory / FILE, list(processes))


def load(directory: Path) -> list[Recorded]:
    """Return the recorded processes, or an empty list if the record is missing or not readable."""
    with suppress(FileNotFoundError, msgspec.MsgspecError):
        return msgspec.json.decode((directory / FILE).read_bytes(), type=list[Recorded])
    return []


def kill_group(recorded: Recorded) -> bool:
    """Kill the process and its group. Return False if the recorded process does not run."""
    process = recorded.process()
    if process is None:
        return False
    with suppress(ProcessLookupError):
        if os.getpgid(recorded.pid) == recorded.pid:
            os.killpg(recorded.pid, signal.SIGKILL)
        else:
            process.kill()
    return True


def write_atomically(path: Path, content: object) -> None:
    """Write `content` as JSON, readable only by the owner. A reader sees the previous content or all of the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.{os.getpid()}.new")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with open(descriptor, "wb") as file:  # noqa: PTH123 - a descriptor
        file.write(msgspec.json.format(msgspec.json.encode(content), indent=2) + b"\n")
    draft.replace(path)
