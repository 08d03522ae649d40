"""Queues that work like the host's, in the worker's own process: listeners, slots, visibility, poison.

What is done with a message is what the product's own triggers do. What is not modelled: the host's process, which hands
every message over and takes a millisecond or two for it, and its idle polling, which is at a tenth of a second here at
all times. Source: host.json, and the sources of the Storage Queues extension (QueueListener).
"""

import asyncio
import heapq
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any, Final, TypeVar

from infra.local.stack.child import ROOT
from shared.bootstrap import App
from shared.domain.sync.jobs import DeactivateJob, FetchJob, ImportJob, ReconcileJob, SyncRequest
from shared.domain.sync.queue_messages import encode_job, encode_request
from shared.errors import SyncError
from shared.triggers import queues
from tests.support.delivery import Message

M = TypeVar("M", SyncRequest, FetchJob, ReconcileJob, DeactivateJob, ImportJob)

_SETTINGS: Final[dict[str, Any]] = json.loads((ROOT / "host.json").read_text(encoding="utf-8"))["extensions"]["queues"]
_BATCH: Final[int] = _SETTINGS["batchSize"]
_THRESHOLD: Final[int] = _SETTINGS["newBatchThreshold"]
_MAX_DELIVERIES: Final[int] = _SETTINGS["maxDequeueCount"]
_HOURS, _MINUTES, _SECONDS = map(int, _SETTINGS["visibilityTimeout"].split(":"))
#: After how long a message comes back whose function has failed, in seconds.
_AFTER_FAILURE_S: Final = 3_600 * _HOURS + 60 * _MINUTES + _SECONDS
_POLL_S: Final = 0.1


@dataclass(order=True, slots=True)
class _Queued:
    """A message, in the order in which it becomes visible."""

    visible_s: float
    number: int
    text: str = field(compare=False)
    deliveries: int = field(default=0, compare=False)


@dataclass(slots=True)
class Lane:
    """One queue, and the listener of the function that is triggered by it."""

    work: Callable[[Message], Awaitable[None]]
    dead_letter: Callable[[Message], Awaitable[None]]
    #: How often a function was invoked, how often it failed, and how many messages were given up.
    invocations: int = 0
    failures: int = 0
    buried: int = 0
    _queued: list[_Queued] = field(default_factory=list)
    _sent: int = 0
    _running: set[asyncio.Task[None]] = field(default_factory=set)

    def put(self, text: str, delay_s: float) -> None:
        """Leave a message in the queue that becomes visible after the delay."""
        self._sent += 1
        heapq.heappush(self._queued, _Queued(perf_counter() + delay_s, self._sent, text))

    async def listen(self) -> None:
        """Work messages off for ever: a batch is fetched whenever no more than the threshold are under way."""
        try:
            while True:
                batch = self._visible()
                for each in batch:
                    task = asyncio.create_task(self._deliver(each))
                    self._running.add(task)
                    task.add_done_callback(self._running.discard)
                if not batch:
                    await asyncio.sleep(_POLL_S)
                while len(self._running) > _THRESHOLD:
                    await asyncio.wait(self._running, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in self._running:
                task.cancel()
            await asyncio.gather(*self._running, return_exceptions=True)

    def _visible(self) -> list[_Queued]:
        now, found = perf_counter(), list[_Queued]()
        while self._queued and self._queued[0].visible_s <= now and len(found) < _BATCH:
            found.append(heapq.heappop(self._queued))
        return found

    async def _deliver(self, queued: _Queued) -> None:
        self.invocations += 1
        queued.deliveries += 1
        message = Message(queued.text, dequeue_count=queued.deliveries)
        try:
            await self.work(message)
        except SyncError:
            self.failures += 1
            if queued.deliveries >= _MAX_DELIVERIES:
                self.buried += 1
                await self.dead_letter(message)
            else:
                queued.visible_s = perf_counter() + _AFTER_FAILURE_S
                heapq.heappush(self._queued, queued)


class HostQueue:
    """`JobQueue` whose messages a worker's functions get, each of them from a queue of its own."""

    def __init__(self) -> None:
        self.lanes: Final = dict(
            (
                _lane(queues._REQUESTS),
                _lane(queues._FETCH),
                _lane(queues._RECONCILE),
                _lane(queues._DEACTIVATE),
                _lane(queues._IMPORT),
            )
        )

    @asynccontextmanager
    async def worker(self, app: App) -> AsyncIterator[None]:
        """Have one worker work off all queues; at the end it dies, with all that is under way and all messages."""
        vars(queues)["app"] = lambda: app  # the triggers' only way to the workflows
        listeners = [asyncio.create_task(lane.listen()) for lane in self.lanes.values()]
        try:
            yield
        finally:
            for each in listeners:
                each.cancel()
            await asyncio.gather(*listeners, return_exceptions=True)
            for lane in self.lanes.values():
                lane._queued.clear()

    async def request(self, request: SyncRequest, *, delay_s: float = 0) -> None:
        """Ask for a run."""
        self._put(queues._REQUESTS, encode_request(request), delay_s)

    async def fetch(self, jobs: Sequence[FetchJob], *, delay_s: float = 0) -> None:
        """Enqueue fetch jobs."""
        for job in jobs:
            self._put(queues._FETCH, encode_job(job), delay_s)

    async def reconcile(self, jobs: Sequence[ReconcileJob], *, delay_s: float = 0) -> None:
        """Enqueue reconcile jobs."""
        for job in jobs:
            self._put(queues._RECONCILE, encode_job(job), delay_s)

    async def deactivate(self, job: DeactivateJob, *, delay_s: float = 0) -> None:
        """Enqueue a deactivate job."""
        self._put(queues._DEACTIVATE, encode_job(job), delay_s)

    async def import_file(self, job: ImportJob, *, delay_s: float = 0) -> None:
        """Enqueue an import job."""
        self._put(queues._IMPORT, encode_job(job), delay_s)

    def _put(self, queue: queues._Queue[M], text: str, delay_s: float) -> None:
        self.lanes[queue.name].put(text, delay_s)


def _lane(queue: queues._Queue[M]) -> tuple[str, Lane]:
    return queue.name, Lane(lambda msg: queues._process(queue, msg), lambda msg: queues._dead_letter(queue, msg))
