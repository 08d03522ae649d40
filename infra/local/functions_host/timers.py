"""Listener of a timer trigger: waits for the lease, runs a missed occurrence, then follows the schedule.

Source: TimerListener.cs of the WebJobs extensions; SingletonListener.cs of the WebJobs SDK.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Protocol

from azure.core.exceptions import AzureError

from infra.local.functions_host import schedules
from infra.local.functions_host.background import begin
from infra.local.functions_host.schedules import Schedule, Status

log = logging.getLogger("functions_host")

#: longest sleep in one piece, in seconds: the lock may be lost, and the machine may be suspended
_STEP_S = 15.0

#: runs the function; receives the status (None if none is stored) and whether the run is past due
Handler = Callable[[Status | None, bool], Awaitable[object]]


class Lock(Protocol):
    """A lock that one listener at a time has, across hosts."""

    #: seconds for which it is acquired and renewed, and between two attempts: timers of a crashed host resume within
    #: twice this time
    length_s: float

    async def acquire(self) -> bool:
        """Return whether this listener has acquired it."""

    async def renew(self) -> bool:
        """Return whether this listener still has it."""

    async def release(self) -> None:
        """Release it."""


class Store(Protocol):
    """Stores a timer's status."""

    async def read(self) -> Status | None:
        """Return the stored status."""

    async def write(self, status: Status) -> None:
        """Store the status."""


class TimerListener:
    """Runs one function on its schedule, from `start` to `stop`. Runs of the function never overlap.

    `fail` ends the host; it receives the reason.
    """

    def __init__(
        self,
        name: str,
        schedule: Schedule,
        handler: Handler,
        lock: Lock,
        store: Store | None,
        fail: Callable[[str], None],
        *,
        run_on_startup: bool = False,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._name = name
        self._schedule = schedule
        self._handler = handler
        self._lock = lock
        self._store = store
        self._fail = fail
        self._running = False
        self._run_on_startup = run_on_startup
        self._now = now
        self._stopping = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Start waiting for the lease."""
        self._task = begin(self._listen(), f"timer {self._name}")

    async def stop(self) -> None:
        """Start no more runs, wait for the running one, and release the lease. Cancel it to skip the wait."""
        self._stopping.set()
        if self._task is not None:
            if not self._running:
                self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def abandon(self) -> None:
        """Cancel the running run, and release the lease."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _listen(self) -> None:
        while not self._stopping.is_set():
            if await self._lock.acquire():
                renewing = asyncio.create_task(self._keep_lock())
                try:
                    await self._run_while(renewing)
                finally:
                    renewing.cancel()
                    await self._lock.release()
            await self._sleep(self._lock.length_s)

    async def _keep_lock(self) -> None:
        """Renew the lock after each half of its time. If that fails, the host ends."""
        renewed = True
        while renewed:
            await asyncio.sleep(self._lock.length_s / 2)
            renewed = await self._lock.renew()
        self._fail(f"the lease of timer {self._name} could not be renewed")

    async def _run_while(self, held: asyncio.Task[None]) -> None:
        try:
            status, is_past_due = await self._first_status()
        except AzureError:
            log.exception("The status of timer %s cannot be read; trying again", self._name)
            return
        log.info("Timer %s: next occurrence %s", self._name, status.next.isoformat())
        if is_past_due:
            log.warning("Timer %s is past due; running now", self._name)
        if is_past_due or self._run_on_startup:
            self._run_on_startup = False
            status = await self._run(status, is_past_due=is_past_due, scheduled=False)
        while not held.done():
            wait_s = (status.next - self._now()).total_seconds()
            if wait_s > 0 and not await self._sleep(min(wait_s, _STEP_S)):
                continue
            if self._stopping.is_set():
                return
            if wait_s <= 0:
                status = await self._run(status, is_past_due=False, scheduled=True)

    async def _first_status(self) -> tuple[Status, bool]:
        if self._store is None:
            return schedules.start(self._schedule, None, self._now()).status, False
        begun = schedules.start(self._schedule, await self._store.read(), self._now())
        if begun.changed:
            await self._store.write(begun.status)
        return begun.status, begun.is_past_due

    async def _run(self, status: Status, *, is_past_due: bool, scheduled: bool) -> Status:
        began = self._now()
        self._running = True
        try:
            await self._handler(status if self._store is not None else None, is_past_due)
            status = schedules.after_run(self._schedule, status, began, scheduled=scheduled)
            if self._store is not None:
                await self._store.write(status)
        finally:
            self._running = False
        return status

    async def _sleep(self, wait_s: float) -> bool:
        """Wait. Return whether the listener is stopping."""
        try:
            async with asyncio.timeout(wait_s):
                return await self._stopping.wait()
        except TimeoutError:
            return False
