"""A write of one recipient."""

import msgspec

from shared.domain.recipient import Change, Recipient


class Write(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One recipient to store, and the change that it represents."""

    recipient: Recipient
    change: Change
