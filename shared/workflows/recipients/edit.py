"""Edit recipient: a person changes the fields of one recipient, deactivates it or reactivates it."""

from collections.abc import Mapping, Sequence

import msgspec

from shared.domain.ids import LocationId, RecipientId, TenantId
from shared.domain.optimistic_locking import Condition
from shared.domain.recipient import PHONE_FIELDS, Change, ChangeKind, Reason, Recipient, Status
from shared.domain.reconcile.write import Write
from shared.domain.run import RunKind
from shared.workflows.recipients.manual_changes import ManualChanges


class EditRecipient(msgspec.Struct, frozen=True, kw_only=True):
    """Applies a manual change to one recipient."""

    manual: ManualChanges

    async def __call__(
        self,
        tenant: TenantId,
        location: LocationId,
        recipient: RecipientId,
        fields: Mapping[str, str | None],
        active: bool | None,  # noqa: FBT001 - a field of the request
        by: str,
        condition: Condition | None = None,
    ) -> Recipient:
        """Update the given fields and the status of a recipient, and return it.

        With `active` None the recipient keeps its status. An edit that changes nothing is not in the history.

        Raises:
            NotFound: The tenant, the location or the recipient does not exist.
            ChangedMeanwhile: The stored version is not the required one.
            Conflict: A sync is in progress (`run_active`).
            Contended: Other changes of the location came first at every attempt.
        """
        await self.manual.require_location(tenant, location)
        if fields.keys() & PHONE_FIELDS:
            fields = (await self.manual.settings.get_preferences(tenant)).attributes.with_e164_numbers(fields)
        edit = _Edit(recipient, fields, active, condition)
        before = await self.manual.recipients.get(tenant, location, recipient)
        if not edit.writes([before]):
            return before
        run = self.manual.new_run()
        async with self.manual.announced(tenant, run, RunKind.EDIT, by, [location]):
            report = await self.manual.write(tenant, run, location, by, edit.decide)
            await self.manual.record(tenant, run, {location: report})
        return edit.after or before


class _Edit:
    """Decides what to write for one recipient."""

    def __init__(
        self,
        recipient: RecipientId,
        fields: Mapping[str, str | None],
        active: bool | None,  # noqa: FBT001 - as above
        condition: Condition | None,
    ) -> None:
        self._recipient = recipient
        self._fields = fields
        self._active = active
        self._condition = condition
        self.after: Recipient | None = None

    async def decide(self, stored: Sequence[Recipient]) -> Sequence[Write]:
        """Return what `writes` does. No other writer can change the recipients between reading and writing them."""
        return self.writes(stored)

    def writes(self, stored: Sequence[Recipient]) -> Sequence[Write]:
        """Return the write of the edit, or nothing if it changes nothing. Raises ChangedMeanwhile."""
        for before in stored:
            if before.id == self._recipient:
                if self._condition is not None:
                    self._condition.require(before.tag(), exists=True)
                return self._write(before)
        return ()

    def _write(self, before: Recipient) -> Sequence[Write]:
        changed = {name: value for name, value in self._fields.items() if getattr(before.profile, name) != value}
        status, reason, kind = before.status, before.reason, ChangeKind.UPDATED
        if self._active is True and before.status is not Status.ACTIVE:
            status, reason, kind = Status.ACTIVE, None, ChangeKind.REACTIVATED
        elif self._active is False and before.status is not Status.DEACTIVATED_MANUALLY:
            status, reason = Status.DEACTIVATED_MANUALLY, Reason.DEACTIVATED_MANUALLY.value
            kind = ChangeKind.DEACTIVATED if before.status is Status.ACTIVE else ChangeKind.UPDATED
        profile = msgspec.structs.replace(before.profile, **changed)
        self.after = msgspec.structs.replace(before, profile=profile, status=status, reason=reason)
        if self.after == before:
            return ()
        change = Change(
            kind=kind,
            reason=Reason.EDITED,
            recipient=before.id,
            object_id=before.object_id,
            display_name=self.after.profile.display_name,
            fields=tuple(changed),
            before=before,
        )
        return (Write(recipient=self.after, change=change),)
