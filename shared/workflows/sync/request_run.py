"""Request a run: what the API and the button "Fetch Directory" do."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

import msgspec

from shared.domain.access.idempotency import IdempotentRequest
from shared.domain.ids import RunId, TenantId
from shared.domain.preferences.preferences import Preferences
from shared.domain.run import Run, RunMode, RunState
from shared.domain.sync.jobs import SyncRequest
from shared.errors import Conflict, NotFound, Rejected, SyncError
from shared.ports.platform import Clock, IdSource
from shared.ports.queues import JobQueue
from shared.ports.runs import RunStore
from shared.ports.tenants import ConnectionStore, SettingsStore, SyncStateStore, TenantStore
from shared.workflows.idempotency import Idempotency


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestRun:
    """Announces a run and asks for it."""

    tenants: TenantStore
    connections: ConnectionStore
    settings: SettingsStore
    sync_states: SyncStateStore
    runs: RunStore
    queue: JobQueue
    idempotency: Idempotency
    clock: Clock
    ids: IdSource

    async def __call__(
        self, tenant: TenantId, mode: RunMode, requested_by: str = "api", repeatable: IdempotentRequest | None = None
    ) -> Run:
        """Leave the run announced and its request in the queue; the run's id is the request's.

        Asked again by the same `repeatable` request it is the same run, as it stands then.
        Raises: NotFound for an unknown tenant; Rejected (`not_connected`) while its connection is off, or
        (`idempotency_key_reused`).
        """
        async with self._id(tenant, repeatable) as (run, made):
            return made or await self._sync(tenant, mode, requested_by, run)

    @asynccontextmanager
    async def _id(
        self, tenant: TenantId, repeatable: IdempotentRequest | None
    ) -> AsyncIterator[tuple[RunId | None, Run | None]]:
        """Give the id of the run to come, None for any, and the run if an earlier request has made it.

        Of two at once both may send the request: a request that comes twice is planned once, and a run that is
        announced twice is stored once.
        """
        if repeatable is None:
            yield None, None
            return
        await self.tenants.get(tenant)
        async with self.idempotency.reserve(tenant, repeatable) as reservation:
            made = None
            if not reservation.is_first:
                with suppress(NotFound):
                    made = (await self.runs.get(tenant, reservation.run)).value
            yield reservation.run, made
            reservation.keep_answer(b"")

    async def _sync(self, tenant: TenantId, mode: RunMode, requested_by: str, known: RunId | None) -> Run:
        run = await self._run(tenant, mode, requested_by, known)
        # the request first: if it cannot be sent, no run is announced that never comes; if the run is planned before it
        # is announced, what is stored stays
        await self._ask(run)
        await self.runs.insert(run)
        return run

    async def preview(
        self,
        tenant: TenantId,
        mode: RunMode,
        preferences: Preferences | None,
        requested_by: str = "api",
        repeatable: IdempotentRequest | None = None,
    ) -> Run:
        """Leave a preview announced and asked for, with other preferences than the stored ones if they are given.

        Raises: as above; Conflict (`run_active`) while a run is under way: it would change what is previewed.
        """
        if preferences is not None:
            preferences.require_sense()
            preferences.require_places({each.id for each in await self.settings.list_locations(tenant)})
        async with self._id(tenant, repeatable) as (run, made):
            return made or await self._preview(tenant, mode, preferences, requested_by, run)

    async def _preview(
        self, tenant: TenantId, mode: RunMode, preferences: Preferences | None, requested_by: str, known: RunId | None
    ) -> Run:
        run = msgspec.structs.replace(
            await self._run(tenant, mode, requested_by, known), preview=True, preferences=preferences
        )
        now = run.requested_at
        if (await self.sync_states.get(tenant)).value.active_run not in {None, run.id}:
            raise Conflict("A run is in progress. Wait until it ends, then start the preview.", code="run_active")
        # announced first: what is not announced would be planned as a run
        await self.runs.insert(run)
        try:
            await self._ask(run)
        except SyncError:
            stored = await self.runs.get(tenant, run.id)
            await self.runs.replace(msgspec.structs.replace(run, state=RunState.FAILED, finished_at=now), stored.etag)
            raise
        return run

    async def _run(self, tenant: TenantId, mode: RunMode, requested_by: str, known: RunId | None) -> Run:
        await self.tenants.get(tenant)
        if await self.connections.find(tenant) is None:
            raise Rejected("The directory is not connected: connect it before syncing.", code="not_connected")
        now = self.clock.now()
        return Run(
            id=known or self.ids.new_run_id(),
            tenant=tenant,
            mode=mode,
            state=RunState.PLANNING,
            requested_at=now,
            requested_by=requested_by,
        )

    async def _ask(self, run: Run) -> None:
        request = SyncRequest(tenant=run.tenant, mode=run.mode, request=run.id, requested_by=run.requested_by)
        await self.queue.request(request)
