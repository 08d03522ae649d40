"""Workers: the processes in which functions run.

In Azure, the host is a process of its own, and the functions of a scale group share a worker process. On the Flex
Consumption plan, each queue- and timer-triggered function is a scale group, and all HTTP functions form one.

Source: https://learn.microsoft.com/azure/azure-functions/event-driven-scaling#per-function-scaling
"""

import asyncio
import os
import signal
import socket
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final, Protocol

from infra.local.functions_host import worker
from infra.local.functions_host.background import begin
from infra.local.functions_host.channel import Channel, Handler
from infra.local.functions_host.definitions import FunctionDefinition
from infra.local.functions_host.settings import HostSettings
from infra.local.functions_host.worker import Datum, Outcome
from infra.local.stack.child import ROOT

#: seconds for which a worker process may finish after its connection is closed
_GRACE_S: Final = 3.0


class Workers(Protocol):
    """Invokes functions."""

    async def invoke(
        self,
        function: FunctionDefinition,
        invocation_id: str,
        value: Datum,
        metadata: Mapping[str, Datum],
        trace_parent: str,
    ) -> Outcome:
        """Run the function once. Its exceptions are part of the outcome. Cancelling cancels an async function."""

    async def close(self) -> None:
        """End all worker processes."""


class SharedProcess:
    """Runs all functions in the host's process, on one event loop."""

    async def invoke(
        self,
        function: FunctionDefinition,
        invocation_id: str,
        value: Datum,
        metadata: Mapping[str, Datum],
        trace_parent: str,
    ) -> Outcome:
        """Run the function once."""
        return await worker.invoke(function, invocation_id, value, metadata, trace_parent)

    async def close(self) -> None:
        """Return immediately: the process is the host's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerProcess:
    """A running worker process."""

    process: asyncio.subprocess.Process
    channel: Channel
    listening: asyncio.Task[None]


class ProcessPerGroup:
    """Runs each scale group in a process of its own, which starts when one of its functions is first invoked.

    An invocation fails if its process ends. The next one starts a new process.
    """

    def __init__(
        self, command: Sequence[str], environ: Mapping[str, str], handlers: Mapping[str, Handler] | None = None
    ) -> None:
        self._command = command
        self._environ = environ
        self._handlers = handlers or {}
        self._workers: dict[str, asyncio.Task[WorkerProcess]] = {}

    @classmethod
    def running(cls, settings: HostSettings) -> "ProcessPerGroup":
        """Return the workers of an app."""
        module = settings.environ.get("FUNCTIONS_HOST_WORKER") or "infra.local.functions_host.worker_process"
        command = [sys.executable, "-m", module, "--root", str(settings.root)]
        return cls(command, {**os.environ, **settings.environ})

    async def invoke(
        self,
        function: FunctionDefinition,
        invocation_id: str,
        value: Datum,
        metadata: Mapping[str, Datum],
        trace_parent: str,
    ) -> Outcome:
        """Run the function once, in the process of its scale group.

        Raises:
            ConnectionError: The process has ended.
        """
        worker_process = await self.start(function.scale_group)
        outcome: Outcome = await worker_process.channel.call(
            "invoke", function.name, invocation_id, value, dict(metadata), trace_parent
        )
        return outcome

    async def start(self, group: str) -> WorkerProcess:
        """Return the process of a scale group. It is started unless it runs."""
        starting = self._workers.get(group)
        if starting is None or (starting.done() and (starting.exception() or starting.result().channel.is_closed)):
            starting = self._workers[group] = asyncio.create_task(self._start(group))
        return await asyncio.shield(starting)

    async def close(self, grace_s: float = _GRACE_S) -> None:
        """Close all connections, and kill processes that have not ended after `grace_s` seconds."""
        workers = await asyncio.gather(*self._workers.values(), return_exceptions=True)
        self._workers.clear()
        await asyncio.gather(*(_end(started, grace_s) for started in workers if isinstance(started, WorkerProcess)))

    async def _start(self, group: str) -> WorkerProcess:
        ours, theirs = socket.socketpair()
        with theirs:
            descriptor = theirs.fileno()
            process = await asyncio.create_subprocess_exec(
                *self._command, "--descriptor", str(descriptor), pass_fds=[descriptor], env=self._environ, cwd=ROOT
            )
        channel = await Channel.open(ours, self._handlers)
        return WorkerProcess(
            process=process, channel=channel, listening=begin(channel.listen(), f"worker process of {group}")
        )


async def _end(worker_process: WorkerProcess, grace_s: float) -> None:
    worker_process.channel.close()
    try:
        await asyncio.wait_for(worker_process.process.wait(), grace_s)
    except TimeoutError:
        with suppress(ProcessLookupError):
            # not `process.kill()`: it may reap the process, for which `wait` then reports a wrong exit code
            os.kill(worker_process.process.pid, signal.SIGKILL)
        await worker_process.process.wait()
    await worker_process.listening
