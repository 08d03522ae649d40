"""One process of the local stack."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from infra.local.stack import parent

ROOT = Path(__file__).parents[3]

_POLL_S = 0.02
_TAIL_BYTES = 4096


class Child:
    """A running command in its own process group, with its output in a file. It ends together with its parent.

    Start it from the main thread: the kernel ends the child together with the *thread* that started it.
    """

    def __init__(self, name: str, command: Sequence[str], *, log: Path, environment: Mapping[str, str]) -> None:
        self.name = name
        self.log = log
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-IS", parent.__file__, *command],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=ROOT,
                env={**os.environ, **environment, parent.PARENT_PID: str(os.getpid())},
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        """The process id, which is also the id of the process group."""
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        """The exit code, negative for a signal. None while the process runs."""
        return self._process.poll()

    def tail(self, lines: int = 15) -> str:
        """Return the last lines of its output."""
        with self.log.open("rb") as log:
            log.seek(0, os.SEEK_END)
            log.seek(max(0, log.tell() - _TAIL_BYTES))
            return "\n".join(log.read().decode(errors="replace").splitlines()[-lines:])

    def kill(self) -> None:
        """Kill the whole process group, as a crash would."""
        self._signal(signal.SIGKILL)
        self._process.wait()

    def end(self, grace_s: float = 10) -> None:
        """Send SIGTERM, and kill the rest of the process group after `grace_s` seconds."""
        deadline = time.monotonic() + grace_s
        if self.exit_code is None:
            self._signal(signal.SIGTERM)
        while self.exit_code is None and time.monotonic() < deadline:
            time.sleep(_POLL_S)
        self.kill()

    def _signal(self, number: signal.Signals) -> None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, number)
