"""Plan: takes the tenant for a requested run, and stores a plan with everything that the run depends on."""

from datetime import datetime, timedelta
from typing import Final

import msgspec

from shared.domain.access.tenant_context import TenantContext
from shared.domain.connections.connection import Connection
from shared.domain.ids import RunId, TenantId, run_id
from shared.domain.preferences.group_mapping import sources_of
from shared.domain.problem import Problem
from shared.domain.retry_policy import FULL_READ
from shared.domain.run import Plan, Run, RunKind, RunMode, RunState, TenantState
from shared.domain.sync.jobs import SyncRequest
from shared.domain.sync.queue_messages import MANUAL_MESSAGE, REPEATED, SCHEDULE
from shared.domain.versioned import Versioned
from shared.errors import ETagConflict, NotFound, Rejected, Superseded
from shared.ports.platform import Clock, IdSource
from shared.ports.runs import RunStore
from shared.ports.tenants import SettingsStore, SyncStateStore, TenantStore
from shared.runtime.optimistic_update import optimistic_update
from shared.telemetry import RequestCounters, event
from shared.workflows.sync.restart_on_change import RestartOnChange
from shared.workflows.sync.stages import StageCoordinator

#: Interval at which a scheduled run is full: it reads and compares everything, whatever the change feed reports.
_FULL_EVERY: Final = timedelta(hours=24)
#: Time after which a full run is due again that had to follow changes.
_FULL_AGAIN_AFTER: Final = timedelta(seconds=FULL_READ.first_wait_s)

#: Problems of a run that does not wait.
_RUN_ACTIVE: Final = Problem(concerns="run", code="run_active", detail="Another run had started. Start this one again.")
_PAUSED: Final = Problem(
    concerns="run", code="paused", detail="The operator had paused all changes of recipients. Start this one again."
)


