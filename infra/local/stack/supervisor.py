"""Supervisor: starts the parts of a stack, detects when one ends, and ends them all."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn

from infra.local.stack import processes
from infra.local.stack.child import Child

_POLL_S = 0.1


class PartFailed(Exception):
    """A part did not start, or ended unexpectedly. The message contains its name and the end of its log."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One program of the stack."""

    name: str
    command: list[str]
    answers: Callable[[], Awaitable[bool]]  #: returns whether it is ready
    environment: Mapping[str, str] = field(default_factory=dict)
    start_timeout_s: float = 60
    end_grace_s: float = 10


class Supervisor:
    """The running parts. Logs are written to `directory`/logs, the record of processes to `directory`."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._self = processes.record_self()
        self._running: dict[str, tuple[Part, Child, processes.Recorded]] = {}

    @property
    def pids(self) -> dict[str, int]:
        """Process ids by part name, of the parts that are expected to run and of this process."""
        return {"stack": self._self.pid, **{name: child.pid for name, (_, child, _) in self._running.items()}}

    def start(self, part: Part) -> None:
        """Start `part`. Must be called from the main thread."""
        log = self._directory / "logs" / f"{part.name}.log"
        child = Child(part.name, part.command, log=log, environment=part.environment)
        self._running[part.name] = (part, child, processes.record(part.name, child.pid, part.command))
        self._record()

    async def ready(self, name: str) -> None:
        """Wait until the part is ready.

        Raises:
            PartFailed: A part ended, or this one was not ready within its start timeout.
        """
        part, child, _ = self._running[name]
        deadline = time.monotonic() + part.start_timeout_s
        while not await part.answers():
            self._raise_if_dead()
            if time.monotonic() > deadline:
                raise PartFailed(f"{name} did not answer within {part.start_timeout_s:g} s. {_end_of_log(child)}")
            await asyncio.sleep(_POLL_S)

    async def failure(self) -> NoReturn:
        """Wait until a part ends unexpectedly.

        Raises:
            PartFailed: Always, when that happens.
        """
        while True:
            self._raise_if_dead()
            await asyncio.sleep(_POLL_S)

    async def stop(self, name: str) -> None:
        """End the part, and kill it if it does not end within its grace period."""
        part, child, _ = self._running.pop(name)
        await asyncio.to_thread(child.end, part.end_grace_s)
        self._record()

    def kill(self, name: str) -> None:
        """Kill the part, as a crash would."""
        _, child, _ = self._running.pop(name)
        child.kill()
        self._record()

    async def restart(self, name: str, *, kill: bool = False) -> None:
        """End or kill the part, start it again, and wait until it is ready.

        Raises:
            PartFailed: As `ready` does.
        """
        part = self._running[name][0]
        if kill:
            self.kill(name)
        else:
            await self.stop(name)
        self.start(part)
        await self.ready(name)

    async def end(self) -> None:
        """End all parts in reverse order of their start, and delete the record."""
        for name in reversed(list(self._running)):
            await self.stop(name)
        (self._directory / processes.FILE).unlink(missing_ok=True)

    def _record(self) -> None:
        processes.save(self._directory, [self._self, *(recorded for _, _, recorded in self._running.values())])

    def _raise_if_dead(self) -> None:
        for name, (_, child, _) in self._running.items():
            if child.exit_code is not None:
                raise PartFailed(f"{name} ended with code {child.exit_code}. {_end_of_log(child)}")


def _end_of_log(child: Child) -> str:
    return f"The end of {child.log}:\n{child.tail() or '(empty)'}"
