"""What happens to the parts of the stack in the middle of a step."""

import asyncio
import os
import signal
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from enum import StrEnum
from pathlib import Path
from time import monotonic
from typing import Final

import psutil  # type: ignore[import-untyped] # no stubs among the pinned packages

from infra.local.demo.simulator import Simulator
from infra.local.stack.local_stack import LocalStack
from infra.local.stack.ports import LOCALHOST, free_ports
from infra.local.stack.programs import AZURITE, ENTRA, HOST, KEY_VAULT
from tests.chaos import waits
from tests.chaos.client import PatientApi
from tests.chaos.faults import Faults
from tests.chaos.proxy import Proxy
from tests.chaos.work import found_directory

SECOND: Final = "second_host"
_OTHER_CLOCK: Final = Path(__file__).with_name("other_clock")
#: How wrong the clock of the second host is, in seconds.
_CLOCK_OFF_S: Final = 3_600.0
#: Share of answers of a faulty vault that are faults.
_VAULT_RATE: Final = 0.5
#: How long the CPU time of worker processes is compared, in seconds.
_LOOKED_S: Final = 0.3
#: How long a host is stopped, in times of a message's lock.
_LOCKS: Final = 1.3
#: Largest file that a process can write while the disk is full, in bytes.
_FULL_AT: Final = 512
#: Time in which an import has to meet the full disk, in seconds, and the product's wait for free space.
_MEETS_S: Final = 60.0
_NO_DISK_WAIT_S: Final = 120


class Event(StrEnum):
    """What happens in the middle of a step, or during all of it."""

    KILL_WORKER = "worker process killed (SIGKILL)"
    KILL_HOST = "host killed with its workers (SIGKILL)"
    END_STORAGE = "storage ended and started again (SIGTERM)"
    KILL_VAULT = "vault killed (SIGKILL)"
    KILL_DIRECTORY = "directory killed (SIGKILL)"
    STOP_HOST = "host stopped for longer than a lock (SIGSTOP)"
    TWO_HOSTS = "two hosts at the same time"
    CLOCK_AHEAD = "a second host an hour ahead"
    CLOCK_BEHIND = "a second host an hour behind"
    FULL_DISK = "disk full"
    FAULTY_VAULT = "vault that answers with faults, and workers that ask it again"


class Events:
    """Lets events happen, and counts them."""

    def __init__(
        self, stack: LocalStack, proxies: tuple[Proxy, Proxy], faults: Faults, api: PatientApi, *, factor: float
    ) -> None:
        self._stack = stack
        self._storage, self._vault = proxies
        self._faults = faults
        self._api = api
        self._factor = factor
        self._second_port = free_ports(1)[0]
        self.users = 0
        self.counts: Counter[Event] = Counter()
        #: When the last part was killed, in seconds of the monotonic clock.
        self.killed_s = 0.0

    @asynccontextmanager
    async def during(self, event: Event) -> AsyncIterator[None]:
        """Prepare what an event needs, from before a step until after it."""
        match event:
            case Event.STOP_HOST | Event.TWO_HOSTS:
                async with self._second_host():
                    yield
            case Event.CLOCK_AHEAD | Event.CLOCK_BEHIND:
                off_s = _CLOCK_OFF_S if event is Event.CLOCK_AHEAD else -_CLOCK_OFF_S
                clock = {"PYTHONPATH": str(_OTHER_CLOCK), "CHAOS_CLOCK_OFF_S": f"{off_s:g}"}
                async with self._second_host(clock):
                    yield
            case Event.FAULTY_VAULT:
                await self._kill_host()  # its workers have the secret in memory
                self._vault.on, self._faults.vault_rate = True, _VAULT_RATE
                try:
                    yield
                finally:
                    self._vault.on, self._faults.vault_rate = False, 0.0
            case Event.FULL_DISK:
                self._limit_files(_FULL_AT)
                try:
                    yield
                finally:
                    self._limit_files(psutil.RLIM_INFINITY)
            case _:
                yield

    async def happen(self, event: Event) -> None:
        """Let an event happen, and return when all parts run again."""
        self.killed_s = monotonic()
        match event:
            case Event.KILL_WORKER:
                await self._kill_worker()
            case Event.KILL_HOST:
                await self._kill_host()
            case Event.END_STORAGE:
                await self._storage.close()
                self.killed_s = monotonic()
                await self._stack.restart(AZURITE)
                self._storage.open()
            case Event.KILL_VAULT:
                await self._stack.restart(KEY_VAULT, kill=True)
            case Event.KILL_DIRECTORY:
                await self._stack.restart(ENTRA, kill=True)
                async with Simulator(self._stack.info) as simulator:
                    await found_directory(simulator, self.users)
            case Event.STOP_HOST:
                await self._stop_host()
            case Event.FULL_DISK:
                await self._until_met()
                self._limit_files(psutil.RLIM_INFINITY)
        self.counts[event] += 1

    async def _kill_host(self) -> None:
        self._stack.kill_host()
        await self._stack.start_host()

    async def _kill_worker(self) -> None:
        """Kill the worker process that uses most CPU time."""
        workers = [child for child in self._host().children() if "worker_process" in " ".join(child.cmdline())]
        before = [sum(worker.cpu_times()[:2]) for worker in workers]
        await asyncio.sleep(_LOOKED_S)
        used = [sum(worker.cpu_times()[:2]) - earlier for worker, earlier in zip(workers, before, strict=True)]
        self.killed_s = monotonic()
        os.kill(workers[used.index(max(used))].pid, signal.SIGKILL)

    async def _stop_host(self) -> None:
        group = self._stack.info["pids"][HOST]
        os.killpg(group, signal.SIGSTOP)
        try:
            await asyncio.sleep(_LOCKS * waits.lock_s(self._factor))
        finally:
            with suppress(ProcessLookupError):
                os.killpg(group, signal.SIGCONT)

    async def _until_met(self) -> None:
        """Wait until an import waits for free space."""
        before = self._storage.delays[_NO_DISK_WAIT_S]
        async with asyncio.timeout(_MEETS_S):
            while self._storage.delays[_NO_DISK_WAIT_S] == before:  # noqa: ASYNC110 - once in a round
                await asyncio.sleep(0.1)

    def _limit_files(self, size: int) -> None:
        host = self._host()
        for process in (host, *host.children(recursive=True)):
            with suppress(psutil.NoSuchProcess):
                process.rlimit(psutil.RLIMIT_FSIZE, (size, psutil.RLIM_INFINITY))

    def _host(self) -> psutil.Process:
        return psutil.Process(self._stack.info["pids"][HOST])

    @asynccontextmanager
    async def _second_host(self, environment: dict[str, str] | None = None) -> AsyncIterator[None]:
        address = f"http://{LOCALHOST}:{self._second_port}/api"
        await self._stack.start_host(environment, name=SECOND, port=self._second_port)
        self._api.addresses.append(address)
        try:
            yield
        finally:
            self._api.addresses.remove(address)
            await self._stack.stop_host(SECOND)