class PlanRun(msgspec.Struct, frozen=True, kw_only=True):
    """Starts the requested run. While another run is active, or writing is paused, the request waits for the end."""

    tenants: TenantStore
    settings: SettingsStore
    sync_states: SyncStateStore
    runs: RunStore
    stages: StageCoordinator
    changes: RestartOnChange
    clock: Clock
    ids: IdSource
    deadline_s: float

    @optimistic_update
    async def __call__(self, request: SyncRequest, counters: RequestCounters) -> None:
        """Plan the requested run and enqueue its first jobs. A redelivery completes an interrupted call.

        A request that meets others of the same tenant reads the state again and decides again.

        Raises:
            NotFound: A manual message names a tenant that does not exist.
            Rejected: A manual message names a tenant whose connection is off (`not_connected`), or a run that is not
                a sync (`not_planned`).
            Superseded: The tenant was deleted or disconnected after the app sent the request, or the message pretends
                to be one of the app's.
            Contended: Other requests or changes of configuration replaced the tenant's state at every attempt.
        """
        context = await self._settled(request.tenant)
        connection = await self._connection(request, context)
        state, etag = context.state
        announced = await self._announced(request, state)
        if request.request in state.requests:
            if state.requests[0] == request.request and state.active_run is not None:
                await self._resume(request, context, connection, announced, counters)
            return
        if announced is not None and announced.value.state.ended:
            await self._forget(request, context)
            return
        now = self.clock.now()
        preview = announced is not None and announced.value.preview
        is_paused = bool(state.pauses) and not preview
        if is_paused or (state.active_run is not None and self._is_fresh(state, now)):
            if announced is not None and announced.value.must_be_alone:
                await self._close_announced(request, _PAUSED if is_paused else _RUN_ACTIVE)
            else:
                await self._join(request, state, etag)
            return
        if state.active_run is not None:
            await self.changes.fail(request.tenant, state.active_run, past_deadline(self.deadline_s), counters)
            raise ETagConflict("The state changed: the previous run was ended.")
        run = self._run_of(request)
        state_after = state.taken_by(run, request.request, now)
        if not preview:  # a preview writes no recipients: older runs need no new fence, and held runs stay approvable
            state_after = msgspec.structs.replace(
                state_after, fencing_token=state.fencing_token + 1, summary=state.summary.expired()
            )
        if request.request == state.pending_request:
            # A full request may have joined after this message was sent.
            request = msgspec.structs.replace(request, mode=state.waiting_mode(request.mode))
            state_after = state_after.without_waiting()
        # Before the tenant is taken: a change of configuration in between makes the compare-and-swap fail.
        plan = await self._plan(request, state_after, run, context, connection, announced)
        await self.sync_states.replace(request.tenant, state_after, etag)
        plan = await self.runs.insert_plan(plan)
        await self._launch(request, plan, announced, counters)

    async def _settled(self, tenant: TenantId) -> TenantContext:
        """Return the tenant's context, after an interrupted change of the configuration was completed.

        Raises ETagConflict if another one has begun since: it would not end a run that begins before it is complete.
        """
        context = await self.tenants.get_context(tenant)
        if context.state.value.change is None:
            return context
        await self.changes.complete(tenant)
        context = await self.tenants.get_context(tenant)
        if context.state.value.change is not None:
            raise ETagConflict("The state changed: another change of the configuration has begun.")
        return context

    async def _connection(self, request: SyncRequest, context: TenantContext) -> Connection:
        """Return the tenant's connection.

        A manual message to a tenant without one raises NotFound or Rejected, which are reported in the operator log.
        The app's own requests were sent while a connection existed. They raise Superseded, so that the log does not
        name a tenant that was erased since.
        """
        is_manual_message = request.requested_by == MANUAL_MESSAGE
        if context.tenant is None:
            if is_manual_message:
                await self.tenants.get(request.tenant)
            raise Superseded("The tenant was deleted after the sync was requested.", code="tenant_deleted")
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
        await self._forget(request, context)
        raise Superseded("The directory was disconnected after the sync was requested.", code="not_connected")

    async def _forget(self, request: SyncRequest, context: TenantContext) -> None:
        """Remove a waiting request that will not be planned."""
        state, etag = context.state
        if state.pending_request == request.request:
            await self.sync_states.replace(request.tenant, state.without_waiting(), etag)

    def _full_is_due(self, request: SyncRequest, state: TenantState) -> bool:
        """Return whether this is a scheduled request and the daily full run is due, or due again."""
        now = self.clock.now()
        if request.requested_by != SCHEDULE:
            return False
        if state.full_failed_at is not None and now - state.full_failed_at < _FULL_AGAIN_AFTER:
            return False
        return state.full_at is None or now - state.full_at >= _FULL_EVERY

    def _is_fresh(self, state: TenantState, now: datetime) -> bool:
        since = state.active_since
        return since is not None and now - state.begins(since) < timedelta(seconds=self.deadline_s)

    async def _join(self, request: SyncRequest, state: TenantState, etag: str | None) -> None:
        """Make the request wait for the end of the active run or of a pause. Waiting requests share one run."""
        if state.pending_request == request.request:
            return
        waiting = state.with_waiting(request.request, request.mode)
        await self.sync_states.replace(request.tenant, waiting, etag)
        event("request_waits", tenant=request.tenant, run=state.active_run)
        if waiting.pending_request != request.request:
            detail = f"Combined with request {waiting.pending_request}, which was already waiting."
            await self._close_announced(request, Problem(concerns="run", code="coalesced", detail=detail))

    async def _close_announced(self, request: SyncRequest, problem: Problem) -> None:
        """End the run that the API stored for a request, because the request will not be planned."""
        try:
            announced = run_id(request.request)
        except Rejected:
            return  # a request of the queue or the schedule: its run is not stored yet
        await self.stages.end(request.tenant, announced, RunState.SUPERSEDED, problem, self.clock.now())

    async def _announced(self, request: SyncRequest, state: TenantState) -> Versioned[Run] | None:
        """Return the run that the API stored for a request; None for requests of the queue or the schedule.

        Raises:
            Rejected: The run is a manual change (`not_planned`): no message of the app requests it.
            Superseded: The message pretends to be one of the app's: neither a run nor the tenant's state names it.
        """
        try:
            announced = await self.runs.get(request.tenant, run_id(request.request))
        except (Rejected, NotFound):
            if request.requested_by in REPEATED and request.request not in {state.pending_request, *state.requests}:
                raise Superseded("No run and no waiting request has this id.", code="unknown_request") from None
            return None
        if announced.value.kind is not RunKind.SYNC:
            raise Rejected(f"Run {request.request} is not a sync.", code="not_planned")
        return announced

    def _run_of(self, request: SyncRequest) -> RunId:
        try:
            return run_id(request.request)
        except Rejected:
            return self.ids.new_run_id()

    async def _launch(
        self, request: SyncRequest, plan: Plan, announced: Versioned[Run] | None, counters: RequestCounters
    ) -> None:
        """Store the run in state `fetching`, and enqueue its first jobs."""
        started = Run(
            id=plan.run,
            tenant=plan.tenant,
            mode=plan.mode,
            state=RunState.FETCHING,
            requested_at=plan.created_at,
            requested_by=request.requested_by,
        )
        if announced is not None and announced.value.state is RunState.PLANNING:
            started = msgspec.structs.replace(announced.value, state=RunState.FETCHING, mode=plan.mode)
        started = msgspec.structs.replace(
            started, storage_requests=counters.storage_requests, watched_at=self.clock.now()
        )
        if announced is None:
            is_new = await self.runs.insert(started)
        elif is_new := announced.value.state is RunState.PLANNING:
            await self.runs.replace(started, announced.etag)
        if is_new:
            await self.stages.start(plan)
        else:
            await self.stages.advance(plan, repeated=RunState.PLANNING)
        event("planned", tenant=plan.tenant, run=plan.run, sources=len(plan.sources), locations=len(plan.locations))

    async def _resume(
        self,
        request: SyncRequest,
        context: TenantContext,
        connection: Connection,
        announced: Versioned[Run] | None,
        counters: RequestCounters,
    ) -> None:
        """Complete an earlier delivery of the request, which took the tenant and may have crashed afterwards.

        Raises:
            ETagConflict: The configuration changed while the plan was built.
            Superseded: The stored plan has another fencing token.
        """
        state = context.state.value
        run = state.active_run
        if run is None:
            return
        try:
            plan = await self.runs.get_plan(request.tenant, run)
        except NotFound:
            plan = await self._plan(request, state, run, context, connection, announced)
            current = (await self.sync_states.get(request.tenant)).value
            if current.fencing_token != state.fencing_token:
                raise ETagConflict(f"The configuration of {request.tenant} changed while it was read.") from None
            plan = await self.runs.insert_plan(plan)
        if plan.fencing_token != state.fencing_token:
            raise Superseded(f"Run {run} was planned with fencing token {plan.fencing_token}.", code="superseded")
        await self._launch(request, plan, announced, counters)

    async def _plan(
        self,
        request: SyncRequest,
        state: TenantState,
        run: RunId,
        context: TenantContext,
        connection: Connection,
        announced: Versioned[Run] | None,
    ) -> Plan:
        """Return the plan of a run that takes, or has taken, the tenant. The plan is not stored here."""
        preview = announced is not None and announced.value.preview
        preview_preferences = announced.value.preferences if announced is not None else None
        preferences = preview_preferences or context.preferences
        locations = await self.settings.list_locations(request.tenant)
        if announced is not None and announced.value.unmapped is not None:
            locations = [location.without(announced.value.unmapped) for location in locations]
        sources, source_ids = sources_of(preferences, locations, connection.id)
        before = context.state.value
        return Plan(
            tenant=request.tenant,
            run=run,
            fencing_token=state.fencing_token,
            config_version=state.config_version,
            mode=RunMode.FULL if self._full_is_due(request, state) else request.mode,
            preferences=preferences,
            sources=sources,
            locations=dict(source_ids),
            connection_id=connection.id,
            connection=connection.fingerprint,
            created_at=self.clock.now(),
            preview=preview,
            up_to_date=None if preview else before.still_up_to_date(),
            accepted=announced.value.accepted if announced is not None else {},
        )


def past_deadline(deadline_s: float) -> Problem:
    """Return the problem of a run that did not end in time."""
    detail = f"The run did not finish within {deadline_s:.0f} s and was stopped."
    return Problem(concerns="run", code="deadline", detail=detail)
