"""How a run moves on: what every step does when its own work is done, and again when it is delivered twice.

The markers tell what is left. Whoever inserts the last marker of a stage finds them all and enqueues the next stage,
*then* moves the run's state on by compare-and-swap: a crash between the two enqueues twice, never not at all.
"""

from dataclasses import dataclass
from datetime import datetime

import msgspec

from shared.domain.ids import LocationId, RunId, SourceId, TenantId
from shared.domain.job import FetchJob, ReconcileJob, RetireJob
from shared.domain.run import Plan, Problem, Run, RunState
from shared.errors import Conflict, NotFound, Superseded
from shared.ports import JobQueue, RunStore, TenantStore


@dataclass(frozen=True, slots=True, kw_only=True)
class Dispatch:
    """Moves runs from stage to stage: fetching, reconciling, retiring."""

    tenants: TenantStore
    runs: RunStore
    queue: JobQueue

    async def current_plan(self, tenant: TenantId, run: RunId) -> Plan:
        """Return the plan of the tenant's active run. Raises: Superseded if `run` is not it any more."""
        plan = await self.runs.plan(tenant, run)
        await self.require_current(plan)
        return plan

    async def require_current(self, plan: Plan) -> None:
        """Hold only while the plan's run owns the tenant. Raises: Superseded when a newer run or change does."""
        state = (await self.tenants.state(plan.tenant)).value
        if (state.active_run, state.generation, state.epoch) != (plan.run, plan.generation, plan.epoch):
            raise Superseded(f"run {plan.run} is not the active run of {plan.tenant} any more", code="superseded")

    async def end(self, tenant: TenantId, run: RunId, state: RunState, problem: Problem, at: datetime) -> Run | None:
        """Leave a run that never got to its report ended with one problem; return it, or None if it is not stored.

        A run that has ended already stays as it is.
        """
        while True:
            try:
                stored = await self.runs.get(tenant, run)
            except NotFound:
                return None
            if stored.value.state.ended:
                return stored.value
            ended = msgspec.structs.replace(stored.value, state=state, finished_at=at, problems=(problem,))
            try:
                await self.runs.swap(ended, stored.etag)
            except Conflict:
                continue
            return ended

    async def advance(self, plan: Plan, *, resend: bool = False) -> None:
        """Enqueue the next stage if this one is complete, and move the run's state on.

        With `resend`, also enqueue again every job of the present stage that has no marker.
        """
        for _ in range(3):  # one step for each stage: a run without sources or locations passes through all at once
            stored = await self.runs.get(plan.tenant, plan.run)
            following = await self._step(plan, stored.value, resend=resend)
            if following is None:
                return
            try:
                await self.runs.swap(msgspec.structs.replace(stored.value, state=following), stored.etag)
            except Conflict:
                return  # somebody else found the stage complete too, and has moved the run on

    async def _step(self, plan: Plan, run: Run, *, resend: bool) -> RunState | None:
        match run.state:
            case RunState.PLANNING:
                await self.queue.fetch([self._fetch_job(plan, source) for source in plan.sources])
                return RunState.FETCHING
            case RunState.FETCHING:
                return await self._after_fetching(plan, resend=resend)
            case RunState.RECONCILING:
                return await self._after_reconciling(plan, resend=resend)
            case RunState.RETIRING:
                if resend:
                    await self.queue.retire(RetireJob(tenant=plan.tenant, run=plan.run))
        return None

    async def _after_fetching(self, plan: Plan, *, resend: bool) -> RunState | None:
        marked = await self.runs.fetch_markers(plan.tenant, plan.run)
        missing = [source for source in plan.sources if source not in marked]
        if missing:
            if resend:
                await self.queue.fetch([self._fetch_job(plan, source) for source in missing])
            return None
        await self.queue.reconcile([self._reconcile_job(plan, location) for location in plan.locations])
        return RunState.RECONCILING

    async def _after_reconciling(self, plan: Plan, *, resend: bool) -> RunState | None:
        marked = await self.runs.reconcile_markers(plan.tenant, plan.run)
        missing = [location for location in plan.locations if location not in marked]
        if missing:
            if resend:
                await self.queue.reconcile([self._reconcile_job(plan, location) for location in missing])
            return None
        await self.queue.retire(RetireJob(tenant=plan.tenant, run=plan.run))
        return RunState.RETIRING

    @staticmethod
    def _fetch_job(plan: Plan, source: SourceId) -> FetchJob:
        return FetchJob(tenant=plan.tenant, run=plan.run, source=source)

    @staticmethod
    def _reconcile_job(plan: Plan, location: LocationId) -> ReconcileJob:
        return ReconcileJob(tenant=plan.tenant, run=plan.run, location=location)
