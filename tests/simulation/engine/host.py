"""The Functions host: delivers messages to workers, keeps their locks, fires the timers, and replaces what dies."""

import asyncio
import math
from collections.abc import Callable, Coroutine, Sequence
from functools import partial
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
#: Time after which the host ends the process of a function that has not ended, in seconds. Source: host.json
TIMEOUT_S: Final = 600.0
_SLOW: Final = 0.05
#: How long the actors may be slow, in seconds: longer than a claim is renewed, a job's time, and a lock.
_SLOW_S: Final = (20.0, 70.0, 130.0, 610.0)
#: Share of the messages that stay in the queue although they were processed: a host that stops cannot delete them.
_KEPT: Final = 0.02


def _died(error: BaseException) -> bool:
    return not isinstance(error, BaseExceptionGroup) or error.subgroup(Died) is not None


class Process:
    """A process with its app."""

    def __init__(self, cluster: Cluster, actor: Actor) -> None:
        self.actor = actor
        self.app = cluster.app_of(actor)
        self.busy = 0
        #: When the functions that have not ended began, in seconds; the oldest first.
        self.began_s: list[float] = []


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
        #: Whether time can pass until a message can be received.
        self.waits = True
        #: When functions were last looked for that run for too long, in seconds.
        self._looked_s = 0.0
        self._slow_move = Move(_SLOW, self._be_slow, max(_SLOW_S))
        self._deliver_move = Move(_DELIVER, self._deliver_visible)
        self._lock_move = Move(_LOSE_LOCK, self._deliver_locked)

    def _replace_dead(self) -> None:
        """Replace the processes that have ended: what begins now begins in one that lives."""
        for kind, processes in (("worker", self.workers), ("instance", self.instances)):
            for process in [process for process in processes if not process.actor.alive]:
                self._replace(process, processes, kind)

    def _process(self, kind: str) -> Process:
        skew_s = self._skews[self._started % len(self._skews)]
        self._started += 1
        return Process(self.cluster, Actor(f"{kind} {self._started}", self.scheduler, skew_s))

    def redeploy(self) -> None:
        """Replace all processes."""
        self.workers = [self._process("worker") for _ in self.workers]
        self.instances = [self._process("instance") for _ in self.instances]

    @property
    def idle(self) -> bool:
        """Whether no process does anything."""
        return not self._tasks

    @property
    def working(self) -> int:
        """Number of functions that have begun and not ended."""
        return len(self._tasks)

    @property
    def settled(self) -> bool:
        """Whether no process does anything but one that waits for the others, and no message can be received."""
        now = self.scheduler.loop.time()
        is_waiting = any(not message.running and message.visible_s <= now for message in self.cluster.broker.messages)
        return len(self._tasks) <= (self.scheduler.holding is not None) and not is_waiting

    def moves(self) -> list[Move]:
        """Return what the host can do at this moment."""
        now, found = self.scheduler.loop.time(), list[Move]()
        if self.faulty and self._tasks:
            if now > self._looked_s:
                self._looked_s = now
                self._time_out(now)
            found.append(self._slow_move)
        if not self.cluster.broker.messages:
            return found
        is_free = any(worker.busy < _SLOTS for worker in self.workers)
        is_visible = is_locked = False
        soonest_s = math.inf
        for message in self.cluster.broker.messages:
            if message.running:
                is_locked = is_locked or message.running == 1
            elif message.visible_s <= now:
                is_visible = True
            else:
                soonest_s = min(soonest_s, message.visible_s)
        if is_free and is_visible:
            found.append(self._deliver_move)
        elif self.waits and not is_visible and soonest_s < math.inf:
            found.append(Move(_WAIT, partial(self._pass, soonest_s - now), soonest_s - now))
        if self.faulty and is_free and is_locked:
            found.append(self._lock_move)
        return found

    def _be_slow(self) -> None:
        self._pass(self.scheduler.random.choice(_SLOW_S))

    def _pass(self, seconds: float) -> None:
        self.scheduler.trace.append(f"{seconds:.0f} s pass")
        self.scheduler.loop.pass_time(seconds)

    def _deliver_visible(self) -> None:
        now = self.scheduler.loop.time()
        self._deliver([each for each in self.cluster.broker.messages if not each.running and each.visible_s <= now])

    def _deliver_locked(self) -> None:
        self.scheduler.trace.append("a lock is lost")
        self._deliver([message for message in self.cluster.broker.messages if message.running == 1])

    def _deliver(self, messages: Sequence[Message]) -> None:
        self._replace_dead()
        message = self.scheduler.random.choice(messages)
        if message.deliveries > REDELIVERY.retries and not message.running:  # its worker died at the last delivery
            self.scheduler.trace.append(f"{message.id} of {message.queue} is given up")
            self._give_up(message)
            return
        worker = self.scheduler.random.choice([worker for worker in self.workers if worker.busy < _SLOTS])
        message.running += 1
        message.deliveries += 1
        worker.busy += 1
        self.deliveries += 1
        self.scheduler.trace.append(f"{worker.actor.name} gets {message.id} of {message.queue}: {message.text}")
        self._start(self._work(message, worker))

    def _time_out(self, now: float) -> None:
        """End the processes in which a function runs for too long."""
        for process in (*self.workers, *self.instances):
            if process.actor.alive and process.began_s and now - process.began_s[0] > TIMEOUT_S:
                self.scheduler.trace.append(f"{process.actor.name}: a function times out")
                process.actor.end()

    async def _work(self, message: Message, worker: Process) -> None:
        began_s = self.scheduler.loop.time()
        worker.began_s.append(began_s)
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
            worker.began_s.remove(began_s)
        message.running -= 1
        messages = self.cluster.broker.messages
        if failed and message in messages and not message.running and message.deliveries > REDELIVERY.retries:
            self._give_up(message)
        elif not failed and message in messages:
            if self.faulty and self.scheduler.random.random() < _KEPT:
                self.scheduler.trace.append(f"{worker.actor.name} cannot delete {message.id}")
                message.visible_s = self.scheduler.loop.time() + LOCK_S
            else:
                messages.remove(message)

    def _give_up(self, message: Message) -> None:
        """Move a message to its poison queue."""
        self.cluster.broker.messages.remove(message)
        self.cluster.broker.poison.append(message)

    def call(self, label: str, do: Callable[[App], Coroutine[Any, Any, object]], done: Callable[[], None]) -> None:
        """Let an instance do something for a caller, and call `done` if it returns."""
        self._replace_dead()
        instance = self.scheduler.random.choice(
            [instance for instance in self.instances if instance.actor is not self.scheduler.holding] or self.instances
        )
        self.scheduler.trace.append(f"{instance.actor.name}: {label}")

        async def work() -> None:
            began_s = self.scheduler.loop.time()
            instance.began_s.append(began_s)
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
            finally:
                instance.began_s.remove(began_s)
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
