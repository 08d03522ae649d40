"""Watchdog: enqueues jobs without progress again, and ends runs that are past their deadline."""

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
from shared.workflows.tenants.deletion import TenantDeletion


class ImportWatchdog(Protocol):
    """Watchdog of large imports."""

    async def __call__(self) -> None:
        """Resume imports without progress, and delete expired ones."""


class Watchdog(msgspec.Struct, frozen=True, kw_only=True):
    """Resumes or ends stuck runs, and sends waiting requests and deletions of tenants again."""

    sync_states: SyncStateStore
    runs: RunStore
    recipients: RecipientStore
    queue: JobQueue
    stages: StageCoordinator
    closer: RunCloser
    imports: ImportWatchdog
    deletion: TenantDeletion
    clock: Clock
    stale_after_s: float
    deadline_s: float

    async def __call__(self, counters: RequestCounters) -> None:
        """Resume or end every run without progress, and finish the deletion of tenants.

        A failure for one tenant does not affect the others.
        """
        async for tenant, state in self.sync_states.list_active():
            try:
                await self._watch(tenant, state, counters)
            except SyncError as error:
                event("watchdog_failed", tenant=tenant, run=state.active_run, code=error.code)
        await self.imports()
        await self.deletion.sweep()

    async def _watch(self, tenant: TenantId, state: TenantState, counters: RequestCounters) -> None:
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
                # The planner crashed between taking the tenant and storing the plan: the same request resumes it.
                await self._request_again(tenant, RunMode.INCREMENTAL, state.requests[0])
            return
        if stored.value.state.ended:
            if active_s >= self.stale_after_s:
                # The worker that ended the run crashed before it released the tenant.
                await self.closer.release(tenant, run)
            return
        progress = await self.runs.get_progress(tenant, run)
        results = progress.fetched + progress.reconciled
        quiet_since = stored.value.watched_at or stored.value.requested_at
        has_progress = results != stored.value.watched_results
        steps = stored.value.watched_steps
        if not has_progress:
            if self.clock.now() - quiet_since < timedelta(seconds=self.stale_after_s):
                return
            steps = await self._steps(plan)
            has_progress = steps > stored.value.watched_steps
        watched = msgspec.structs.replace(
            stored.value, watched_at=self.clock.now(), watched_results=results, watched_steps=steps
        )
        try:
            await self.runs.replace(watched, stored.etag)
        except ETagConflict:
            return  # another worker changed the run in the meantime, so it makes progress
        if not has_progress:
            event("resumed", tenant=tenant, run=run, state=stored.value.state)
            await self.stages.advance(plan, resend=True)

    async def _steps(self, plan: Plan) -> int:
        """Return the number of pages and batches that the run's jobs have stored.

        A growing number distinguishes a long job from a crashed one.
        """
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
