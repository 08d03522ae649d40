"""Changes that a person makes to recipients: fenced and journalled like a run's, and a run of the history.

They wait for no queue and take no tenant: a sync that begins meanwhile takes the location over; the person is told.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from shared.domain.ids import LocationId, RunId, TenantId
from shared.domain.recipient import Counts, Recipient, Status
from shared.domain.reconcile.decide import Write
from shared.domain.run import LocationReport, Run, RunKind, RunMode, RunState
from shared.errors import Conflict, NotFound, Superseded
from shared.ports.platform import Clock, IdSource
from shared.ports.recipients import RecipientStore
from shared.ports.runs import RunStore
from shared.ports.tenants import SettingsStore, SyncStateStore, TenantStore
from shared.workflows.recipients.fenced_writer import acquire_for_manual_change
from shared.workflows.tenants.summary import revise

#: What is to be written, given what is stored.
Decide = Callable[[Sequence[Recipient]], Sequence[Write]]


@dataclass(frozen=True, slots=True, kw_only=True)
class ManualChanges:
    """Writes what a person has decided."""

    tenants: TenantStore
    settings: SettingsStore
    sync_states: SyncStateStore
    runs: RunStore
    recipients: RecipientStore
    clock: Clock
    ids: IdSource

    async def require_location(self, tenant: TenantId, location: LocationId) -> None:
        """Hold if the tenant has the location. Raises: NotFound."""
        await self.tenants.get(tenant)
        if location not in {each.id for each in await self.settings.list_locations(tenant)}:
            raise NotFound(f"Location {location!r} does not exist in tenant {tenant!r}.", code="location_not_found")

    async def stored(self, tenant: TenantId, location: LocationId) -> list[Recipient]:
        """Return a location's recipients."""
        return [recipient async for recipient in self.recipients.list_recipients(tenant, location)]

    def new_run(self) -> RunId:
        """Return the id of a change by hand."""
        return self.ids.new_run_id()

    async def write(
        self, tenant: TenantId, run: RunId, location: LocationId, by: str, decide: Decide
    ) -> LocationReport:
        """Write what is decided of what is stored then, and return what that was.

        Raises: Conflict (`run_active`) while a sync is under way, or when one takes the location over.
        """
        try:
            fenced = await acquire_for_manual_change(
                self.sync_states, self.recipients, tenant, location, self.ids.new_attempt_id()
            )
            stored = await self.stored(tenant, location)
            writes = decide(stored)
            await fenced.write(writes, run=run, actor=by, at=self.clock.now())
        except Superseded as error:
            raise Conflict("A sync is in progress. Wait until it ends, then try again.", code="run_active") from error
        after = {each.id: each.status for each in stored} | {
            each.recipient.id: each.recipient.status for each in writes
        }
        return LocationReport(
            counts=Counts.of([each.change for each in writes]),
            active=sum(status is Status.ACTIVE for status in after.values()),
        )

    async def record(
        self,
        tenant: TenantId,
        run: RunId,
        kind: RunKind,
        by: str,
        locations: dict[LocationId, LocationReport],
        undoes: RunId | None = None,
    ) -> Run:
        """Leave the change in the history, and return it as it stands there."""
        now = self.clock.now()
        made = Run(
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
        )
        await self.runs.insert(made)
        more = made.counts.created + made.counts.reactivated - made.counts.deactivated
        await revise(self.sync_states, tenant, lambda known: known.moved(more))
        return made
