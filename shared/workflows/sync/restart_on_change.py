"""Restart on change: fences off the work of a previous configuration, and requests a new run."""

from contextlib import suppress

import msgspec

from shared.domain.ids import LocationId, RunId, TenantId, run_id
from shared.domain.problem import Problem
from shared.domain.run import RunMode, RunState, TenantState
from shared.domain.sync.jobs import SyncRequest
from shared.errors import Contended, Rejected
from shared.ports.platform import Clock, IdSource
from shared.ports.queues import JobQueue
from shared.ports.recipients import RecipientStore
from shared.ports.tenants import ConnectionStore, SettingsStore, SyncStateStore
from shared.runtime.optimistic_update import optimistic_update
from shared.telemetry import event
from shared.workflows.sync.stages import StageCoordinator


class RestartOnChange(msgspec.Struct, frozen=True, kw_only=True):
    """Ends work on a previous configuration. Call it after the change is stored and before the request is answered."""

    connections: ConnectionStore
    settings: SettingsStore
    sync_states: SyncStateStore
    recipients: RecipientStore
    queue: JobQueue
    stages: StageCoordinator
    clock: Clock
    ids: IdSource

    async def invalidate_running_work(self, tenant: TenantId) -> None:
        """Raise the tenant's config version and every location's fence, and supersede an active run.

        The superseded run or a waiting request is requested again if the tenant still has a connection. Raises
        Contended after all of this if a fence could not be raised; the next run acquires that fence.
        """
        connected = await self.connections.find(tenant) is not None
        state, raised = await self._raise_state(tenant, keep_waiting=connected)
        contended = None
        for location in await self.settings.list_locations(tenant):
            try:
                await self._raise_fence(tenant, location.id, raised.fencing_token)
            except Contended as error:
                contended = error
        mode = state.pending
        if state.active_run is not None:
            mode = await self._supersede(tenant, state.active_run, mode)
        if mode is not None and connected:
            request = state.pending_request or self.ids.new_run_id()
            await self.queue.send(
                [SyncRequest(tenant=tenant, mode=mode, request=request, requested_by="configuration")]
            )
        elif state.pending_request is not None:
            await self._end_waiting(tenant, state.pending_request)
        if contended is not None:
            raise contended

    @optimistic_update
    async def _raise_state(self, tenant: TenantId, *, keep_waiting: bool) -> tuple[TenantState, TenantState]:
        """Store the tenant's next fencing token and configuration version. Return the state before and after."""
        state, etag = await self.sync_states.get(tenant)
        raised = TenantState(
            fencing_token=state.fencing_token + 1,
            config_version=state.config_version + 1,
            requests=state.requests,
            summary=state.summary.expired(),
            announced=state.announced,
            unread=state.unread,
            pending=state.pending if keep_waiting else None,
            pending_request=state.pending_request if keep_waiting else None,
        )
        await self.sync_states.replace(tenant, raised, etag)
        return state, raised

    @optimistic_update
    async def _raise_fence(self, tenant: TenantId, location: LocationId, fencing_token: int) -> None:
        fence, etag = await self.recipients.get_fence(tenant, location)
        if etag is None or fence.fencing_token >= fencing_token:
            return  # nothing was ever written to the location, or its fence already has a newer token
        raised = msgspec.structs.replace(fence, fencing_token=fencing_token)
        await self.recipients.replace_fence(tenant, location, raised, etag)

    async def _end_waiting(self, tenant: TenantId, request: str) -> None:
        """End the run that the API stored for a waiting request, because the directory was disconnected."""
        with suppress(Rejected):  # a request of the queue or the schedule, whose run is not stored yet
            problem = Problem(
                concerns="run", code="not_connected", detail="The directory was disconnected before the sync started."
            )
            await self.stages.end(tenant, run_id(request), RunState.SUPERSEDED, problem, self.clock.now())

    async def _supersede(self, tenant: TenantId, run: RunId, waiting: RunMode | None) -> RunMode | None:
        """End a run, and return the mode of its replacement: FULL if the run or the waiting request is full.

        A preview is not replaced: the person who wants its result can start it again.
        """
        event("superseded", tenant=tenant, run=run)
        problem = Problem(
            concerns="run", code="configuration_changed", detail="The configuration changed. A new run was started."
        )
        ended = await self.stages.end(tenant, run, RunState.SUPERSEDED, problem, self.clock.now())
        if ended is not None and ended.preview:
            return waiting
        full = RunMode.FULL in {waiting, ended.mode if ended else None}
        return RunMode.FULL if full else RunMode.INCREMENTAL
