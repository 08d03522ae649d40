"""Manual changes: a person's changes to recipients, fenced and journalled like a sync and listed in the history.

A manual change neither waits in a queue nor blocks the tenant. A sync that begins during the change takes the
location over, and the request ends with a conflict. Concurrent manual changes of a location are written one after the
other: the one that loses the race reads the recipients again and decides again.
"""

from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Final

import msgspec

from shared.domain.ids import LocationId, RunId, TenantId
from shared.domain.preferences.group_mapping import Location
from shared.domain.recipient import Counts, Recipient, Status
from shared.domain.reconcile.write import Write
from shared.domain.run import HeldDecision, LocationReport, Run, RunKind, RunMode, RunState
from shared.errors import Conflict, Contended, ETagConflict, NotFound, Superseded
from shared.ports.platform import Clock, IdSource
from shared.ports.recipients import RecipientStore
from shared.ports.runs import RunStore
from shared.ports.tenants import SettingsStore, SyncStateStore, TenantStore
from shared.runtime.optimistic_update import optimistic_update
from shared.workflows.connections.connect import RunningWork
from shared.workflows.recipients.fenced_writer import (
    FencedOff,
    FencedWriter,
    acquire_for_manual_change,
    prepare_for_manual_change,
)
from shared.workflows.tenants.summary import revise

#: What an admin reads while a sync uses the location.
SYNC_ACTIVE: Final = "A sync is in progress. Wait until it ends, then try again."
#: Function from the stored recipients of a location to the writes of the change. It may be called several times.
Decide = Callable[[Sequence[Recipient]], Awaitable[Sequence[Write]]]
_Begin = Callable[[SyncStateStore, RecipientStore, TenantId, LocationId, str], Awaitable[FencedWriter]]


class ManualChanges(msgspec.Struct, frozen=True, kw_only=True):
    """Writes a person's changes to recipients and records them in the history."""

    tenants: TenantStore
    settings: SettingsStore
    sync_states: SyncStateStore
    runs: RunStore
    recipients: RecipientStore
    running_work: RunningWork
    clock: Clock
    ids: IdSource

    async def require_location(self, tenant: TenantId, location: LocationId) -> Location:
        """Return the location. Raises NotFound if the tenant does not exist or does not have it."""
        await self.tenants.get(tenant)
        stored = (await self.settings.find_location(tenant, location)).value
        if stored is None:
            raise NotFound(f"Location {location!r} does not exist in tenant {tenant!r}.", code="location_not_found")
        return stored

    async def stored(self, tenant: TenantId, location: LocationId) -> list[Recipient]:
        """Return the recipients of a location."""
        return [recipient async for recipient in self.recipients.list_recipients(tenant, location)]

    def new_run(self) -> RunId:
        """Return a new run id for a manual change."""
        return self.ids.new_run_id()

    async def acquire(self, tenant: TenantId, location: LocationId) -> FencedWriter:
        """Acquire the fence of a location. Raises Superseded if something else uses or deleted the location."""
        fenced = await self._writer(acquire_for_manual_change, tenant, location)
        if location not in {configured.id for configured in await self.settings.list_locations(tenant)}:
            raise Superseded(f"{location} was deleted", code="superseded")
        return fenced

    async def _writer(self, begin: _Begin, tenant: TenantId, location: LocationId) -> FencedWriter:
        try:
            return await begin(self.sync_states, self.recipients, tenant, location, self.ids.new_attempt_id())
        except FencedOff as error:
            await self.running_work.restore(tenant, error.token)
            raise

    async def write(
        self, tenant: TenantId, run: RunId, location: LocationId, by: str, decide: Decide
    ) -> LocationReport:
        """Write what `decide` returns for the stored recipients, and return the report of the location.

        The first batch is written only if the fence is the one that was read before the recipients.

        Raises:
            Conflict: A sync is in progress or takes the location over (`run_active`).
            Contended: Other changes of the location came first at every attempt.
        """
        attempts = 0

        @optimistic_update
        async def attempt() -> tuple[Sequence[Recipient], Sequence[Write]]:
            nonlocal attempts
            attempts += 1
            try:
                fenced = await self._writer(prepare_for_manual_change, tenant, location)
                stored = await self.stored(tenant, location)
                writes = await decide(stored)
                await fenced.write(writes, run=run, actor=by, at=self.clock.now())
            except Superseded as error:
                raise await self.lost_race(tenant, location) from error
            return stored, writes

        stored, writes = await attempt()
        counts = Counts.of([write.change for write in writes])
        if attempts > 1:  # an attempt that lost the race after its first batch has written a part
            counts = await self.recipients.get_journal_counts(tenant, location, run)
        after = {recipient.id: recipient.status for recipient in stored} | {
            write.recipient.id: write.recipient.status for write in writes
        }
        return LocationReport(counts=counts, active=sum(status is Status.ACTIVE for status in after.values()))

    async def lost_race(self, tenant: TenantId, location: LocationId) -> Conflict:
        """Return the error of a change that was fenced off: `run_active` for a sync, ETagConflict for another change.

        Raises NotFound if the location was deleted.
        """
        await self.require_location(tenant, location)
        if (await self.sync_states.get(tenant)).value.active_run is not None:
            return Conflict(SYNC_ACTIVE, code="run_active")
        return ETagConflict("Another change of the location came first.")

    async def record(
        self,
        tenant: TenantId,
        run: RunId,
        kind: RunKind,
        by: str,
        locations: dict[LocationId, LocationReport],
        undoes: RunId | None = None,
        decision: HeldDecision | None = None,
    ) -> Run:
        """Add the change to the history as a run, update the tenant's summary, and return the run."""
        now = self.clock.now()
        change = Run(
            id=run,
            tenant=tenant,
            mode=RunMode.FULL,
            state=RunState.DONE,
            requested_at=now,
            requested_by=by,
            finished_at=now,
            counts=sum((report.counts for report in locations.values()), Counts()),
            locations=locations,
            kind=kind,
            undoes=undoes,
            decision=decision,
        )
        await self.runs.insert(change)
        with suppress(Contended):  # the change is done; the next sync corrects the summary
            await revise(self.sync_states, tenant, lambda summary: summary.moved(change.counts.net))
        return change
