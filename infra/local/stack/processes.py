"""The stack's processes on record, so that a crash can be cleaned up without guessing by name."""

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
    """One process as it was when it was started."""

    name: str
    pid: int
    started: float  #: seconds since 1970, as the system tells
    command: list[str]

    def process(self) -> psutil.Process | None:
        """The running process, if it still is the recorded one and not a stranger who got its number."""
        with suppress(psutil.Error):
            found = psutil.Process(self.pid)
            same_start = abs(found.create_time() - self.started) < _SAME_START_S
            # The launcher's command line ends in the command, which then takes its place.
            same_command = found.cmdline()[-len(self.command) :] == self.command
            if same_start and same_command and found.status() != psutil.STATUS_ZOMBIE:
                return found
        return None


def record(name: str, pid: int, command: list[str]) -> Recorded:
    """A running process, to be recognised later."""
    return Recorded(name=name, pid=pid, started=psutil.Process(pid).create_time(), command=command)


def record_self() -> Recorded:
    """This process, the one that starts and watches the others."""
    return record("stack", os.getpid(), psutil.Process().cmdline())


def save(directory: Path, processes: Iterable[Recorded]) -> None:
    """`directory` lists `processes`, whole or not at all."""
    write_atomically(directory / FILE, list(processes))


def load(directory: Path) -> list[Recorded]:
    """What was recorded; nothing if there is no record or it cannot be read."""
    with suppress(FileNotFoundError, msgspec.MsgspecError):
        return msgspec.json.decode((directory / FILE).read_bytes(), type=list[Recorded])
    return []


def kill_group(recorded: Recorded) -> bool:
    """The process and its group are killed; False if it was not ours or not there."""
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
    """`path` holds `content` as JSON; a reader sees all of it or what was there before. Only the owner may read it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.{os.getpid()}.new")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with open(descriptor, "wb") as file:  # noqa: PTH123 - a descriptor
        file.write(msgspec.json.format(msgspec.json.encode(content), indent=2) + b"\n")
    draft.replace(path)
