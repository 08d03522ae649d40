"""In-process queues that work like the Functions host: listeners, slots, visibility timeouts, poison messages.

Messages are processed by the product's triggers. Not modelled: the host's process, which takes a millisecond or two per
message, and its idle polling interval, which is always a tenth of a second here.
Source: host.json, and the sources of the Storage Queues extension (QueueListener).
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
#: Delay before a failed message is delivered again, in seconds.
_AFTER_FAILURE_S: Final = 3_600 * _HOURS + 60 * _MINUTES + _SECONDS
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

    work: Callable[[Message], Awaitable[None]]
    dead_letter: Callable[[Message], Awaitable[None]]
    #: Numbers of invocations, failures, and abandoned messages.
    invocations: int = 0
    failures: int = 0
    buried: int = 0
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
    """`JobQueue` for a worker's functions, with one queue per function."""

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
        """Run one worker that processes all queues. At the end it dies with its running jobs and all messages."""
        vars(queues)["app"] = lambda: app  # the only access of the triggers to the workflows
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
        """Enqueue a run request."""
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
