"""Discrete-event simulation of runs: queues, instances that scale with the backlog, and rate limits.

Unknown effects are simplified in the optimistic direction. Requests never fail, and only documented rates throttle.
Requests of one job wait for the slowest resource they need instead of for one resource after the other.
The simulation must never be faster than `bounds`. The difference between the two is the cost of coordination.
"""

import heapq
import math
from collections import Counter, deque
from collections.abc import Generator, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Final

from infra.capacity.figures import Delays, Scaling
from infra.capacity.scale.limits import BATCH_PEOPLE, BATCH_ROWS, Limits
from infra.capacity.scale.load import HTTP, STAGES, Job, TenantRun
from infra.capacity.scale.resources import Instance, Rate
from shared.domain.sync.jobs import writing_time_s
from shared.workflows.sync.schedule import AT_ONCE

#: Maximum number of slices of a job's reading and writing. Slices let jobs share a resource fairly.
_SLICES: Final = 40

#: A process of the simulation: yields the time at which it continues.
Process = Generator[float, None, None]


@dataclass(slots=True)
class _Message:
    run: TenantRun
    stage: int
    place: int
    job: Job
    #: Number of recipients that are already written.
    written: float = 0.0


@dataclass(slots=True)
class _Function:
    """A queue and the instances that process its messages."""

    waiting: deque[_Message] = field(default_factory=deque)
    instances: list[Instance] = field(default_factory=list)
    #: Instances that accept another message.
    free: deque[Instance] = field(default_factory=deque)
    coming: int = 0
    in_flight: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """Result of a simulation."""

    #: Seconds from the click, or from the tick of the schedule, to the end of the last run.
    seconds: float
    #: Number of runs that have not ended at the deadline.
    unfinished: int
    #: Billed instance-seconds.
    billed_s: float
    executions: int
    #: Largest number of instances at the same time.
    instances: int
    #: Used share of each limit over the whole duration, 0..1.
    used: dict[str, float]


