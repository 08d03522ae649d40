"""Watch: the watchdog. Enqueues again what a crash left behind, and ends runs that are past their deadline."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

import msgspec

from shared.domain.ids import RunId, TenantId
from shared.domain.problem import Problem
from shared.domain.run import Plan, RunMode, TenantState
from shared.domain.sync.jobs import FetchJob, SyncRequest
from shared.errors import ETagConflict, NotFound, SyncError
from shared.ports.platform import Clock
from shared.ports.queues import JobQueue
from shared.ports.recipients import RecipientStore
from shared.ports.runs import RunStore
from shared.ports.tenants import SyncStateStore
from shared.telemetry import RequestCounters, event
from shared.workflows.sync.finish import RunCloser
from shared.workflows.sync.stages import StageCoordinator
from shared.workflows.tenants.deletion import Erasure


class ImportWatchdog(Protocol):
    """Does for large imports what the watchdog does for runs."""

    async def __call__(self) -> None:
        """Resume what stopped, and delete what has expired."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """Looks after every tenant that has an active run or a waiting request."""

    sync_states: SyncStateStore
    runs: RunStore
    recipients: RecipientStore
    queue: JobQueue
    stages: StageCoordinator
    closer: RunCloser
    imports: ImportWatchdog
    erasure: Erasure
    clock: Clock
    stale_after_s: float
    deadline_s: float

    async def __call__(self, counters: RequestCounters) -> None:
        """Leave no run without either progress, a job in its queue, or an end, and nothing of deleted tenants.

        One tenant stops no other.
        """
        async for tenant, state in self.sync_states.list_active():
            try:
                await self._look(tenant, state, counters)
            except SyncError as error:
                event("watch_failed", tenant=tenant, run=state.active_run, code=error.code)
        await self.imports()
        await self.erasure.sweep()

    async def _look(self, tenant: TenantId, state: TenantState, counters: RequestCounters) -> None:
        if state.active_run is None:
            if state.pending is not None and state.pending_request is not None:
                await self._request_again(tenant, state.pending, state.pending_request)
            return
        active_s = (self.clock.now() - state.active_since).total_seconds() if state.active_since else self.deadline_s
        if active_s >= self.deadline_s:
            problem = Problem(
                concerns="run",
                code="deadline",
                detail=f"The run did not finish within {self.deadline_s:.0f} s and was stopped.",
            )
            await self.closer.fail(tenant, state.active_run, problem, counters)
            return
        await self._resume(tenant, state, state.active_run, active_s)

    async def _resume(self, tenant: TenantId, state: TenantState, run: RunId, active_s: float) -> None:
        try:
            plan = await self.runs.get_plan(tenant, run)
            stored = await self.runs.get(tenant, run)
        except NotFound:
            if active_s >= self.stale_after_s and state.requests:
                # the planner died between taking the tenant and writing the plan: the same request resumes it
                await self._request_again(tenant, RunMode.INCREMENTAL, state.requests[0])
            return
        if stored.value.state.ended:
            if active_s >= self.stale_after_s:  # whoever ended it died before the tenant was free
                await self.closer.release(tenant, run)
            return
        progress = await self.runs.get_progress(tenant, run)
        results = progress.fetched + progress.reconciled
        quiet_since = stored.value.watched_at or stored.value.requested_at
        moved = results != stored.value.watched_results
        steps = stored.value.watched_steps
        if not moved:
            if self.clock.now() - quiet_since < timedelta(seconds=self.stale_after_s):
                return
            steps = await self._steps(plan)
            moved = steps > stored.value.watched_steps
        seen = msgspec.structs.replace(
            stored.value, watched_at=self.clock.now(), watched_results=results, watched_steps=steps
        )
        try:
            await self.runs.replace(seen, stored.etag)
        except ETagConflict:
            return  # it moves: somebody else has just written it
        if not moved:
            event("resumed", tenant=tenant, run=run, state=stored.value.state)
            await self.stages.advance(plan, resend=True)

    async def _steps(self, plan: Plan) -> int:
        """Return how far the run's longest jobs are, so that one that works is told from one that is dead."""
        steps = 0
        for source in plan.sources:
            checkpoint = await self.runs.find_checkpoint(FetchJob(tenant=plan.tenant, run=plan.run, source=source))
            steps += checkpoint.digest.pages if checkpoint else 0
        for location in plan.locations:
            fence = (await self.recipients.get_fence(plan.tenant, location)).value
            steps += fence.operation if fence.fencing_token == plan.fencing_token else 0
        return steps

    async def _request_again(self, tenant: TenantId, mode: RunMode, request: str) -> None:
        await self.queue.request(SyncRequest(tenant=tenant, mode=mode, request=request, requested_by="watchdog"))
