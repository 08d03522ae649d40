"""A Functions host with queues in memory and one worker process per scale group, as on the Flex Consumption plan.

The queues have the host's slots and visibility timeouts. Workers run `function_app.py` with Microsoft's worker library
(`tests.bench.worker`); there is one instance of each scale group. This process is the host.
As in Azure it holds the message locks, so a worker that computes for long cannot lose one. Not modelled: the time of
the .NET host for a message, requests to Queue Storage, and the idle polling interval, which is always a tenth of a
second.
Source: host.json, and the sources of the Storage Queues extension (QueueListener).
"""

import asyncio
import heapq
import os
import sys
import uuid
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from time import perf_counter
from typing import Final

import psutil  # type: ignore[import-untyped] # no stubs among the pinned packages

from infra.local.functions_host import worker
from infra.local.functions_host.channel import Channel, Handler
from infra.local.functions_host.definitions import FunctionDefinition, QueueTrigger
from infra.local.functions_host.queue_metadata import metadata_of
from infra.local.functions_host.queues import Delivery
from infra.local.functions_host.settings import QueueOptions, load_settings
from infra.local.functions_host.workers import ProcessPerGroup
from infra.local.stack.child import ROOT

#: Settings that `function_app.py` needs to be indexed.
_SCHEDULES: Final = {"SYNC_SCHEDULE": "0 0 * * * *", "WATCHDOG_SCHEDULE": "0 */15 * * * *"}
_KEPT_FOR: Final = timedelta(days=7)
_POLL_S: Final = 0.1


@dataclass(order=True, slots=True)
class _Queued:
    """A message, ordered by the time at which it becomes visible."""

    visible_s: float
    number: int
    text: str = field(compare=False)
    deliveries: int = field(default=0, compare=False)


@dataclass(slots=True)
class Lane:
    """One queue, and the listener of its function."""

    function: FunctionDefinition
    host: "MemoryHost"
    options: QueueOptions
    #: Numbers of invocations, and of failed ones.
    invocations: int = 0
    failures: int = 0
    _queued: list[_Queued] = field(default_factory=list)
    _sent: int = 0
    _running: set[asyncio.Task[None]] = field(default_factory=set)

    def put(self, text: str, delay_s: float) -> None:
        """Enqueue a message that becomes visible after the delay."""
        self._sent += 1
        heapq.heappush(self._queued, _Queued(perf_counter() + delay_s, self._sent, text))

    async def listen(self) -> None:
        """Process messages forever. A batch is received when at most the threshold of messages are in flight."""
        try:
            while True:
                batch = self._visible()
                for message in batch:
                    task = asyncio.create_task(self._deliver(message))
                    self._running.add(task)
                    task.add_done_callback(self._running.discard)
                if not batch:
                    await asyncio.sleep(_POLL_S)
                while len(self._running) > self.options.new_batch_threshold:
                    await asyncio.wait(self._running, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in self._running:
                task.cancel()
            await asyncio.gather(*self._running, return_exceptions=True)
            self._queued.clear()

    def _visible(self) -> list[_Queued]:
        now, visible = perf_counter(), list[_Queued]()
        while self._queued and self._queued[0].visible_s <= now and len(visible) < self.options.batch_size:
            visible.append(heapq.heappop(self._queued))
        return visible

    async def _deliver(self, queued: _Queued) -> None:
        self.invocations += 1
        queued.deliveries += 1
        if await self.host.invoke(self.function, queued.text, queued.deliveries):
            return
        self.failures += 1
        if queued.deliveries < self.options.max_dequeue_count:  # else the watchdog would record it, which does not run
            queued.visible_s = perf_counter() + self.options.visibility_timeout_s
            heapq.heappush(self._queued, queued)


class MemoryHost:
    """Runs the functions of this repository's app."""

    def __init__(self, handlers: Mapping[str, Handler], environ: Mapping[str, str]) -> None:
        """Create a host whose workers may call `handlers` by name, and `put`, and have these settings."""
        self._environ = {**os.environ, **_SCHEDULES, **environ}
        command = [sys.executable, "-m", "tests.bench.worker", "--root", str(ROOT)]
        self._workers = ProcessPerGroup(command, self._environ, {**handlers, "put": self._put})
        self._groups: set[str] = set()
        self.lanes: dict[str, Lane] = {}

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Process messages inside the context. At the end, workers die with their invocations, and queues are cleared.

        Scale groups that have been used before are started first, so that later measurements contain no cold start.
        """
        if not self.lanes:
            options = load_settings(ROOT, dict(self._environ)).queues
            functions = await (await self._workers.start("placeholder")).channel.call("functions")
            listening = [function for function in functions if isinstance(function.trigger, QueueTrigger)]
            self.lanes = {_queue_of(function): Lane(function, self, options) for function in listening}
        for group in sorted(self._groups):
            await self.channel(group)
        listeners = [asyncio.create_task(lane.listen()) for lane in self.lanes.values()]
        try:
            yield
        finally:
            for listener in listeners:
                listener.cancel()
            await asyncio.gather(*listeners, return_exceptions=True)
            await self._workers.close(grace_s=0)

    def put(self, queue: str, texts: Sequence[str], delay_s: float) -> None:
        """Enqueue messages that become visible after the delay."""
        for text in texts:
            self.lanes[queue].put(text, delay_s)

    async def channel(self, group: str) -> Channel:
        """Return the connection to the worker process of a scale group, which is started if it does not run."""
        self._groups.add(group)
        channel = (await self._workers.start(group)).channel
        await channel.call("wait_until_ready")
        return channel

    async def channels(self) -> dict[str, Channel]:
        """Return the connections to all scale groups that have been used."""
        return {group: await self.channel(group) for group in sorted(self._groups)}

    async def cpu_s(self) -> dict[str, float]:
        """Return the CPU time of each worker process since its start, and of the other `stand_ins`, in seconds.

        These are this process and its other children.
        """
        names = {(await self._workers.start(group)).process.pid: group for group in sorted(self._groups)}
        this, times = psutil.Process(), dict.fromkeys((*names.values(), "stand_ins"), 0.0)
        for process in (this, *this.children()):
            spent = process.cpu_times()
            times[names.get(process.pid, "stand_ins")] += spent.user + spent.system
        return times

    async def invoke(self, function: FunctionDefinition, text: str, deliveries: int) -> bool:
        """Return whether the function succeeded for this message."""
        self._groups.add(function.scale_group)
        now = datetime.now(UTC)
        delivery = Delivery(
            id=str(uuid.uuid4()),
            pop_receipt="receipt",
            text=text,
            dequeue_count=deliveries,
            inserted=now,
            expires=now + _KEPT_FOR,
            next_visible=now,
        )
        metadata = metadata_of(delivery, text)
        try:
            outcome = await self._workers.invoke(function, delivery.id, worker.text(text), metadata, "")
        except ConnectionError as error:
            outcome = worker.Outcome(succeeded=False, error=str(error))
        if not outcome.succeeded and "shared.errors." not in outcome.error:
            sys.stderr.write(f"{function.name} failed: {outcome.error}\n")
        return outcome.succeeded

    async def _put(self, queue: str, texts: Sequence[str], delay_s: float) -> None:
        self.put(queue, texts, delay_s)


def _queue_of(function: FunctionDefinition) -> str:
    assert isinstance(function.trigger, QueueTrigger)
    return function.trigger.queue
