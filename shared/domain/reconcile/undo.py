"""Undo of a run: restores the recipients that it changed, unless a later run has changed them."""

from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet

import msgspec

from shared.domain.ids import RecipientId
from shared.domain.recipient import Change, ChangeKind, Reason, Recipient, Status
from shared.domain.reconcile.write import Write


def undo(
    changes: Iterable[Change], stored: Mapping[RecipientId, Recipient], newer: AbstractSet[RecipientId]
) -> tuple[Write, ...]:
    """Return the writes that restore the recipients in `changes`, in the order of writing, except those in `newer`.

    A recipient that the run created is deactivated and keeps its row. A second undo writes nothing.
    """
    first: dict[RecipientId, Change] = {}
    for change in changes:
        if change.recipient is not None:
            first.setdefault(change.recipient, change)
    writes = []
    for recipient, change in sorted(first.items()):
        now = stored.get(recipient)
        if now is None or recipient in newer:
            continue
        before = change.before
        if before is None:
            before = msgspec.structs.replace(now, status=Status.DEACTIVATED_BY_SYNC, reason=Reason.UNDONE.value)
        if before != now:
            writes.append(Write(recipient=before, change=_change(now, before)))
    return tuple(writes)


def _change(now: Recipient, before: Recipient) -> Change:
    kind = ChangeKind.UPDATED
    if now.status is not before.status:
        kind = ChangeKind.REACTIVATED if before.status is Status.ACTIVE else ChangeKind.DEACTIVATED
    pairs = zip(
        msgspec.structs.asdict(now.profile).items(), msgspec.structs.asdict(before.profile).values(), strict=True
    )
    return Change(
        kind=kind,
        reason=Reason.UNDONE,
        recipient=now.id,
        object_id=now.object_id,
        display_name=before.profile.display_name,
        fields=tuple(name for (name, value), other in pairs if value != other),
        before=now,
    )
