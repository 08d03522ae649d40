"""Relinks: recipients whose account may be deleted, so that they have to be matched again."""

from typing import Final

import msgspec

from shared.domain.ids import ObjectId
from shared.domain.recipient import Change, ChangeKind, Reason, Recipient
from shared.domain.reconcile.write import Write

#: Maximum number of relinks that one location's result lists, and their size in bytes; a later run lists the others.
MAX_RELINKS: Final = 50
MAX_RELINK_BYTES: Final = 300_000


class Relink(msgspec.Struct, frozen=True, kw_only=True):
    """What to write once the directory says whether an account that was not read is deleted.

    An account that only left the sources of the location still exists, and its recipient stays matched with it.
    """

    account: ObjectId
    #: The recipient without the account, or matched with the account that replaces it.
    if_deleted: Write
    #: What to write if the account exists: the recipient of the other account, or the recipient without groups.
    if_found: Write | None


def unlinked(recipient: Recipient) -> Recipient:
    """Return a recipient that is not matched any more. `last_applied` is kept: it is the same person."""
    return msgspec.structs.replace(recipient, object_id=None, connection=None)


def relink(recipient: Recipient, successor: Write | Change | None, if_found: Write | None) -> Relink:
    """Return the relink of a recipient, which its `successor` takes over if there is one and the account is deleted."""
    write = successor if isinstance(successor, Write) else None  # otherwise the directory must not update it
    after = write.recipient if write is not None else unlinked(recipient)
    change = Change(
        kind=write.change.kind if write is not None else ChangeKind.UPDATED,
        reason=Reason.ACCOUNT_DELETED,
        recipient=recipient.id,
        object_id=after.object_id,
        display_name=after.profile.display_name,
        fields=write.change.fields if write is not None else (),
        before=recipient,
    )
    account = recipient.object_id or ObjectId("")
    return Relink(account=account, if_deleted=Write(recipient=after, change=change), if_found=if_found)


def without_groups(recipient: Recipient) -> Write | None:
    """Return the write of a recipient whose person has left all groups, so that the account is not checked again."""
    if not recipient.groups:
        return None
    change = Change(
        kind=ChangeKind.UPDATED,
        reason=Reason.GROUPS_CHANGED,
        recipient=recipient.id,
        object_id=recipient.object_id,
        display_name=recipient.profile.display_name,
        before=recipient,
    )
    return Write(recipient=msgspec.structs.replace(recipient, groups=()), change=change)
