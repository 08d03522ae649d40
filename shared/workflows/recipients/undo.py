"""Undo: restores the recipients that a run changed, except those that a newer run has changed since."""

from collections.abc import Sequence

import msgspec

from shared.domain.ids import LocationId, RunId, TenantId
from shared.domain.recipient import Change, Recipient
from shared.domain.reconcile.undo import undo
from shared.domain.reconcile.write import Write
from shared.domain.run import LocationReport, Run, RunKind
from shared.errors import Rejected
from shared.ports.recipients import RecipientStore
from shared.ports.runs import RunStore
from shared.telemetry import event
from shared.workflows.recipients.manual_changes import ManualChanges


class Undo(msgspec.Struct, frozen=True, kw_only=True):
    """Undoes runs according to their journals."""

    runs: RunStore
    recipients: RecipientStore
    manual: ManualChanges

    async def __call__(self, tenant: TenantId, run: RunId, by: str) -> Run:
        """Undo a run, and return the run that restored its recipients. A second undo restores nothing.

        Raises:
            NotFound: The tenant or the run does not exist.
            Rejected: The run is in progress (`not_ended`) or a preview (`nothing_to_undo`).
            Conflict: A sync is in progress (`run_active`).
            Contended: Other changes of a location came first at every attempt.
        """
        undone = (await self.runs.get(tenant, run)).value
        if not undone.state.ended:
            raise Rejected("This run is in progress. Wait until it ends, then undo it.", code="not_ended")
        if undone.preview:
            raise Rejected("A preview cannot be undone because it changes nothing.", code="nothing_to_undo")
        restoring_run = self.manual.new_run()
        reports: dict[LocationId, LocationReport] = {}
        async with self.manual.announced(tenant, restoring_run, RunKind.UNDO, by, undone.locations, undoes=run):
            for location in undone.locations:
                changes = await self._changes(tenant, location, run)
                if changes:
                    restore = _Restore(self.recipients, tenant, location, run, changes)
                    reports[location] = await self.manual.write(tenant, restoring_run, location, by, restore)
            restored = await self.manual.record(tenant, restoring_run, reports)
        event("undone", tenant=tenant, run=restoring_run, undoes=run, **msgspec.structs.asdict(restored.counts))
        return restored

    async def _changes(self, tenant: TenantId, location: LocationId, run: RunId) -> list[Change]:
        return [
            change async for entry in self.recipients.list_journal(tenant, location, run) for change in entry.changes
        ]


class _Restore(msgspec.Struct, frozen=True):
    """Decides what an undo writes at one location."""

    recipients: RecipientStore
    tenant: TenantId
    location: LocationId
    run: RunId
    changes: Sequence[Change]

    async def __call__(self, stored: Sequence[Recipient]) -> Sequence[Write]:
        """Return the writes that restore the recipients which nothing newer has changed so far."""
        newer = await self.recipients.list_changed_after(self.tenant, self.location, self.run)
        return undo(self.changes, {recipient.id: recipient for recipient in stored}, newer)
