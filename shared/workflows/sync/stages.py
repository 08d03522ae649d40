"""How a run moves on: what every step does when its own work is done, and again when it is delivered twice.

The results tell what is left. Whoever inserts the last result of a stage finds them all, moves the run's state on by
compare-and-swap, and enqueues the next stage. A crash between the two is mended by the redelivery of that message,
or, if it is lost too, by the watchdog.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

import msgspec

from shared.domain.access.tenant_context import TenantContext
from shared.domain.ids import LocationId, RunId, SourceId, TenantId
from shared.domain.problem import Problem
from shared.domain.run import Plan, Run, RunState
from shared.domain.sync.jobs import DeactivateJob, FetchJob, ReconcileJob
from shared.errors import NotFound, Superseded
from shared.ports.queues import JobQueue
from shared.ports.runs import RunStore
from shared.ports.tenants import TenantStore
from shared.workflows.optimistic_update import optimistic_update


@dataclass(frozen=True, slots=True, kw_only=True)
class StageCoordinator:
    """Moves runs from stage to stage: fetching, reconciling, deactivating."""

    tenants: TenantStore
    runs: RunStore
    queue: JobQueue

    async def current_plan(self, tenant: TenantId, run: RunId) -> Plan:
        """Return the plan of the tenant's active run. Raises: Superseded if `run` is not it any more."""
        plan, _ = await self.current(tenant, run)
        return plan

    async def current(self, tenant: TenantId, run: RunId) -> tuple[Plan, TenantContext]:
        """Return the plan of the tenant's active run, and what is known of the tenant. Raises: as `current_plan`."""
        plan = await self.runs.get_plan(tenant, run)
        return plan, await self.require_current(plan)

    async def require_current(self, plan: Plan) -> TenantContext:
        """Return what is known of the tenant while the plan's run owns it. Raises: Superseded when another does."""
        context = await self.tenants.get_context(plan.tenant)
        state = context.state.value
        if (state.active_run, state.fencing_token, state.config_version) != (
            plan.run,
            plan.fencing_token,
            plan.config_version,
        ):
            raise Superseded(f"run {plan.run} is not the active run of {plan.tenant} any more", code="superseded")
        return context

    @optimistic_update
    async def end(self, tenant: TenantId, run: RunId, state: RunState, problem: Problem, at: datetime) -> Run | None:
        """Leave a run that never got to its report ended with one problem; return it, or None if it is not stored.

        A run that has ended already stays as it is.
        """
        try:
            stored = await self.runs.get(tenant, run)
        except NotFound:
            return None
        if stored.value.state.ended:
            return stored.value
        ended = msgspec.structs.replace(stored.value, state=state, finished_at=at, problems=(problem,))
        await self.runs.replace(ended, stored.etag)
        return ended

    async def advance(self, plan: Plan, *, resend: bool = False) -> None:
        """If the run's stage is complete, move its state on and enqueue the next stage.

        Of several workers who find a stage complete at once, one moves the state on, and only that one enqueues. If it
        dies in between, its own message comes back; whoever finds its work done already therefore passes `resend`, and
        every job of the present stage that has no result is enqueued again.
        """
        while True:
            state, moved = await self._move_on(plan)
            if not moved:
                if resend:
                    await self._enqueue(plan, state)
                return
            if await self._enqueue(plan, state):
                return  # the job that records the last result of this stage advances the run

    @optimistic_update
    async def _move_on(self, plan: Plan) -> tuple[RunState, bool]:
        """Move the run's state on if its stage is complete. Return the state, and whether this call moved it."""
        stored = await self.runs.get(plan.tenant, plan.run)
        following = await self._following(plan, stored.value.state)
        if following is None:
            return stored.value.state, False
        await self.runs.replace(msgspec.structs.replace(stored.value, state=following), stored.etag)
        return following, True

    async def _following(self, plan: Plan, state: RunState) -> RunState | None:
        """Return the stage after this one, or None while this one is not complete."""
        match state:
            case RunState.PLANNING:
                return RunState.FETCHING
            case RunState.FETCHING if not await self._unfetched(plan):
                return RunState.RECONCILING
            case RunState.RECONCILING if not await self._unreconciled(plan):
                return RunState.DEACTIVATING
        return None

    async def start(self, plan: Plan) -> None:
        """Enqueue the first jobs of a run that is new, whose state is `fetching`."""
        await self.queue.fetch(self._fetch_jobs(plan, plan.sources))
        if not plan.sources:
            await self.advance(plan)

    async def _enqueue(self, plan: Plan, state: RunState) -> bool:
        """Enqueue every job of a stage that has no result, and return whether there was one."""
        match state:
            case RunState.FETCHING:
                sources = await self._unfetched(plan)
                await self.queue.fetch(self._fetch_jobs(plan, sources))
                return bool(sources)
            case RunState.RECONCILING:
                locations = await self._unreconciled(plan)
                await self.queue.reconcile([self._reconcile_job(plan, location) for location in locations])
                return bool(locations)
            case RunState.DEACTIVATING:
                await self.queue.deactivate(DeactivateJob(tenant=plan.tenant, run=plan.run))
                return True
        return False

    async def _unfetched(self, plan: Plan) -> list[SourceId]:
        marked = await self.runs.list_fetched(plan.tenant, plan.run)
        return [source for source in plan.sources if source not in marked]

    async def _unreconciled(self, plan: Plan) -> list[LocationId]:
        marked = await self.runs.list_reconciled(plan.tenant, plan.run)
        return [location for location in plan.locations if location not in marked]

    @staticmethod
    def _fetch_jobs(plan: Plan, sources: Iterable[SourceId]) -> list[FetchJob]:
        # the whole directory first: its pages follow one another, and can do so while groups are read
        ordered = sorted(sources, key=lambda source: plan.sources[source].group is not None)
        return [FetchJob(tenant=plan.tenant, run=plan.run, source=source) for source in ordered]

    @staticmethod
    def _reconcile_job(plan: Plan, location: LocationId) -> ReconcileJob:
        return ReconcileJob(tenant=plan.tenant, run=plan.run, location=location)
