"""Finish: closes a run. Its report is written, its snapshots become current, and the next pending request starts."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import msgspec

from shared.dispatch import Dispatch
from shared.domain.health import Reason, concerns_credentials
from shared.domain.ids import LocationId, RunId, SourceId, TenantId
from shared.domain.job import FetchMarker, FetchOutcome, ReconcileMarker, SyncRequest
from shared.domain.problem import Problem
from shared.domain.recipient import Counts
from shared.domain.run import Plan, RunMode, RunState
from shared.domain.verdict import Verdict, locations_report, problems_of
from shared.errors import Conflict, NotFound
from shared.health import ConnectionHealth
from shared.ports import Clock, JobQueue, RecipientStore, RunStore, SnapshotStore, TenantStore
from shared.telemetry import Usage, event

#: What to do about a run that could read nothing.
_FIX: Final = "Check the connection; the schedule tries again by itself, and a sync by hand at once."


@dataclass(frozen=True, slots=True, kw_only=True)
class Finish:
    """Closes runs, whichever step or watchdog found that they have ended."""

    tenants: TenantStore
    runs: RunStore
    snapshots: SnapshotStore
    recipients: RecipientStore
    queue: JobQueue
    dispatch: Dispatch
    health: ConnectionHealth
    clock: Clock

    async def __call__(self, plan: Plan, verdict: Verdict, usage: Usage) -> None:
        """Leave the run ended with its report and the tenant free. Raises: Superseded if it does not own the tenant.

        The order matters: snapshots and their delta links become current only now that their changes are applied,
        and the tenant is released last, so that a crash anywhere before leads here again.
        """
        await self.dispatch.require_current(plan)
        fetched = await self.runs.fetch_markers(plan.tenant, plan.run)
        reconciled = await self.runs.reconcile_markers(plan.tenant, plan.run)
        if verdict.state is not RunState.FAILED and not plan.preview:
            for marker in fetched.values():
                if marker.snapshot is not None:
                    await self.snapshots.commit(plan.tenant, marker.snapshot, plan.generation)
        await self._report(plan, verdict, fetched, reconciled, usage)
        await self._note_health(plan, fetched)
        read = not fetched or any(marker.outcome is FetchOutcome.COMPLETE for marker in fetched.values())
        compared = plan.mode is RunMode.FULL and read and verdict.state is not RunState.FAILED and not plan.preview
        await self.release(plan.tenant, plan.run, full_at=self.clock.now() if compared else None)

    async def _note_health(self, plan: Plan, fetched: Mapping[SourceId, FetchMarker]) -> None:
        """Note what the run says about the connection; refused credentials were noted when they were refused."""
        problems = [marker.problem for marker in fetched.values() if marker.problem is not None]
        if any(concerns_credentials(problem.code) for problem in problems):
            return
        if len(problems) < len(fetched):
            await self.health.recovered(plan.tenant)
        elif problems:
            first = problems[0]
            reason = Reason(code=first.code, title="Nothing could be read", detail=first.detail, fix=_FIX)
            await self.health.failed(plan.tenant, reason, plan.run)

    async def _report(
        self,
        plan: Plan,
        verdict: Verdict,
        fetched: Mapping[SourceId, FetchMarker],
        reconciled: Mapping[LocationId, ReconcileMarker],
        usage: Usage,
    ) -> None:
        deactivated = verdict.previewed or {
            location: (await self.recipients.journal_counts(plan.tenant, location, plan.run)).deactivated
            for location, marker in reconciled.items()
            if marker.candidates and not plan.preview
        }
        locations = locations_report(reconciled, deactivated, verdict.held)
        unread = bool(fetched) and all(marker.outcome is FetchOutcome.FAILED for marker in fetched.values())
        while True:
            stored = await self.runs.get(plan.tenant, plan.run)
            if stored.value.state.ended:
                return
            ended = msgspec.structs.replace(
                stored.value,
                state=RunState.FAILED if unread else verdict.state,
                finished_at=self.clock.now(),
                counts=sum((report.counts for report in locations.values()), Counts()),
                locations=locations,
                problems=(*verdict.problems, *problems_of(fetched, reconciled)),
                held_digest=verdict.held_digest,
                decision=None if verdict.state is RunState.HELD else stored.value.decision,
                graph_requests=usage.graph_requests + sum(marker.graph_requests for marker in fetched.values()),
                storage_requests=stored.value.storage_requests
                + usage.storage_requests
                + sum(marker.storage_requests for marker in fetched.values())
                + sum(marker.storage_requests for marker in reconciled.values()),
            )
            try:
                await self.runs.swap(ended, stored.etag)
                break
            except Conflict:
                continue  # the job that enqueued this one has only now moved the run's state on
        event(
            "finished",
            tenant=plan.tenant,
            run=plan.run,
            state=ended.state,
            seconds=round((self.clock.now() - ended.requested_at).total_seconds(), 1),
            graph_requests=ended.graph_requests,
            storage_requests=ended.storage_requests,
            **msgspec.structs.asdict(ended.counts),
        )

    async def fail(self, tenant: TenantId, run: RunId, problem: Problem, usage: Usage) -> None:
        """Leave the run failed, what it has written so far counted, and the tenant free."""
        try:
            plan = await self.runs.plan(tenant, run)
        except NotFound:
            await self.dispatch.end(tenant, run, RunState.FAILED, problem, self.clock.now())
            await self.release(tenant, run)
        else:
            await self(plan, Verdict(state=RunState.FAILED, problems=(problem,)), usage)

    async def release(self, tenant: TenantId, run: RunId, *, full_at: datetime | None = None) -> None:
        """Free the tenant from the run, and start the request that waited for its end. Raises: Conflict.

        `full_at` is set for a run that has read and compared everything.
        """
        state, etag = await self.tenants.state(tenant)
        if state.active_run != run:
            return
        free = msgspec.structs.replace(state, active_run=None, active_since=None, full_at=full_at or state.full_at)
        try:
            await self.tenants.swap_state(tenant, free, etag)
        except Conflict:
            # another request has come to wait meanwhile: look again, so that it is not forgotten
            await self.release(tenant, run, full_at=full_at)
            return
        if free.pending is not None and free.pending_request is not None:
            # only now: a request that comes before the tenant is free would wait again; the watchdog sends one that
            # a crash here has swallowed
            waiting = SyncRequest(
                tenant=tenant, mode=free.pending, request=free.pending_request, requested_by="pending"
            )
            await self.queue.request(waiting)
