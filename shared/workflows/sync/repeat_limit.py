"""Repeat limit: bounds the messages with which the jobs of a run continue, wait or are sent again, and their requests.

The first message of a job is not counted. A run has a bounded number of these.
"""

from collections.abc import Sequence
from typing import Protocol

import msgspec

from shared.domain.ids import RunId, TenantId
from shared.domain.problem import Problem
from shared.domain.sync.jobs import ImportJob, Job, SyncRequest
from shared.errors import Superseded, Transient
from shared.ports.queues import JobSender
from shared.ports.runs import RunStore
from shared.telemetry import RequestCounters, counted_requests, event
from shared.workflows.sync.restart_on_change import RestartOnChange


class ImportEnd(Protocol):
    """The end of uploaded imports."""

    async def fail(self, job: ImportJob, problem: Problem) -> None:
        """End an import as failed. Raises Superseded if it has ended, Transient if a sync uses the location."""


class RepeatCounter(msgspec.Struct, frozen=True, kw_only=True):
    """Counts the repeated messages of runs."""

    runs: RunStore
    max_messages: int
    max_requests: int

    async def count(self, tenant: TenantId, run: RunId) -> Problem | None:
        """Count a message with the requests of this invocation. Return the problem of a run that is above a limit."""
        spent = await self.runs.count_repeat(tenant, run, counted_requests())
        if spent.messages <= self.max_messages and spent.requests <= self.max_requests:
            return None
        event("limit_reached", tenant=tenant, run=run, messages=spent.messages, requests=spent.requests)
        detail = (
            f"This was stopped after {spent.messages} repeated messages and {spent.requests} requests. At most "
            f"{self.max_messages} and {self.max_requests} are allowed. The directory or storage may be overloaded."
        )
        return Problem(concerns="run", code="limit_reached", detail=detail)


class RepeatLimit(msgspec.Struct, frozen=True, kw_only=True):
    """Sends jobs again, and ends a run that is above a limit instead."""

    counter: RepeatCounter
    queue: JobSender
    changes: RestartOnChange
    imports: ImportEnd

    async def send(self, jobs: Sequence[Job], *, delay_s: float = 0) -> None:
        """Count and enqueue jobs. Above a limit their run ends, and they are not enqueued."""
        for job in jobs:
            problem = None if isinstance(job, SyncRequest) else await self.counter.count(job.tenant, job.run)
            if problem is None:
                await self.queue.send([job], delay_s=delay_s)
            elif isinstance(job, ImportJob):
                await self._end(job, problem, delay_s)
            elif not isinstance(job, SyncRequest):
                await self.changes.fail(job.tenant, job.run, problem, RequestCounters())

    async def _end(self, job: ImportJob, problem: Problem, delay_s: float) -> None:
        try:
            await self.imports.fail(job, problem)
        except Superseded:
            return
        except Transient:  # its writers cannot be fenced off while a sync is active, which has a limit of its own
            await self.queue.send([job], delay_s=delay_s)

    async def require(self, tenant: TenantId, run: RunId) -> None:
        """Count a look of the watchdog that sends jobs again. Above a limit, end the run and raise Superseded."""
        problem = await self.counter.count(tenant, run)
        if problem is not None:
            await self.changes.fail(tenant, run, problem, RequestCounters())
            raise Superseded(f"Run {run} was ended: {problem.code}.", code="superseded")
