"""Emergency stop: pauses all writing to recipients, of one tenant or of all, and resumes it.

A pause is stored in the tenant's state, which every writer reads after it has acquired or read a fence. Then every
fence of the tenant is taken, so that a writer which had read the state before fails at its next batch. Fencing tokens
stay as they are: the active run continues after the pause, and held deactivations can still be approved.
docs/decisions/0034-stop-all-writing-without-ending-runs.md explains the order.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

import msgspec

from shared.domain.ids import LocationId, TenantId
from shared.domain.operations.operator_log import PAUSE, OperatorLogEntry
from shared.domain.pause import Pause, PauseOfAll, PauseScope
from shared.domain.run import TenantState
from shared.domain.sync.jobs import SyncRequest
from shared.errors import SyncError
from shared.ports.operations import OperatorLog
from shared.ports.platform import Clock, IdSource
from shared.ports.queues import JobSender
from shared.ports.recipients import RecipientStore
from shared.ports.tenants import SettingsStore, SyncStateStore, TenantStore
from shared.runtime.optimistic_update import optimistic_update
from shared.telemetry import event
from shared.workflows.sync.restart_on_change import RestartOnChange

#: Maximum number of tenants that are paused or resumed concurrently.
_AT_ONCE: Final = 16


class EmergencyStop(msgspec.Struct, frozen=True, kw_only=True):
    """Pauses and resumes writing. Every call can be repeated, and then completes what an earlier one left undone."""

    tenants: TenantStore
    settings: SettingsStore
    sync_states: SyncStateStore
    recipients: RecipientStore
    changes: RestartOnChange
    queue: JobSender
    operator_log: OperatorLog
    clock: Clock
    ids: IdSource

    async def get(self, tenant: TenantId) -> tuple[Pause, ...]:
        """Return the pauses of a tenant, none while it is written to. Raises NotFound if it does not exist."""
        await self.tenants.get(tenant)
        return (await self.sync_states.get(tenant)).value.pauses

    async def is_paused(self, tenant: TenantId) -> bool:
        """Return whether writing to a tenant's recipients is paused."""
        return bool((await self.sync_states.get(tenant)).value.pauses)

    async def find_of_all(self) -> PauseOfAll | None:
        """Return the pause of all tenants, also while it is being lifted; None without one."""
        return (await self.sync_states.find_pause()).value

    async def pause(self, tenant: TenantId, by: str) -> tuple[Pause, ...]:
        """Pause a tenant, and return its pauses. Afterwards, nothing is written to its recipients.

        Raises:
            NotFound: The tenant does not exist.
            Contended: A fence could not be taken, or a change of configuration not be completed; repeat the call.
        """
        await self.tenants.get(tenant)
        await self._pause(tenant, self._new(PauseScope.TENANT, by))
        pauses = (await self.sync_states.get(tenant)).value.pauses
        for pause in pauses:
            if pause.scope is PauseScope.TENANT:
                await self._record("paused", pause, by, tenant)
        return pauses

    async def resume(self, tenant: TenantId, by: str) -> tuple[Pause, ...]:
        """End the pause of a tenant, and return those that remain: it stays paused while all are.

        Raises NotFound if the tenant does not exist.
        """
        await self.tenants.get(tenant)
        pauses = (await self.sync_states.get(tenant)).value.pauses
        own = [pause for pause in pauses if pause.scope is PauseScope.TENANT]
        for pause in own:
            await self._record("resumed", pause, by, tenant)
            await self._lift(tenant, pause.id)
        return tuple(pause for pause in pauses if pause not in own)

    async def pause_all(self, by: str) -> PauseOfAll:
        """Pause all tenants, and return the pause. Afterwards, nothing is written to recipients of any tenant.

        If the call ends early, repeat it. The watchdog pauses the tenants that are left at its next look. Raises the
        last error, after trying all tenants.
        """
        stored = await self._begin_pause(self._new(PauseScope.ALL, by))
        await self._record("paused", stored.pause, by)
        await self._pause_all(stored)
        return stored

    async def resume_all(self, by: str) -> None:
        """End the pause of all tenants. Tenants that were paused on their own stay paused. Raises as `pause_all`."""
        stored = await self.find_of_all()
        if stored is None:
            await self._for_all(self._lift_left_over)
            return
        await self._record("resumed", stored.pause, by)
        await self._lift_all(await self._begin_lifting(stored))

    async def pause_new(self, tenant: TenantId) -> None:
        """Pause a tenant that was just created if all are paused."""
        stored = await self.find_of_all()
        if stored is not None and not stored.lifting:
            await self._pause(tenant, stored.pause)

    async def complete(self) -> None:
        """Complete an interrupted pause or resumption of all tenants."""
        stored = await self.find_of_all()
        if stored is None:
            return
        if stored.lifting:
            await self._lift_all(stored)
            return

        await self._pause_all(stored, only_left=True)

    def _new(self, scope: PauseScope, by: str) -> Pause:
        return Pause(id=self.ids.new_attempt_id(), scope=scope, at=self.clock.now(), by=by)

    async def _pause(self, tenant: TenantId, pause: Pause) -> None:
        """Store a pause in the tenant's state, and fence off its writers."""
        await self._store(tenant, pause)
        await self.changes.complete(tenant)  # it may delete recipients
        for location in await self.settings.list_locations(tenant):
            await self._take_fence(tenant, location.id)

    @optimistic_update
    async def _store(self, tenant: TenantId, pause: Pause) -> None:
        state, etag = await self.sync_states.get(tenant)
        paused = state.with_pause(pause)
        if paused != state:
            await self.sync_states.replace(tenant, paused, etag)
            event("paused", tenant=tenant, scope=pause.scope)

    @optimistic_update
    async def _take_fence(self, tenant: TenantId, location: LocationId) -> None:
        """Make the next batch of a location's writer fail. The first writer of a location would insert its fence."""
        fence, etag = await self.recipients.get_fence(tenant, location)
        taken = msgspec.structs.replace(fence, attempt=self.ids.new_attempt_id(), operation=0)
        await self.recipients.replace_fence(tenant, location, taken, etag)

    async def _lift(self, tenant: TenantId, pause: str) -> None:
        """Remove a pause from the tenant's state, and send its waiting request if none is left.

        If the worker dies before it sends, the watchdog sends the request.
        """
        state = await self._remove(tenant, pause)
        if not state.pauses and state.active_run is None and state.pending and state.pending_request:
            request = SyncRequest(
                tenant=tenant, mode=state.pending, request=state.pending_request, requested_by="pending"
            )
            await self.queue.send([request])

    @optimistic_update
    async def _remove(self, tenant: TenantId, pause: str) -> TenantState:
        state, etag = await self.sync_states.get(tenant)
        resumed = state.without_pause(pause, self.clock.now())
        if resumed != state:
            await self.sync_states.replace(tenant, resumed, etag)
            event("resumed_writing", tenant=tenant)
        return resumed

    @optimistic_update
    async def _begin_pause(self, pause: Pause) -> PauseOfAll:
        """Store the pause of all tenants, unless there is one, and return the stored one."""
        stored, etag = await self.sync_states.find_pause()
        if stored is not None and not stored.lifting:
            return stored
        begun = PauseOfAll(pause=pause)
        await self.sync_states.replace_pause(begun, etag)
        return begun

    @optimistic_update
    async def _begin_lifting(self, begun: PauseOfAll) -> PauseOfAll:
        """Mark the pause of all tenants as ended, unless it is another one or is gone."""
        lifting = PauseOfAll(pause=begun.pause, lifting=True)
        stored, etag = await self.sync_states.find_pause()
        if stored == begun and stored != lifting:
            await self.sync_states.replace_pause(lifting, etag)
        return lifting

    async def _pause_all(self, stored: PauseOfAll, *, only_left: bool = False) -> None:
        """Pause all tenants, or those that are left. If an operator resumes them at the same time, that wins."""

        async def pause(tenant: TenantId) -> None:
            if not only_left or stored.pause not in (await self.sync_states.get(tenant)).value.pauses:
                await self._pause(tenant, stored.pause)

        await self._for_all(pause)
        if await self.find_of_all() != stored:
            await self._for_all(lambda tenant: self._lift(tenant, stored.pause.id))

    async def _lift_left_over(self, tenant: TenantId) -> None:
        for pause in (await self.sync_states.get(tenant)).value.pauses:
            if pause.scope is PauseScope.ALL:
                await self._lift(tenant, pause.id)

    async def _lift_all(self, stored: PauseOfAll) -> None:
        await self._for_all(lambda tenant: self._lift(tenant, stored.pause.id))
        await self._end_lifting(stored)

    @optimistic_update
    async def _end_lifting(self, lifted: PauseOfAll) -> None:
        """Delete the pause of all tenants, unless an operator has paused them again."""
        stored, etag = await self.sync_states.find_pause()
        if stored == lifted and etag is not None:
            await self.sync_states.delete_pause(etag)

    async def _for_all(self, do: Callable[[TenantId], Awaitable[None]]) -> None:
        """Do something for every tenant. Raises the last error, after all of them were tried."""
        slots, failures = asyncio.Semaphore(_AT_ONCE), list[SyncError]()

        async def attempt(tenant: TenantId) -> None:
            async with slots:
                try:
                    await do(tenant)
                except SyncError as error:
                    event("pause_failed", tenant=tenant, code=error.code)
                    failures.append(error)

        tenants = [tenant.id async for tenant in self.tenants.list_tenants()]
        await asyncio.gather(*(attempt(tenant) for tenant in tenants))
        if failures:
            raise failures[-1]

    async def _record(self, code: str, pause: Pause, by: str, tenant: TenantId | None = None) -> None:
        """Record in the operator log who paused or resumed what. Recording it again changes nothing."""
        subject = f"tenant {tenant}" if tenant is not None else "all tenants"
        detail = {
            "paused": f"All writing to recipients of {subject} was paused by {by}. Nothing is lost: work waits.",
            "resumed": f"The pause of {subject} since {pause.at:%Y-%m-%d %H:%M} UTC was ended by {by}.",
        }[code]
        entry = OperatorLogEntry(
            id=f"{code}-{pause.id}", at=self.clock.now(), queue=PAUSE, code=code, detail=detail, body="", tenant=tenant
        )
        await self.operator_log.record(entry)
