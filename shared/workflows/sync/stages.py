"""Stage coordinator: advances a run to its next stage when every job of a stage has a result.

The job that records the last result of a stage replaces the run's state by compare-and-swap and enqueues the next
stage. If it crashes in between, the redelivery of its message enqueues the stage; if that message is lost too, the
watchdog does.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Final

import msgspec

from shared.domain.access.tenant_context import TenantContext
from shared.domain.ids import LocationId, RunId, SourceId, TenantId
from shared.domain.problem import Problem
from shared.domain.run import Plan, Run, RunState
from shared.domain.sync.jobs import DeactivateJob, FetchJob, ReconcileJob
from shared.domain.versioned import Versioned
from shared.errors import NotFound, Rejected, Superseded
from shared.ports.queues import JobQueue
from shared.ports.recipients import RecipientStore
from shared.ports.runs import RunStore
from shared.ports.tenants import TenantStore
from shared.runtime.optimistic_update import optimistic_update
from shared.telemetry import measure
from shared.telemetry.metrics import RUNS_ENDED
from shared.workflows.sync.run_end import report_end
from shared.workflows.sync.unfinished_report import report_so_far

#: The states of a run in their order.
_STAGES: Final = tuple(RunState)
#: The states before that in which a run deactivates.
EARLIER: Final = frozenset(_STAGES[: _STAGES.index(RunState.DEACTIVATING)])


def too_early(run: RunId) -> Rejected:
    """Create the error for a job of a later stage than that of its run. No message of the app leads to it."""
    return Rejected(f"Run {run} has not come to this stage.", code="too_early")


class StageCoordinator(msgspec.Struct, frozen=True, kw_only=True):
    """Advances runs from stage to stage: fetching, reconciling, deactivating."""

    tenants: TenantStore
    runs: RunStore
    recipients: RecipientStore
    queue: JobQueue

    async def current_plan(self, tenant: TenantId, run: RunId) -> Plan:
        """Return the plan of the tenant's active run. Raises Superseded if another run is active, or it was deleted."""
        plan, _ = await self.current(tenant, run)
        return plan

    async def current(self, tenant: TenantId, run: RunId) -> tuple[Plan, TenantContext]:
        """Return the plan of the tenant's active run with the tenant's context. Raises as `current_plan`."""
        try:
            plan = await self.runs.get_plan(tenant, run)
        except NotFound as error:
            raise Superseded(f"Run {run} of {tenant} was deleted.", code="superseded") from error
        return plan, await self.require_current(plan)

    async def stored_run(self, tenant: TenantId, run: RunId) -> Versioned[Run]:
        """Return a run. Raises Superseded if it was ended before it was stored, or was deleted."""
        try:
            return await self.runs.get(tenant, run)
        except NotFound as error:
            raise Superseded(f"Run {run} of {tenant} was deleted.", code="superseded") from error

    async def require_current(self, plan: Plan) -> TenantContext:
        """Return the tenant's context.

        Raises:
            Superseded: The plan's run no longer owns the tenant.
            Paused: An operator has paused writing. A preview continues, because it does not write.
        """
        context = await self.tenants.get_context(plan.tenant)
        state = context.state.value
        if (state.active_run, state.fencing_token, state.config_version) != (
            plan.run,
            plan.fencing_token,
            plan.config_version,
        ):
            raise Superseded(f"Run {plan.run} is no longer the active run of {plan.tenant}.", code="superseded")
        if not plan.preview:
            state.require_writing()
        return context

    @optimistic_update
    async def end(
        self,
        tenant: TenantId,
        run: RunId,
        state: RunState,
        problem: Problem,
        at: datetime,
        *,
        storage_requests: int = 0,
    ) -> Run | None:
        """End a run before it is finished, with its report so far. Return the run, or None if it is not stored.

        A run that has already ended stays unchanged.
        """
        try:
            stored = await self.runs.get(tenant, run)
        except NotFound:
            return None
        if stored.value.state.ended:
            return stored.value
        so_far = await report_so_far(self.runs, self.recipients, stored.value)
        problems = (problem, *(other for other in so_far.problems if other != problem))
        ended = msgspec.structs.replace(
            so_far,
            state=state,
            finished_at=at,
            problems=problems,
            storage_requests=so_far.storage_requests + storage_requests,
        )
        await self.runs.replace(ended, stored.etag)
        if state is RunState.FAILED:
            report_end(ended, at)
        else:
            measure(RUNS_ENDED, state=state)
        return ended

    async def advance(self, plan: Plan, *, repeated: RunState | None = None) -> None:
        """If the run's stage is complete, advance the run and enqueue the next stage.

        Of several workers that find a stage complete, only the one that replaces the run's state enqueues. If it
        crashes before it enqueues, its message is delivered again. A job whose result already exists therefore passes
        its own stage as `repeated`: every job of a later stage that does not have a result is enqueued again. Those of
        its own stage were enqueued by others.
        """
        while True:
            state, advanced = await self._next_stage(plan)
            if not advanced:
                if repeated is not None and _STAGES.index(state) > _STAGES.index(repeated):
                    await self._enqueue(plan, state)
                return
            if await self._enqueue(plan, state):
                return  # the job that records the last result of this stage advances the run

    @optimistic_update
    async def _next_stage(self, plan: Plan) -> tuple[RunState, bool]:
        """Replace the run's state if its stage is complete. Return the state, and whether this call replaced it.

        Raises Superseded as `stored_run`.
        """
        stored = await self.stored_run(plan.tenant, plan.run)
        following = await self._following(plan, stored.value.state)
        if following is None:
            return stored.value.state, False
        await self.runs.replace(msgspec.structs.replace(stored.value, state=following), stored.etag)
        return following, True

    async def _following(self, plan: Plan, state: RunState) -> RunState | None:
        """Return the next stage, or None while the current one is not complete."""
        match state:
            case RunState.PLANNING:
                return RunState.FETCHING
            case RunState.FETCHING if not await self._unfetched(plan):
                return RunState.RECONCILING
            case RunState.RECONCILING if not await self._unreconciled(plan):
                return RunState.DEACTIVATING
        return None

    async def start(self, plan: Plan) -> None:
        """Enqueue the first jobs of a new run, whose state is `fetching`."""
        await self.queue.send(self._fetch_jobs(plan, plan.sources))
        if not plan.sources:
            await self.advance(plan)

    async def _enqueue(self, plan: Plan, state: RunState) -> bool:
        """Enqueue every job of a stage that does not have a result, and return whether there was one."""
        match state:
            case RunState.FETCHING:
                sources = await self._unfetched(plan)
                await self.queue.send(self._fetch_jobs(plan, sources))
                return bool(sources)
            case RunState.RECONCILING:
                locations = await self._unreconciled(plan)
                await self.queue.send([self._reconcile_job(plan, location) for location in locations])
                return bool(locations)
            case RunState.DEACTIVATING:
                await self.queue.send([DeactivateJob(tenant=plan.tenant, run=plan.run)])
                return True
        return False

    async def _unfetched(self, plan: Plan) -> list[SourceId]:
        fetched = await self.runs.list_fetched(plan.tenant, plan.run)
        return [source for source in plan.sources if source not in fetched]

    async def _unreconciled(self, plan: Plan) -> list[LocationId]:
        reconciled = await self.runs.list_reconciled(plan.tenant, plan.run)
        return [location for location in plan.locations if location not in reconciled]

    @staticmethod
    def _fetch_jobs(plan: Plan, sources: Iterable[SourceId]) -> list[FetchJob]:
        # The whole directory first: its pages can only be read one after the other, in parallel with the groups.
        ordered = sorted(sources, key=lambda source: plan.sources[source].group is not None)
        return [FetchJob(tenant=plan.tenant, run=plan.run, source=source) for source in ordered]

    @staticmethod
    def _reconcile_job(plan: Plan, location: LocationId) -> ReconcileJob:
        return ReconcileJob(tenant=plan.tenant, run=plan.run, location=location)
