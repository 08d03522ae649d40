"""Watchdog: enqueues jobs without progress again, and ends runs that are past their deadline."""

from collections.abc import Collection
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Final, Protocol

import msgspec

from shared.domain.ids import LocationId, RunId, TenantId, requested_at, run_id
from shared.domain.problem import Problem
from shared.domain.run import Plan, Run, RunMode, RunState, TenantState
from shared.domain.sync.jobs import FetchJob, SyncRequest
from shared.domain.versioned import Versioned
from shared.errors import ETagConflict, NotFound, Rejected, SyncError
from shared.ports.platform import Clock
from shared.ports.queues import JobQueue
from shared.ports.recipients import RecipientStore
from shared.ports.runs import RunStore
from shared.ports.tenants import SyncStateStore
from shared.runtime.optimistic_update import optimistic_update
from shared.telemetry import RequestCounters, event
from shared.workflows.connections.secret_entries import SecretEntries
from shared.workflows.recipients.manual_changes import ManualChanges
from shared.workflows.sync.emergency_stop import EmergencyStop
from shared.workflows.sync.finish import RunCloser
from shared.workflows.sync.plan import past_deadline
from shared.workflows.sync.repeat_limit import RepeatLimit
from shared.workflows.sync.restart_on_change import RestartOnChange
from shared.workflows.sync.stages import StageCoordinator
from shared.workflows.tenants.deletion import TenantDeletion
from shared.workflows.tenants.location_deletion import LocationErasure

#: The problem of a run that could not be planned in time.
_NOT_STARTED: Final = Problem(
    concerns="run", code="not_started", detail="The run did not start in time. Start it again."
)


