"""The Functions host: delivers messages to workers, keeps their locks, fires the timers, and replaces what dies."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, Final

import msgspec

from shared.bootstrap import App
from shared.domain.retry_policy import REDELIVERY
from shared.errors import SyncError
from shared.telemetry import count_requests
from shared.triggers import queues
from tests.simulation.engine.cluster import Cluster
from tests.simulation.engine.scheduler import Actor, Died, Move
from tests.simulation.engine.services import Message
from tests.support import delivery

#: Time after which the message of a worker that died is delivered again, in seconds. Source: the host's lock.
LOCK_S: Final = 600.0
#: Number of messages that a worker works on at the same time.
_SLOTS: Final = 2
_DELIVER: Final = 4.0
_LOSE_LOCK: Final = 0.02
_WAIT: Final = 0.5


def _died(error: BaseException) -> bool:
    return not isinstance(error, BaseExceptionGroup) or error.subgroup(Died) is not None


class Process:
    """A process with its app."""

    def __init__(self, cluster: Cluster, actor: Actor) -> None:
        self.actor = actor
        self.app = cluster.app_of(actor)
        self.busy = 0


class Host:
    """Workers for queues, and instances for everything else."""

    def __init__(self, cluster: Cluster, workers: int, skews: Sequence[float]) -> None:
        self.cluster = cluster
        self.scheduler = cluster.scheduler
        self._skews = skews
        self._started = 0
        self.workers = [self._process("worker") for _ in range(workers)]
        self.instances = [self._process("instance") for _ in range(2)]
        self.deliveries = 0
        self._tasks: set[asyncio.Task[None]] = set()
        #: What was raised that is not an error of the product.
        self.unexpected: list[BaseException] = []
        #: Whether locks can be lost.
        self.faulty = True

    def _process(self, kind: str) -> Process:
        skew_s = self._skews[self._started % len(self._skews)]
        self._started += 1
        return Process(self.cluster, Actor(f"{kind} {self._started}", self.scheduler, skew_s))

    @property
    def idle(self) -> bool:
        """Whether no process does anything."""
        return not self._tasks

    def moves(self) -> list[Move]:
        """Return what the host can do at this moment."""
        now, found = self.scheduler.loop.time(), list[Move]()
        waiting = [message for message in self.cluster.broker.messages if not message.running]
        visible = [message for message in waiting if message.visible_s <= now]
        free = [worker for worker in self.workers if worker.busy < _SLOTS]
        if visible and free:
            found.append(Move(_DELIVER, "", lambda: self._deliver(visible, free)))
        if waiting and not visible:
            soonest = min(message.visible_s for message in waiting) - now
            found.append(Move(_WAIT, f"{soonest:.0f} s pass", lambda: self.scheduler.loop.pass_time(soonest)))
        locked = [message for message in self.cluster.broker.messages if message.running == 1]
        if self.faulty and locked and free:
            found.append(Move(_LOSE_LOCK, "a lock is lost", lambda: self._deliver(locked, free)))
        return found

    def _deliver(self, messages: Sequence[Message], workers: Sequence[Process]) -> None:
        message = self.scheduler.random.choice(messages)
        worker = self.scheduler.random.choice(workers)
        message.running += 1
        message.deliveries += 1
        worker.busy += 1
        self.deliveries += 1
        self.scheduler.trace.append(f"{worker.actor.name} gets {message.id} of {message.queue}: {message.text}")
        self._start(self._work(message, worker))

    async def _work(self, message: Message, worker: Process) -> None:
        self.cluster.enter(worker.app)
        self.cluster.working_for.set(msgspec.json.decode(message.text)["tenant"])
        failed = False
        try:
            await queues._process(
                message.queue, delivery.Message(message.text, dequeue_count=message.deliveries, id_=message.id)
            )
        except (Died, BaseExceptionGroup) as error:
            if not _died(error):
                raise
            message.visible_s = self.scheduler.loop.time() + LOCK_S
            message.running -= 1
            self._replace(worker, self.workers, "worker")
            return
        except SyncError as error:
            self.scheduler.trace.append(f"{worker.actor.name} failed {message.id}: {error.code}")
            failed = True
        finally:
            worker.busy -= 1
        message.running -= 1
        messages = self.cluster.broker.messages
        if failed and message in messages and not message.running and message.deliveries > REDELIVERY.retries:
            messages.remove(message)
            self.cluster.broker.poison.append(message)
        elif not failed and message in messages:
            messages.remove(message)

    def call(self, label: str, do: Callable[[App], Coroutine[Any, Any, object]], done: Callable[[], None]) -> None:
        """Let an instance do something for a caller, and call `done` if it returns."""
        instance = self.scheduler.random.choice(self.instances)
        self.scheduler.trace.append(f"{instance.actor.name}: {label}")

        async def work() -> None:
            self.cluster.enter(instance.app)
            try:
                with count_requests():
                    await do(instance.app)
            except (Died, BaseExceptionGroup) as error:
                if not _died(error):
                    raise
                self._replace(instance, self.instances, "instance")
                return
            except SyncError as error:
                self.scheduler.trace.append(f"{instance.actor.name}: {label} failed: {error.code}")
                return
            self.scheduler.trace.append(f"{instance.actor.name}: {label} returned")
            done()

        self._start(work())

    def _replace(self, process: Process, processes: list[Process], kind: str) -> None:
        if process in processes:
            processes[processes.index(process)] = self._process(kind)

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = self.scheduler.loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: "asyncio.Task[None]") -> None:
        self._tasks.discard(task)
        error = task.exception()
        if error is not None:
            self.unexpected.append(error)
