"""Restart on change: fences off the work of a previous configuration or of a failed run, and requests a new run.

A change is stored in the tenant's state before its first step (`TenantState.change`), in the write that makes the
work on the previous configuration obsolete. If its worker dies, the next request or run of the tenant, or the watchdog,
completes it. docs/decisions/0027-store-changes-of-settings-before-they-are-made.md explains the order.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Final

import msgspec

from shared.domain.config_change import ConfigChange, ObsoleteRun
from shared.domain.ids import LocationId, RunId, TenantId, run_id
from shared.domain.operations.operator_log import RESTORE, OperatorLogEntry
from shared.domain.problem import Problem
from shared.domain.run import Run, RunKind, RunMode, RunState, TenantState
from shared.domain.sync.jobs import SyncRequest
from shared.errors import Contended, NotFound, Rejected, SyncError
from shared.ports.operations import OperatorLog
from shared.ports.platform import Clock, IdSource
from shared.ports.queues import JobQueue
from shared.ports.recipients import RecipientStore
from shared.ports.runs import RunStore
from shared.ports.tenants import ConnectionStore, SettingsStore, SyncStateStore
from shared.runtime.optimistic_update import optimistic_update
from shared.telemetry import RequestCounters, event
from shared.workflows.sync.stages import StageCoordinator
from shared.workflows.tenants.location_deletion import LocationErasure

#: Fences of a tenant that are raised at the same time. A person waits until all of them are.
_AT_ONCE: Final = 16


class RestartOnChange(msgspec.Struct, frozen=True, kw_only=True):
    """Ends work on a previous configuration before the change is answered."""

    connections: ConnectionStore
    settings: SettingsStore
    sync_states: SyncStateStore
    runs: RunStore
    recipients: RecipientStore
    location_deletion: LocationErasure
    operator_log: OperatorLog
    queue: JobQueue
    stages: StageCoordinator
    clock: Clock
    ids: IdSource

    @asynccontextmanager
    async def changing(self, tenant: TenantId) -> AsyncIterator[None]:
        """Store a change of the configuration inside this context; afterwards, nothing old is written any more.

        The config version and every location's fence are raised, an active run is superseded, and it or a waiting
        request is requested again if the tenant still has a connection. Raises Contended if a fence could not be
        raised; the change then stays incomplete until the next request or run.
        """
        version = await self._begin(tenant)
        try:
            yield
        except SyncError:
            await self._end(tenant, version)
            raise
        await self._end(tenant, version)

    async def invalidate_running_work(self, tenant: TenantId) -> None:
        """Do what `changing` does for a change that is already stored."""
        await self._begin(tenant)
        await self.complete(tenant)

    async def delete_location(self, tenant: TenantId, location: LocationId) -> None:
        """Delete a location, and end the work that uses it. Its recipients and imports are deleted afterwards.

        Raises Paused if an operator has paused writing.
        """
        await self._begin(tenant, location)
        await self.complete(tenant)

    async def fail(self, tenant: TenantId, run: RunId, problem: Problem, counters: RequestCounters) -> None:
        """End the tenant's active run as failed, without another one in its place.

        Its writers are fenced off first, so that its report has all of its changes. Does nothing if the run is not the
        active one.
        """
        if (await self.sync_states.get(tenant)).value.active_run == run:
            spent = counters.storage_requests
            await self._begin(tenant, failed=ObsoleteRun(run=run, problem=problem, storage_requests=spent))
            await self.complete(tenant)

    async def restore(self, tenant: TenantId, fence: int) -> None:
        """Take a fencing token above those of all fences, if the stored one is below that of a `fence`.

        The table with the tenants' states was then restored from an earlier time than that with the recipients: tokens
        are stored there before a fence gets them. The active run is requested again, runs that the state does not name
        end, and the operator log says so.
        """
        state = (await self.sync_states.get(tenant)).value
        if state.fencing_token >= fence:
            return  # a newer run or change has acquired it
        highest = fence
        for location in await self.settings.list_locations(tenant):
            highest = max(highest, (await self.recipients.get_fence(tenant, location.id)).value.fencing_token)
        await self._begin(tenant, above=highest, unended=await self._unended(tenant))
        entry = OperatorLogEntry(
            id=f"{tenant}-restored-{highest}",
            at=self.clock.now(),
            queue=RESTORE,
            code="generation_restored",
            detail=f"The state of the tenant was older than its recipients (fencing token {state.fencing_token}, "
            f"{highest} expected), as after a restore of storage. Syncs continue with a newer token. Check settings "
            "and locations, which may be older, too.",
            body="",
            tenant=tenant,
        )
        await self.operator_log.record(entry)
        event("generation_restored", logging.WARNING, tenant=tenant, stored=state.fencing_token, fence=highest)
        await self.complete(tenant)

    async def complete(self, tenant: TenantId) -> bool:
        """Complete the tenant's change that is not complete, and return whether there was one.

        Raises Contended if a fence could not be raised. Runs end, and locations go, when it is called again.
        """
        state = (await self.sync_states.get(tenant)).value
        change = state.change
        if change is None:
            return False
        contended = await self._raise_fences(tenant, state.fencing_token)
        connected = await self.connections.find(tenant) is not None
        if state.pending_request is not None and not connected:
            await self._end_waiting(tenant, state.pending_request)
        settled = state
        if contended is None:  # a run whose writers are not fenced off would end without what they still write
            ended = [await self._end_run(tenant, obsolete, connected=connected) for obsolete in change.runs]
            for location in change.deleted:
                await self.location_deletion.begin(tenant, location)
            failed = [run for run in ended if run is not None and run.state is RunState.FAILED]
            settled = await self._settle(tenant, change.version, failed, connected=connected)
        if connected and settled.pending is not None and settled.pending_request is not None:
            waiting = SyncRequest(
                tenant=tenant,
                mode=settled.pending,
                request=settled.pending_request,
                requested_by="configuration",
            )
            await self.queue.send([waiting])
        if contended is not None:
            raise contended
        return True

    async def _end(self, tenant: TenantId, version: int) -> None:
        """Complete a change after it was stored.

        If another worker has completed it before it was stored, a run may have begun with the previous configuration.
        """
        state = (await self.sync_states.get(tenant)).value
        if state.change is None or state.change.version != version:
            await self._begin(tenant)
        await self.complete(tenant)

    async def _unended(self, tenant: TenantId) -> list[RunId]:
        runs = self.runs.list_runs(tenant)
        return [run.id async for run in runs if run.kind is RunKind.SYNC and not run.state.ended]

    @optimistic_update
    async def _begin(
        self,
        tenant: TenantId,
        deleted: LocationId | None = None,
        above: int = 0,
        failed: ObsoleteRun | None = None,
        unended: Sequence[RunId] = (),
    ) -> int:
        """Store what a change will have to do, with a newer fencing token. Return the new config version."""
        state, etag = await self.sync_states.get(tenant)
        if deleted is not None:
            state.require_writing()
        earlier = state.change or ConfigChange(version=state.config_version)
        is_failed = failed is not None and failed.run == state.active_run
        active = failed if is_failed else state.active_run and ObsoleteRun(run=state.active_run)
        lost = [ObsoleteRun(run=run) for run in unended if run not in state.runs]
        change = ConfigChange(
            version=state.config_version + 1,
            runs=(*earlier.runs, *([active] if active else ()), *lost),
            deleted=(*earlier.deleted, deleted) if deleted is not None else earlier.deleted,
        )
        mode = state.pending if is_failed else await self._mode_after(tenant, state)
        begun = TenantState(
            fencing_token=max(state.fencing_token, above) + 1,
            config_version=change.version,
            requests=state.requests,
            summary=state.summary.expired(),
            announced=state.announced,
            unread=state.unread,
            full_at=state.full_at if is_failed else None,
            pending=mode,
            pending_request=(state.pending_request or self.ids.new_run_id()) if mode is not None else None,
            change=change,
            erasing=state.erasing,
            pauses=state.pauses,
            resumed_at=state.resumed_at,
        )
        await self.sync_states.replace(tenant, begun, etag)
        return change.version

    async def _mode_after(self, tenant: TenantId, state: TenantState) -> RunMode | None:
        """Return the mode of the run that follows the change: FULL if the active run or the waiting request is full.

        A preview is not replaced: the person who wants its result can start it again.
        """
        if state.active_run is None:
            return state.pending
        active = await self._find(tenant, state.active_run)
        if active is not None and active.preview:
            return state.pending
        return state.waiting_mode(active.mode if active is not None else RunMode.INCREMENTAL)

    async def _find(self, tenant: TenantId, run: RunId) -> Run | None:
        try:
            return (await self.runs.get(tenant, run)).value
        except NotFound:
            return None

    async def _raise_fences(self, tenant: TenantId, fencing_token: int) -> Contended | None:
        """Raise the fence of every location. Return the error of one that could not be raised.

        A location that has none gets one: its first writer, if there already is one, would insert it.
        """
        slots = asyncio.Semaphore(_AT_ONCE)

        async def attempt(location: LocationId) -> Contended | None:
            async with slots:
                try:
                    await self._raise_fence(tenant, location, fencing_token)
                except Contended as error:
                    return error
            return None

        locations = await self.settings.list_locations(tenant)
        results = await asyncio.gather(*(attempt(location.id) for location in locations))
        return next((error for error in results if error is not None), None)

    @optimistic_update
    async def _raise_fence(self, tenant: TenantId, location: LocationId, fencing_token: int) -> None:
        fence, etag = await self.recipients.get_fence(tenant, location)
        if etag is not None and fence.fencing_token >= fencing_token:
            return  # it already has a newer token
        raised = msgspec.structs.replace(fence, fencing_token=fencing_token)
        await self.recipients.replace_fence(tenant, location, raised, etag)

    @optimistic_update
    async def _settle(self, tenant: TenantId, version: int, failed: Sequence[Run], *, connected: bool) -> TenantState:
        """Remove a change that is complete, and return the state. Another change may have taken it over."""
        state, etag = await self.sync_states.get(tenant)
        if state.change is None or state.change.version != version:
            return state
        summary = state.summary
        for run in failed:
            summary = summary.after(run)
        erasing = tuple(dict.fromkeys((*state.erasing, *state.change.deleted)))
        settled = msgspec.structs.replace(state, change=None, summary=summary, erasing=erasing)
        if not connected:
            settled = settled.without_waiting()
        await self.sync_states.replace(tenant, settled, etag)
        return settled

    async def _end_waiting(self, tenant: TenantId, request: str) -> None:
        """End the run that the API stored for a waiting request, because the directory was disconnected."""
        try:
            run = run_id(request)
        except Rejected:
            return  # a request of the queue or the schedule, whose run is not stored yet
        problem = Problem(
            concerns="run", code="not_connected", detail="The directory was disconnected before the sync started."
        )
        await self.stages.end(tenant, run, RunState.SUPERSEDED, problem, self.clock.now())

    async def _end_run(self, tenant: TenantId, obsolete: ObsoleteRun, *, connected: bool) -> Run | None:
        """End a run, and return it; None if it was never stored, after which it cannot be stored any more."""
        state, problem = RunState.FAILED, obsolete.problem
        if problem is None:
            state = RunState.SUPERSEDED
            detail = "The configuration changed. A new run was started."
            problem = Problem(concerns="run", code="configuration_changed", detail=detail)
            if not connected:
                detail = "The directory was disconnected during the sync."
                problem = Problem(concerns="run", code="not_connected", detail=detail)
        now, spent = self.clock.now(), obsolete.storage_requests
        ended = await self.stages.end(tenant, obsolete.run, state, problem, now, storage_requests=spent)
        if ended is None:
            await self.runs.discard(tenant, obsolete.run)
        if state is RunState.SUPERSEDED:
            event("superseded", tenant=tenant, run=obsolete.run)
        return ended