class Simulation:
    """One click or one tick of the schedule, and all jobs that follow from it."""

    def __init__(self, limits: Limits, delays: Delays, scaling: Scaling) -> None:
        self._limits = limits
        self._delays = delays
        self._scaling = scaling
        self._events: list[tuple[float, int, Process]] = []
        self._order = count()
        self._now_s = 0.0
        self._functions = {name: _Function() for name in (HTTP, *STAGES.values())}
        self._accounts = [Rate(limits.account_rows_s) for _ in range(limits.accounts)]
        self._queues = {name: Rate(limits.queue_messages_s) for name in STAGES.values()}
        self._vault = Rate(limits.vault_reads_s)
        self._graph: dict[int, Rate] = {}
        self._partitions: dict[tuple[int, int], Rate] = {}
        self._open: Counter[tuple[int, int]] = Counter()
        self._left = 0
        self._ended_s = 0.0
        self._executions = 0
        #: Instances that were removed again.
        self._removed: list[Instance] = []
        #: Largest number of instances at the same time.
        self._most = 0

    def click(self, run: TenantRun, *, warm: bool) -> Outcome:
        """Start this run by a request to the API, whose instance runs already if it is `warm`."""
        self._left, api = 1, self._functions[HTTP]
        api.coming = self._most = 1
        self._at(0.0 if warm else self._delays.instance_start_s, self._start(api))
        self._at(0.0, self._arrive(_Message(run, 0, 0, run.stages[0][0])))
        self._open[run.tenant, 0] = 1
        return self._to_the_end()

    def run(self, runs: Sequence[TenantRun]) -> Outcome:
        """Start these runs as the schedule does, some messages at a time, and simulate them to the end.

        The schedule's own instance starts at the tick.
        """
        self._left = len(runs)
        for number, run in enumerate(runs):
            sent_s = self._delays.instance_start_s + number // AT_ONCE * self._delays.table_request_s
            self._at(sent_s, self._enqueue(run, 0))
        return self._to_the_end()

    def _to_the_end(self) -> Outcome:
        for name, function in self._functions.items():
            if name != HTTP:
                self._at(0.0, self._scale(function))
        while self._events and self._left:
            self._now_s, _, process = heapq.heappop(self._events)
            if self._now_s > self._limits.deadline_s:
                break
            following = next(process, None)
            if following is not None:
                self._at(following, process)
        return self._outcome()

    def _at(self, when_s: float, process: Process) -> None:
        heapq.heappush(self._events, (when_s, next(self._order), process))

    def _enqueue(self, run: TenantRun, stage: int) -> Process:
        """Send the messages of a stage."""
        jobs = run.stages[stage]
        self._open[run.tenant, stage] = len(jobs)
        for place, job in enumerate(jobs):
            sent_s = self._queues[job.function].take(self._now_s, 1)
            self._at(sent_s + self._delays.queue_pickup_s, self._arrive(_Message(run, stage, place, job)))
        return
        yield

    def _arrive(self, message: _Message) -> Process:
        function = self._functions[message.job.function]
        function.waiting.append(message)
        self._assign(function)
        return
        yield

    def _assign(self, function: _Function) -> None:
        while function.waiting and function.free:
            instance = function.free.popleft()
            instance.begin(self._now_s)
            function.in_flight += 1
            if instance.in_flight < self._limits.in_flight:
                function.free.append(instance)
            self._at(self._now_s, self._work(function, instance, function.waiting.popleft()))

    def _scale(self, function: _Function) -> Process:
        """Add instances as the queue grows, starting with the first message."""
        while True:
            wanted = math.ceil((len(function.waiting) + function.in_flight) / self._scaling.messages_per_instance)
            existing = len(function.instances) + function.coming
            for _ in range(min(wanted - existing, self._scaling.instances_per_decision)):
                if self._running() >= self._limits.instances and not self._remove_idle():
                    break
                function.coming += 1
                self._most = max(self._most, self._running())
                self._at(self._now_s + self._delays.instance_start_s, self._start(function))
            wait_s = self._scaling.decision_every_s if wanted else self._delays.queue_pickup_s
            yield self._now_s + wait_s

    def _running(self) -> int:
        return sum(len(function.instances) + function.coming for function in self._functions.values())

    def _remove_idle(self) -> bool:
        """Remove an idle instance. Return whether there was one."""
        for function in self._functions.values():
            idle = next((instance for instance in function.instances if instance.in_flight == 0), None)
            if idle is not None and not function.waiting:
                function.instances.remove(idle)
                function.free.remove(idle)
                self._removed.append(idle)
                return True
        return False

    def _start(self, function: _Function) -> Process:
        function.coming -= 1
        instance = Instance(self._limits.cores)
        function.instances.append(instance)
        function.free.append(instance)
        self._assign(function)
        return
        yield

    def _work(self, function: _Function, instance: Instance, message: _Message) -> Process:
        job, began_s = message.job, self._now_s
        self._executions += 1
        yield from self._read(instance, message)
        reading_s = self._now_s - began_s
        allowed_s = reading_s + writing_time_s(self._limits.job_s, reading_s)
        while message.written < job.people:
            people = min(job.people - message.written, max(BATCH_PEOPLE, job.people / _SLICES))
            if self._now_s - began_s > allowed_s:
                people = min(people, BATCH_PEOPLE)
            yield from self._write(instance, message, people)
            message.written += people
            if self._now_s - began_s > allowed_s and message.written < job.people:
                break
        function.in_flight -= 1
        if instance.in_flight == self._limits.in_flight:
            function.free.append(instance)
        instance.end(self._now_s)
        if message.written < job.people:
            self._at(self._now_s + self._delays.queue_pickup_s, self._arrive(message))
        else:
            self._done(message)
        self._assign(function)

    def _read(self, instance: Instance, message: _Message) -> Process:
        job = message.job
        cpu_s = job.cpu_s + message.written * job.stored_cpu_s
        requests = job.requests + message.written * job.stored_requests
        slices = max(1, min(_SLICES, int(requests / 10)))
        account = self._accounts[message.run.tenant % len(self._accounts)]
        graph = self._graph.setdefault(message.run.tenant, Rate(self._limits.graph_units_s))
        for _ in range(slices):
            yield instance.core.take(self._now_s, cpu_s / slices)
            delay_s = requests * self._delays.table_request_s + job.directory_requests * self._delays.graph_request_s
            yield max(
                self._now_s + delay_s / slices,
                account.take(self._now_s, max(requests, job.rows) / slices),
                graph.take(self._now_s, job.graph_units / slices),
                self._vault.take(self._now_s, job.vault_reads / slices),
            )

    def _write(self, instance: Instance, message: _Message, people: float) -> Process:
        """Write recipients into the partition of the location, one batch after the other."""
        yield instance.core.take(self._now_s, people * message.job.person_cpu_s)
        batches = people / BATCH_PEOPLE
        key = message.run.tenant, message.place
        partition = self._partitions.setdefault(key, Rate(self._limits.partition_rows_s))
        account = self._accounts[message.run.tenant % len(self._accounts)]
        yield max(
            self._now_s + batches * self._delays.table_request_s,
            partition.take(self._now_s, batches * BATCH_ROWS),
            account.take(self._now_s, batches * BATCH_ROWS),
        )

    def _done(self, message: _Message) -> None:
        run, stage = message.run, message.stage
        self._open[run.tenant, stage] -= 1
        if self._open[run.tenant, stage]:
            return
        if stage + 1 < len(run.stages):
            self._at(self._now_s, self._enqueue(run, stage + 1))
        else:
            self._left -= 1
            self._ended_s = self._now_s

    def _outcome(self) -> Outcome:
        over_s = self._ended_s if not self._left else self._limits.deadline_s
        running = (instance for function in self._functions.values() for instance in function.instances)
        instances = [*self._removed, *running]
        for instance in instances:
            if instance.in_flight:
                instance.in_flight = 1
                instance.end(over_s)
        used = {
            "account rows": max(account.used(over_s) for account in self._accounts),
            "partition rows": max((partition.used(over_s) for partition in self._partitions.values()), default=0.0),
            "queue messages": max(queue.used(over_s) for queue in self._queues.values()),
            "Graph units": max((graph.used(over_s) for graph in self._graph.values()), default=0.0),
            "Key Vault reads": self._vault.used(over_s),
            "busiest core": max((instance.core.used(over_s) for instance in instances), default=0.0),
        }
        return Outcome(
            seconds=over_s,
            unfinished=self._left,
            billed_s=sum(instance.billed_s for instance in instances),
            executions=self._executions,
            instances=self._most,
            used=used,
        )
