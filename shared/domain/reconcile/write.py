"""A write of one recipient."""

from collections.abc import Iterable

import msgspec

from shared.domain.email_address import is_address
from shared.domain.recipient import Change, Recipient


class Write(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One recipient to store, and the change that it represents."""

    recipient: Recipient
    change: Change


def added_invalid_addresses(writes: Iterable[Write]) -> int:
    """Return by how many the writes raise the number of active recipients with an invalid address; negative if fewer.

    It is called for every batch of a first sync, so nearly all writes cost one look at an address.
    """
    added = 0
    for write in writes:
        mail, before = write.recipient.profile.mail, write.change.before
        if mail is not None and not is_address(mail):
            added += write.recipient.has_invalid_address
        if before is not None:
            added -= before.has_invalid_address
    return added
