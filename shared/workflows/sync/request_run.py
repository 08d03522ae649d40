"""Request a run or a preview, for the API and the portal's "Fetch Directory" button, and plan it immediately."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress

import msgspec

from shared.domain.access.idempotency import IdempotentRequest
from shared.domain.ids import ObjectId, RunId, TenantId
from shared.domain.preferences.preferences import Preferences
from shared.domain.run import Run, RunMode, RunState
from shared.domain.sync.jobs import SyncRequest
from shared.errors import Conflict, NotFound, Rejected, SyncError, Transient
from shared.ports.platform import Clock, IdSource
from shared.ports.queues import JobQueue
from shared.ports.runs import RunStore
from shared.ports.tenants import ConnectionStore, SettingsStore, SyncStateStore, TenantStore
from shared.runtime.optimistic_update import optimistic_update
from shared.telemetry import count_requests, stage
from shared.workflows.idempotency import Idempotency
from shared.workflows.sync.plan import PlanRun


class RequestRun(msgspec.Struct, frozen=True, kw_only=True):
    """Stores a new run and plans it. If that fails, its request is enqueued."""

    tenants: TenantStore
    connections: ConnectionStore
    settings: SettingsStore
    sync_states: SyncStateStore
    runs: RunStore
    queue: JobQueue
    plan: PlanRun
    idempotency: Idempotency
    clock: Clock
    ids: IdSource

    async def __call__(
        self, tenant: TenantId, mode: RunMode, requested_by: str = "api", repeatable: IdempotentRequest | None = None
    ) -> Run:
        """Store a new run, plan it, and return it. The id of the run is that of the request.

        A repeat of the same `repeatable` request returns the run in its current state.

        Raises:
            NotFound: The tenant does not exist.
            Rejected: The connection is off (`not_connected`), or the key was used for another request
                (`idempotency_key_reused`).
        """
        async with self._run_id(tenant, repeatable) as (run, existing):
            return existing or await self._start(await self._run(tenant, mode, requested_by, run))

    @asynccontextmanager
    async def _run_id(
        self, tenant: TenantId, repeatable: IdempotentRequest | None
    ) -> AsyncIterator[tuple[RunId | None, Run | None]]:
        """Yield the id of the new run, None for any, and the run if an earlier request stored it.

        Two concurrent requests may both enqueue. That is harmless: a repeated request is planned once, and the run of
        both is stored once.
        """
        if repeatable is None:
            yield None, None
            return
        await self.tenants.get(tenant)
        async with self.idempotency.reserve(tenant, repeatable) as reservation:
            existing = None
            if not reservation.is_first:
                with suppress(NotFound):
                    existing = (await self.runs.get(tenant, reservation.run)).value
            yield reservation.run, existing
            reservation.keep_answer(b"")

    async def preview(
        self,
        tenant: TenantId,
        mode: RunMode,
        preferences: Preferences | None,
        requested_by: str = "api",
        repeatable: IdempotentRequest | None = None,
        unmapped: ObjectId | None = None,
    ) -> Run:
        """Store and plan a preview, with the given preferences instead of the stored ones, if any.

        With `unmapped`, no location has this group.

        Raises:
            NotFound: The tenant does not exist.
            Rejected: As above, or the preferences are invalid.
            Conflict: A run is active (`run_active`). It would change the recipients during the preview.
        """
        if preferences is not None:
            preferences.require_sense()
            preferences.require_places({location.id for location in await self.settings.list_locations(tenant)})
        async with self._run_id(tenant, repeatable) as (run_id, existing):
            if existing is not None:
                return existing
            run = await self._run(tenant, mode, requested_by, run_id)
            preview = msgspec.structs.replace(run, preview=True, preferences=preferences, unmapped=unmapped)
            return await self._start(preview)

    async def accepting(self, tenant: TenantId, accepted: Mapping[str, tuple[str, ...]], requested_by: str) -> Run:
        """Store and plan a full run that accepts cleared properties, given by the subject of the source.

        Raises:
            NotFound: The tenant does not exist.
            Rejected: The connection is off (`not_connected`).
            Conflict: A run is active (`run_active`). What it reads may differ from what is accepted.
        """
        run = await self._run(tenant, RunMode.FULL, requested_by, None)
        return await self._start(msgspec.structs.replace(run, accepted=dict(accepted)))

    @optimistic_update
    async def _announce(self, run: Run) -> None:
        """Name the run in the tenant's state, so that the watchdog finds it if this process dies.

        Raises for a run that must be alone: Conflict (`run_active`) while another one is active, and, unless it is a
        preview, Paused.
        """
        state, etag = await self.sync_states.get(run.tenant)
        if run.must_be_alone and not run.preview:
            state.require_writing()
        if run.must_be_alone and state.active_run not in {None, run.id}:
            raise Conflict("A run is in progress. Wait until it ends, then try again.", code="run_active")
        announced = state.with_announced(run.id)
        if announced != state:
            await self.sync_states.replace(run.tenant, announced, etag)

    async def _start(self, run: Run) -> Run:
        """Announce the run, store it, plan it, and return it as it is stored then."""
        await self._announce(run)
        # The run first: a request without a stored preview would be planned as a sync, and a request that joins a
        # waiting one ends its stored run.
        await self.runs.insert(run)
        request = SyncRequest(tenant=run.tenant, mode=run.mode, request=run.id, requested_by=run.requested_by)
        try:
            with stage("plan", tenant=run.tenant, run=run.id), count_requests() as counters:
                await self.plan(request, counters)
        except (Conflict, Transient):
            await self._send(run, request)
        return (await self.runs.get(run.tenant, run.id)).value

    async def _send(self, run: Run, request: SyncRequest) -> None:
        """Enqueue the request of a run that could not be planned. If it cannot be sent, the run ends as failed."""
        try:
            await self.queue.send([request])
        except SyncError:
            stored = await self.runs.get(run.tenant, run.id)
            if not stored.value.state.ended:
                failed = msgspec.structs.replace(stored.value, state=RunState.FAILED, finished_at=run.requested_at)
                await self.runs.replace(failed, stored.etag)
            raise

    async def _run(self, tenant: TenantId, mode: RunMode, requested_by: str, run_id: RunId | None) -> Run:
        await self.tenants.get(tenant)
        if await self.connections.find(tenant) is None:
            raise Rejected("The directory is not connected: connect it before syncing.", code="not_connected")
        now = self.clock.now()
        return Run(
            id=run_id or self.ids.new_run_id(),
            tenant=tenant,
            mode=mode,
            state=RunState.PLANNING,
            requested_at=now,
            requested_by=requested_by,
        )
