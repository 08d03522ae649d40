"""Plan: a request becomes a run. Takes the tenant for it, and writes down everything the run will depend on."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import msgspec

from shared.domain.access.tenant_context import TenantContext
from shared.domain.connections.connection import Connection
from shared.domain.ids import RunId, run_id
from shared.domain.preferences.group_mapping import sources_of
from shared.domain.problem import Problem
from shared.domain.run import Plan, Run, RunMode, RunState, TenantState
from shared.domain.sync.jobs import SyncRequest
from shared.domain.sync.queue_messages import MANUAL_MESSAGE, SCHEDULE
from shared.domain.versioned import Versioned
from shared.errors import Conflict, NotFound, Rejected, Superseded
from shared.ports.platform import Clock, IdSource
from shared.ports.runs import RunStore
from shared.ports.tenants import SettingsStore, SyncStateStore, TenantStore
from shared.telemetry import RequestCounters, event
from shared.workflows.sync.stages import StageCoordinator

#: How many requests a tenant remembers, so that one delivered again starts nothing; a queue delivers again within days.
_REMEMBERED_REQUESTS: Final = 20
#: How often the schedule's run reads and compares everything, whatever the directory says has changed.
_FULL_EVERY: Final = timedelta(hours=24)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanRun:
    """Starts the run that a request asks for, or lets the request join the one that is active."""

    tenants: TenantStore
    settings: SettingsStore
    sync_states: SyncStateStore
    runs: RunStore
    stages: StageCoordinator
    clock: Clock
    ids: IdSource
    deadline_s: float

    async def __call__(self, request: SyncRequest, counters: RequestCounters) -> None:
        """Leave the request's run planned and its first jobs enqueued; delivered again, finish what was left undone.

        Raises: Rejected when the tenant is unknown or its connection is off; Conflict when somebody else took the
        tenant meanwhile.
        """
        context = await self.tenants.get_context(request.tenant)
        connection = await self._connection(request, context)
        state, etag = context.state
        announced = await self._announced(request)
        if request.request in state.requests:
            if state.requests[0] == request.request and state.active_run is not None:
                await self._resume(request, context, connection, announced, counters)
            return
        now = self.clock.now()
        preview = announced is not None and announced.value.preview
        if state.active_run is not None and self._is_fresh(state, now):
            if preview:
                problem = Problem(
                    concerns="run", code="run_active", detail="Another run had started. Start the preview again."
                )
                await self._close_announced(request, problem)
            else:
                await self._join(request, state, etag)
            return
        run = self._run_of(request)
        taken = msgspec.structs.replace(
            state,
            # a preview writes nothing that an older run could be kept from: what is held stays approvable
            fencing_token=state.fencing_token if preview else state.fencing_token + 1,
            active_run=run,
            active_since=now,
            requests=(request.request, *state.requests)[:_REMEMBERED_REQUESTS],
            summary=state.summary if preview else state.summary.expired(),
        )
        if request.request == state.pending_request:
            taken = msgspec.structs.replace(taken, pending=None, pending_request=None)
        # before the tenant is taken: a change of configuration that comes between the two makes the swap fail
        plan = await self._plan(request, taken, run, context, connection, announced)
        await self.sync_states.replace(request.tenant, taken, etag)
        plan = await self.runs.insert_plan(plan)
        await self._launch(request, plan, announced, counters)

    async def _connection(self, request: SyncRequest, context: TenantContext) -> Connection:
        """Return the tenant's connection. A message sent by hand without one is reported in the operator log.

        The app's own requests were made while there was one, and leave no trace of a tenant that was erased meanwhile.
        """
        is_manual_message = request.requested_by == MANUAL_MESSAGE
        if context.tenant is None:
            if is_manual_message:
                await self.tenants.get(request.tenant)
            raise Superseded("the tenant was deleted meanwhile", code="tenant_deleted")
        if context.connection is not None:
            return context.connection
        if is_manual_message:
            raise Rejected(
                f"The directory of tenant {request.tenant} is not connected: connect it before syncing.",
                code="not_connected",
            )
        problem = Problem(
            concerns="run", code="not_connected", detail="The directory was disconnected before the sync started."
        )
        await self._close_announced(request, problem)
        raise Superseded("the connection was switched off meanwhile", code="not_connected")

    def _full_is_due(self, request: SyncRequest, state: TenantState) -> bool:
        """Tell whether the schedule's run is the one of the day that trusts nothing it has stored."""
        if request.requested_by != SCHEDULE:
            return False
        return state.full_at is None or self.clock.now() - state.full_at >= _FULL_EVERY

    def _is_fresh(self, state: TenantState, now: datetime) -> bool:
        return state.active_since is not None and now - state.active_since < timedelta(seconds=self.deadline_s)

    async def _join(self, request: SyncRequest, state: TenantState, etag: str | None) -> None:
        """Let the request wait for the end of the active run; those that come after the first share its run."""
        if state.pending_request == request.request:
            return
        full = RunMode.FULL in {state.pending, request.mode}
        first = state.pending_request or request.request
        waiting = msgspec.structs.replace(
            state, pending=RunMode.FULL if full else RunMode.INCREMENTAL, pending_request=first
        )
        await self.sync_states.replace(request.tenant, waiting, etag)
        event("request_waits", tenant=request.tenant, run=state.active_run)
        if first != request.request:
            detail = f"Combined with request {first}, which was already waiting."
            await self._close_announced(request, Problem(concerns="run", code="coalesced", detail=detail))

    async def _close_announced(self, request: SyncRequest, problem: Problem) -> None:
        """End the run that the API announced for a request that will have none of its own."""
        try:
            announced = run_id(request.request)
        except Rejected:
            return  # asked for by queue or schedule: no run was announced
        await self.stages.end(request.tenant, announced, RunState.SUPERSEDED, problem, self.clock.now())

    async def _announced(self, request: SyncRequest) -> Versioned[Run] | None:
        """Return the run that the API announced for a request, None if nobody did."""
        try:
            return await self.runs.get(request.tenant, run_id(request.request))
        except (Rejected, NotFound):
            return None

    def _run_of(self, request: SyncRequest) -> RunId:
        try:
            return run_id(request.request)
        except Rejected:
            return self.ids.new_run_id()

    async def _launch(
        self, request: SyncRequest, plan: Plan, announced: Versioned[Run] | None, counters: RequestCounters
    ) -> None:
        """Leave the run stored as one that fetches, and its first jobs enqueued."""
        began = Run(
            id=plan.run,
            tenant=plan.tenant,
            mode=plan.mode,
            state=RunState.FETCHING,
            requested_at=plan.created_at,
            requested_by=request.requested_by,
        )
        if announced is not None and announced.value.state is RunState.PLANNING:
            began = msgspec.structs.replace(announced.value, state=RunState.FETCHING)
        began = msgspec.structs.replace(began, storage_requests=counters.storage_requests, watched_at=self.clock.now())
        if announced is None:
            fresh = await self.runs.insert(began)
        elif fresh := announced.value.state is RunState.PLANNING:
            await self.runs.replace(began, announced.etag)
        if fresh:
            await self.stages.start(plan)
        else:
            await self.stages.advance(plan, resend=True)
        event("planned", tenant=plan.tenant, run=plan.run, sources=len(plan.sources), locations=len(plan.locations))

    async def _resume(
        self,
        request: SyncRequest,
        context: TenantContext,
        connection: Connection,
        announced: Versioned[Run] | None,
        counters: RequestCounters,
    ) -> None:
        """Finish what an earlier delivery of the request has begun: it took the tenant, and may have died then."""
        state = context.state.value
        run = state.active_run
        if run is None:
            return
        try:
            plan = await self.runs.get_plan(request.tenant, run)
        except NotFound:
            plan = await self._plan(request, state, run, context, connection, announced)
            now = (await self.sync_states.get(request.tenant)).value
            if now.fencing_token != state.fencing_token:
                raise Conflict(
                    f"the configuration of {request.tenant} changed while it was read", code="replan"
                ) from None
            plan = await self.runs.insert_plan(plan)
        if plan.fencing_token != state.fencing_token:
            raise Superseded(f"run {run} was planned with fencing token {plan.fencing_token}", code="superseded")
        await self._launch(request, plan, announced, counters)

    async def _plan(
        self,
        request: SyncRequest,
        taken: TenantState,
        run: RunId,
        context: TenantContext,
        connection: Connection,
        announced: Versioned[Run] | None,
    ) -> Plan:
        """Return the plan of a run that takes, or has taken, the tenant; it is not stored yet."""
        preview = announced is not None and announced.value.preview
        wanted = announced.value.preferences if announced is not None else None
        preferences = wanted or context.preferences
        sources, feeds = sources_of(preferences, await self.settings.list_locations(request.tenant), connection.id)
        before = context.state.value
        return Plan(
            tenant=request.tenant,
            run=run,
            fencing_token=taken.fencing_token,
            config_version=taken.config_version,
            mode=RunMode.FULL if self._full_is_due(request, taken) else request.mode,
            preferences=preferences,
            sources=sources,
            locations=dict(feeds),
            connection_id=connection.id,
            connection=connection.fingerprint,
            created_at=self.clock.now(),
            preview=preview,
            up_to_date=None if preview else before.still_up_to_date(),
        )
