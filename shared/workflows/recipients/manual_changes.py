"""Manual changes: a person's changes to recipients, fenced and journalled like a sync and listed in the history.

A manual change neither waits in a queue nor blocks the tenant. A sync that begins during the change takes the
location over, and the request ends with a conflict. Concurrent manual changes of a location are written one after the
other: the one that loses the race reads the recipients again and decides again.

A change is announced as a run before it is written, and closed afterwards. If its worker dies in between, the watchdog
closes it with what its journal has.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from typing import Final

import msgspec

from shared.domain.ids import LocationId, RunId, TenantId
from shared.domain.preferences.group_mapping import Location
from shared.domain.problem import Problem
from shared.domain.recipient import Counts, Recipient, Status
from shared.domain.reconcile.write import Write
from shared.domain.run import HeldDecision, LocationReport, Run, RunKind, RunMode, RunState
from shared.errors import Conflict, Contended, ETagConflict, NotFound, Superseded, SyncError, Transient
from shared.ports.platform import Clock, IdSource
from shared.ports.recipients import RecipientStore
from shared.ports.runs import RunStore
from shared.ports.tenants import SettingsStore, SyncStateStore, TenantStore
from shared.runtime.optimistic_update import optimistic_update
from shared.telemetry import event
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
#: Problem of a change that was not written as a whole.
_INTERRUPTED: Final = Problem(
    concerns="run",
    code="interrupted",
    detail="The change was interrupted. What it had written until then stays; it can be undone.",
)
#: Function from the stored recipients of a location to the writes of the change. It may be called several times.
Decide = Callable[[Sequence[Recipient]], Awaitable[Sequence[Write]]]
_Begin = Callable[[SyncStateStore, RecipientStore, TenantId, LocationId, str], Awaitable[FencedWriter]]


class GivenUp(Superseded):
    """A change ends without its worker, which may write nothing more: `problem` says why it ends."""

    def __init__(self, run: RunId, problem: Problem) -> None:
        super().__init__(f"The change {run} was given up.")
        self.problem = problem


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

    @asynccontextmanager
    async def announced(
        self,
        tenant: TenantId,
        run: RunId,
        kind: RunKind,
        by: str,
        locations: Collection[LocationId],
        undoes: RunId | None = None,
    ) -> AsyncIterator[None]:
        """Announce a change that is written inside this context, where `record` must close it.

        If it fails, it is closed with what was written. A change that has written nothing is not in the history. Where
        its writes cannot be fenced off, because a sync is active or writing is paused, the watchdog closes it later.
        """
        now = self.clock.now()
        await self.sync_states.announce_manual(tenant, run, now)
        change = Run(
            id=run,
            tenant=tenant,
            mode=RunMode.FULL,
            state=RunState.RECONCILING,
            requested_at=now,
            requested_by=by,
            locations={location: LocationReport() for location in locations},
            kind=kind,
            undoes=undoes,
        )
        await self.runs.insert(change)
        try:
            yield
        except Transient:  # a write that was not answered may still arrive
            with suppress(SyncError):
                await self._close_abandoned(tenant, run)
            raise
        except SyncError:
            await self.close(tenant, run)
            raise

    async def close_abandoned(self, stale_after_s: float) -> None:
        """Close the changes whose workers have died. A failure for one of them does not affect the others."""
        stale = self.clock.now() - timedelta(seconds=stale_after_s)
        async for tenant, run, at in self.sync_states.list_manual():
            if at <= stale:
                try:
                    await self._close_abandoned(tenant, run)
                except SyncError as error:
                    event("close_failed", tenant=tenant, run=run, code=error.code)

    async def _close_abandoned(self, tenant: TenantId, run: RunId) -> None:
        """Fence off the worker of a change, in case it still runs, and close the change.

        That it ends is stored first: a worker that takes a fence back afterwards finds it, and writes nothing.
        While a sync is active, which fences the worker off itself, or writing is paused, the change is left to a later
        call.
        """
        state = (await self.sync_states.get(tenant)).value
        if state.active_run is not None or state.pauses:
            return
        try:
            for location in await self._give_up(tenant, run):
                await acquire_for_manual_change(
                    self.sync_states, self.recipients, tenant, location, self.ids.new_attempt_id()
                )
        except Superseded:
            return  # a sync has begun
        except NotFound:
            pass  # the change is closed, or was never stored
        await self.close(tenant, run)

    @optimistic_update
    async def _give_up(self, tenant: TenantId, run: RunId) -> Collection[LocationId]:
        """Store that a change ends without its worker, and return its locations. Raises NotFound if it is gone."""
        stored = await self.runs.get(tenant, run)
        if not stored.value.state.ended and not stored.value.problems:
            await self.runs.replace(msgspec.structs.replace(stored.value, problems=(_INTERRUPTED,)), stored.etag)
        return stored.value.locations

    async def close(self, tenant: TenantId, run: RunId) -> None:
        """Close an announced change with what its journal has.

        If it is not stored, the worker that announced it cannot store it any more.
        """
        try:
            change = (await self.runs.get(tenant, run)).value
        except NotFound:
            await self.runs.discard(tenant, run)
        else:
            await self._close(change)
        await self.sync_states.settle_manual(tenant, run)

    async def _close(self, change: Run) -> None:
        if change.state.ended:
            return
        tenant, run = change.tenant, change.id
        reports = {
            location: LocationReport(
                counts=await self.recipients.get_journal_counts(tenant, location, run), compared=False
            )
            for location in change.locations
        }
        if all(report.counts == Counts() for report in reports.values()):
            await self.runs.discard(tenant, run)
        else:
            await self.record(tenant, run, reports, problem=_INTERRUPTED)

    async def _require_open(self, tenant: TenantId, run: RunId) -> None:
        """Raise Superseded if the change was closed, or GivenUp if it is about to be: nothing may be written then."""
        try:
            change = (await self.runs.get(tenant, run)).value
        except NotFound:
            change = None
        if change is None or change.state.ended:
            raise Superseded(f"The change {run} was closed.", code="superseded")
        if change.problems:
            raise GivenUp(run, change.problems[0])

    async def _require_configured(self, tenant: TenantId, location: LocationId) -> None:
        if (await self.settings.find_location(tenant, location)).value is None:
            raise Superseded(f"{location} was deleted.", code="superseded")

    async def acquire(self, tenant: TenantId, location: LocationId, run: RunId) -> FencedWriter:
        """Acquire the fence of a location. Raises Superseded if something else uses or deleted it, or the run ends."""
        return await self._writer(acquire_for_manual_change, tenant, location, run)

    async def _writer(self, begin: _Begin, tenant: TenantId, location: LocationId, run: RunId) -> FencedWriter:
        try:
            fenced = await begin(self.sync_states, self.recipients, tenant, location, self.ids.new_attempt_id())
        except FencedOff as error:
            await self.running_work.restore(tenant, error.token)
            raise
        # After the fence was read: who gives the change up, or deletes the location, stores this before the fence.
        await asyncio.gather(self._require_open(tenant, run), self._require_configured(tenant, location))
        return fenced

    async def write(
        self, tenant: TenantId, run: RunId, location: LocationId, by: str, decide: Decide
    ) -> LocationReport:
        """Write what `decide` returns for the stored recipients, and return the report of the location.

        The first batch is written only if the fence is the one that was read before the recipients.

        Raises:
            Conflict: A sync is in progress or takes the location over (`run_active`).
            Paused: An operator has paused writing.
            Contended: Other changes of the location came first at every attempt.
        """
        attempts = 0

        @optimistic_update
        async def attempt() -> tuple[Sequence[Recipient], Sequence[Write]]:
            nonlocal attempts
            attempts += 1
            try:
                fenced = await self._writer(prepare_for_manual_change, tenant, location, run)
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

        Raises Paused if an operator has paused writing, and NotFound if the location was deleted.
        """
        await self.require_location(tenant, location)
        state = (await self.sync_states.get(tenant)).value
        state.require_writing()
        if state.active_run is not None:
            return Conflict(SYNC_ACTIVE, code="run_active")
        return ETagConflict("Another change of the location came first.")

    async def record(
        self,
        tenant: TenantId,
        run: RunId,
        locations: dict[LocationId, LocationReport],
        decision: HeldDecision | None = None,
        problem: Problem | None = None,
    ) -> Run:
        """Close an announced change with its reports, update the tenant's summary, and return the run.

        A change with a problem has failed, unless it is an edit, which is written as a whole.
        """
        change = await self._end(tenant, run, locations, decision, problem)
        await self.sync_states.settle_manual(tenant, run)
        with suppress(Contended):  # the change is done; the next sync corrects the summary
            await revise(self.sync_states, tenant, lambda summary: summary.moved(change.counts.net))
        return change

    @optimistic_update
    async def _end(
        self,
        tenant: TenantId,
        run: RunId,
        locations: dict[LocationId, LocationReport],
        decision: HeldDecision | None,
        problem: Problem | None,
    ) -> Run:
        stored = await self.runs.get(tenant, run)
        is_whole = problem is None or stored.value.kind is RunKind.EDIT
        change = msgspec.structs.replace(
            stored.value,
            state=RunState.DONE if is_whole else RunState.FAILED,
            finished_at=self.clock.now(),
            counts=sum((report.counts for report in locations.values()), Counts()),
            locations=locations,
            decision=decision,
            problems=() if is_whole or problem is None else (problem,),
        )
        await self.runs.replace(change, stored.etag)
        return change
