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
    """A running command: in its own process group, its output in a file, and ended when its parent is gone.

    It must be started from the main thread: the kernel ties a child to the *thread* that started it.
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
        """The process id, which is also the id of its process group."""
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        """None while it runs; negative for the signal that ended it."""
        return self._process.poll()

    def tail(self, lines: int = 15) -> str:
        """The last lines of its output."""
        with self.log.open("rb") as log:
            log.seek(0, os.SEEK_END)
            log.seek(max(0, log.tell() - _TAIL_BYTES))
            return "\n".join(log.read().decode(errors="replace").splitlines()[-lines:])

    def kill(self) -> None:
        """Ends the whole process group at once, as a crash would."""
        self._signal(signal.SIGKILL)
        self._process.wait()

    def end(self, grace_s: float = 10) -> None:
        """Asks it to end, and kills what is left of its process group after `grace_s` seconds."""
        deadline = time.monotonic() + grace_s
        if self.exit_code is None:
            self._signal(signal.SIGTERM)
        while self.exit_code is None and time.monotonic() < deadline:
            time.sleep(_POLL_S)
        self.kill()

    def _signal(self, number: signal.Signals) -> None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, number)
