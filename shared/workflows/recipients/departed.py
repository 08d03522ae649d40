"""Departed recipients: deletes those that were deactivated long ago, if no source names the person any more."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Final

import msgspec

from shared.domain.ids import LocationId, ObjectId, RecipientId, SourceId, TenantId
from shared.domain.recipient import Origin, Recipient, Status
from shared.domain.reconcile.matching import Matching
from shared.domain.run import Plan, RunState, TenantState
from shared.domain.sync.jobs import FetchOutcome
from shared.errors import NotFound, Paused, SnapshotIncomplete, Superseded
from shared.ports.platform import IdSource
from shared.ports.recipients import RecipientStore
from shared.ports.runs import RunStore
from shared.ports.snapshots import SnapshotStore
from shared.ports.tenants import SettingsStore, SyncStateStore
from shared.runtime.fair_scheduler import cpu_slice
from shared.telemetry import event
from shared.workflows.recipients.fenced_writer import acquire_for_manual_change
from shared.workflows.snapshots.reader import stored_partitions

#: Maximum number of recipients of a location that one call deletes.
MOST: Final = 2_000


class DepartedRecipients(msgspec.Struct, frozen=True, kw_only=True):
    """Deletes recipients whose rows nothing needs: the next sync decides as before.

    A recipient is kept while the last run's sources name its account, or a value by which it can be matched. One that a
    file or a person created and a person deactivated is kept for good, because a file could bring it back.
    """

    settings: SettingsStore
    sync_states: SyncStateStore
    runs: RunStore
    snapshots: SnapshotStore
    recipients: RecipientStore
    ids: IdSource

    async def delete(self, tenant: TenantId, before: datetime) -> None:
        """Delete up to `MOST` recipients per location that were deactivated before this time.

        Does nothing unless the settings are those of the tenant's last run, it read the directory, and none is active;
        and nothing at a location with a source that this run could not read.
        """
        state = (await self.sync_states.get(tenant)).value
        plan = await self._last_plan(tenant, state)
        if plan is None:
            return
        unread = await self._unread(plan)
        departed = {
            location.id: await self._departed(tenant, location.id, before, plan)
            for location in await self.settings.list_locations(tenant)
            if unread.isdisjoint(plan.locations.get(location.id, ()))
        }
        everyone = [recipient for recipients in departed.values() for recipient in recipients.values()]
        if not everyone:
            return
        try:
            named = await self._named(plan, everyone)
        except (NotFound, SnapshotIncomplete):
            return  # a source has no complete snapshot: it could name anyone
        for location, recipients in departed.items():
            unnamed = [name for name, recipient in recipients.items() if not named.includes(recipient)]
            if unnamed:
                await self._delete(tenant, location, sorted(unnamed)[:MOST], before, state, plan)

    async def _last_plan(self, tenant: TenantId, state: TenantState) -> Plan | None:
        run = state.summary.run
        if run is None or state.is_busy or state.summary.state not in {RunState.DONE, RunState.HELD}:
            return None
        try:
            plan = await self.runs.get_plan(tenant, run)
        except NotFound:
            return None
        return plan if plan.config_version == state.config_version else None

    async def _unread(self, plan: Plan) -> set[SourceId]:
        """Return the sources that the run could not read: one can have people who are not in its snapshot."""
        fetched = await self.runs.list_fetch_results(plan.tenant, plan.run)
        read = {source for source, result in fetched.items() if result.outcome is FetchOutcome.COMPLETE}
        return plan.sources.keys() - read

    async def _departed(
        self, tenant: TenantId, location: LocationId, before: datetime, plan: Plan
    ) -> Mapping[RecipientId, Recipient]:
        """Return the recipients of a location that were deactivated before a time, by the journal."""
        inactive = {
            recipient.id: recipient
            async for recipient in self.recipients.list_inactive(tenant, location)
            if _may_go(recipient, plan)
        }
        if not inactive:
            return inactive
        recent = await self.recipients.list_deactivated_since(tenant, location, before)
        return {name: recipient for name, recipient in inactive.items() if name not in recent}

    async def _named(self, plan: Plan, recipients: Collection[Recipient]) -> "_Named":
        """Read all sources of a plan. Raises NotFound or SnapshotIncomplete if one has no complete snapshot."""
        named = _Named(recipients, plan)
        for source in {*plan.sources, plan.everyone}:
            manifest = await self.snapshots.find_current(plan.tenant, source)
            if manifest is None:
                if source in plan.sources:
                    raise NotFound(f"{source} has no snapshot.", code="row_not_found")
                continue
            async for part in stored_partitions(self.snapshots, plan.tenant, manifest):
                async with cpu_slice():
                    named.accounts.update(part.users.keys() & named.wanted)
                    named.matching.claim(part.users.values(), plan.preferences, elsewhere=True)
        return named

    async def _delete(
        self,
        tenant: TenantId,
        location: LocationId,
        unnamed: Collection[RecipientId],
        before: datetime,
        state: TenantState,
        plan: Plan,
    ) -> None:
        """Delete recipients under the fence, as far as nothing has changed since they were read."""
        try:
            writer = await acquire_for_manual_change(
                self.sync_states, self.recipients, tenant, location, self.ids.new_attempt_id()
            )
            if (await self.sync_states.get(tenant)).value.fencing_token != state.fencing_token:
                return  # a run has ended in between, whose sources were not read
            departed = await self._departed(tenant, location, before, plan)
            deleted = sorted(departed.keys() & set(unnamed))
            await writer.delete(deleted)
        except (Superseded, Paused):
            return  # a run, a change of settings or a pause has begun; the next round looks again
        event("departed_deleted", tenant=tenant, location=location, recipients=len(deleted))


class _Named:
    """The recipients that a source names."""

    def __init__(self, recipients: Collection[Recipient], plan: Plan) -> None:
        self.wanted = {recipient.object_id for recipient in recipients if recipient.object_id is not None}
        self.accounts: set[ObjectId] = set()
        self.matching = Matching(recipients, plan.connection_id)

    def includes(self, recipient: Recipient) -> bool:
        """Return whether a source names the recipient's account, or a person who can be the recipient."""
        return recipient.object_id in self.accounts or self.matching.can_be_any(recipient)


def _may_go(recipient: Recipient, plan: Plan) -> bool:
    """Return whether a deactivated recipient can be deleted if no source names it."""
    if recipient.origin is Origin.DIRECTORY:
        return recipient.connection == plan.connection_id
    return recipient.status is Status.DEACTIVATED_BY_SYNC