class ImportWatchdog(Protocol):
    """Watchdog of uploaded imports."""

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
    changes: RestartOnChange
    repeats: RepeatLimit
    stop: EmergencyStop
    manual: ManualChanges
    imports: ImportWatchdog
    entries: SecretEntries
    deletion: TenantDeletion
    location_deletion: LocationErasure
    clock: Clock
    stale_after_s: float
    deadline_s: float

    async def __call__(self, counters: RequestCounters) -> None:
        """Resume or end every run without progress, and complete manual changes, pauses and deletions.

        Key Vault entries that were replaced are disabled, and later deleted.

        A failure for one tenant does not affect the others.
        """
        try:
            await self.stop.complete()
        except SyncError as error:
            event("watchdog_failed", code=error.code)
        erasing = list[tuple[TenantId, LocationId]]()
        async for tenant, state in self.sync_states.list_active():
            begun = state.change.deleted if state.change is not None else ()
            erasing += ((tenant, location) for location in (*state.erasing, *begun))
            try:
                await self._watch(tenant, state, counters)
            except SyncError as error:
                event("watchdog_failed", tenant=tenant, run=state.active_run, code=error.code)
        await self.manual.close_abandoned(self.stale_after_s)
        await self.imports()
        await self.entries.sweep()
        await self.location_deletion.sweep(erasing)
        await self.deletion.sweep()

    async def _watch(self, tenant: TenantId, state: TenantState, counters: RequestCounters) -> None:
        if state.change is not None:
            await self.changes.complete(tenant)
            return
        if state.pauses:
            return  # nothing is overdue, and waiting requests are sent when writing is resumed
        await self._watch_announced(tenant, state)
        if state.active_run is None:
            if state.pending is not None and state.pending_request is not None:
                await self._start_waiting(tenant, state, state.pending, state.pending_request)
            return
        active_s = self._age_s(state, state.active_since) if state.active_since else self.deadline_s
        if active_s >= self.deadline_s:
            await self.changes.fail(tenant, state.active_run, past_deadline(self.deadline_s), counters)
            return
        await self._resume(tenant, state, state.active_run, active_s)

    async def _start_waiting(self, tenant: TenantId, state: TenantState, mode: RunMode, request: str) -> None:
        """Send a waiting request again. Its run ends if it could not be started within twice the deadline.

        The run may have waited for another one, which had as much time. A request whose run has ended is forgotten when
        it is planned.
        """
        with suppress(Rejected):  # a request of the queue or the schedule, whose run is not stored yet
            stored = await self._find(tenant, run_id(request))
            if stored is not None and self._age_s(state, stored.value.requested_at) >= 2 * self.deadline_s:
                await self.stages.end(tenant, stored.value.id, RunState.FAILED, _NOT_STARTED, self.clock.now())
        await self._request_again(tenant, mode, request)

    async def _watch_announced(self, tenant: TenantId, state: TenantState) -> None:
        """Start announced runs whose message was lost, and end previews and runs that could not be started in time."""
        settled: set[RunId] = set()
        for run in state.announced:
            stored = await self._find(tenant, run)
            if stored is None:
                # The request that announced it may still store it. The id shows the time of another clock.
                if self._age_s(state, requested_at(run)) >= self.deadline_s:
                    settled.add(run)
                continue
            if stored.value.state is not RunState.PLANNING:
                settled.add(run)
                continue
            age_s = self._age_s(state, stored.value.requested_at)
            if age_s >= (self.stale_after_s if stored.value.preview else self.deadline_s):
                await self.stages.end(tenant, run, RunState.FAILED, _NOT_STARTED, self.clock.now())
                settled.add(run)
            elif age_s >= self.stale_after_s:
                await self._request_again(tenant, stored.value.mode, run)
        if settled:
            await self._forget(tenant, settled)

    def _age_s(self, state: TenantState, since: datetime) -> float:
        return (self.clock.now() - state.begins(since)).total_seconds()

    @optimistic_update
    async def _forget(self, tenant: TenantId, runs: Collection[RunId]) -> None:
        state, etag = await self.sync_states.get(tenant)
        await self.sync_states.replace(tenant, state.without_announced(runs), etag)

    async def _resume(self, tenant: TenantId, state: TenantState, run: RunId, active_s: float) -> None:
        stored = await self._find(tenant, run)
        if stored is not None and stored.value.state.ended:
            if active_s >= self.stale_after_s:
                # The worker that ended the run crashed before it released the tenant.
                await self.closer.release(tenant, run)
            return
        try:
            plan = await self.runs.get_plan(tenant, run)
        except NotFound:
            plan = None
        if plan is None or stored is None:
            if active_s >= self.stale_after_s and state.requests:
                # The planner crashed between taking the tenant and storing the run: the same request resumes it.
                await self.repeats.require(tenant, run)
                mode = stored.value.mode if stored is not None else RunMode.INCREMENTAL
                await self._request_again(tenant, mode, state.requests[0])
            return
        progress = await self.runs.get_progress(tenant, run)
        results = progress.fetched + progress.reconciled
        quiet_since = state.begins(stored.value.watched_at or stored.value.requested_at)
        has_progress = results != stored.value.watched_results
        steps = stored.value.watched_steps
        if not has_progress:
            # A time in the future is that of another clock.
            if abs(self.clock.now() - quiet_since) < timedelta(seconds=self.stale_after_s):
                return
            steps, waits = await self._steps(plan)
            has_progress = waits or steps > stored.value.watched_steps
        watched = msgspec.structs.replace(
            stored.value, watched_at=self.clock.now(), watched_results=results, watched_steps=steps
        )
        try:
            await self.runs.replace(watched, stored.etag)
        except ETagConflict:
            return  # another worker changed the run in the meantime, so it makes progress
        if not has_progress:
            await self.repeats.require(tenant, run)
            event("resumed", tenant=tenant, run=run, state=stored.value.state)
            await self.stages.advance(plan, repeated=RunState.PLANNING)

    async def _find(self, tenant: TenantId, run: RunId) -> Versioned[Run] | None:
        try:
            return await self.runs.get(tenant, run)
        except NotFound:
            return None

    async def _steps(self, plan: Plan) -> tuple[int, bool]:
        """Return the number of pages and batches that the run's jobs have stored, and whether a job waits.

        A growing number distinguishes a long job from a crashed one. The message of a job that waits as its directory
        asked is in the queue.
        """
        steps, waits, now = 0, False, self.clock.now()
        for source in plan.sources:
            checkpoint = await self.runs.find_checkpoint(FetchJob(tenant=plan.tenant, run=plan.run, source=source))
            if checkpoint is not None:
                steps += checkpoint.pages
                waits = waits or (checkpoint.waits_until is not None and checkpoint.waits_until > now)
        for location in plan.locations:
            fence = (await self.recipients.get_fence(plan.tenant, location)).value
            steps += fence.operation if fence.fencing_token == plan.fencing_token else 0
        return steps, waits

    async def _request_again(self, tenant: TenantId, mode: RunMode, request: str) -> None:
        await self.queue.send([SyncRequest(tenant=tenant, mode=mode, request=request, requested_by="watchdog")])
