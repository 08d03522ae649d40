"""A write of one recipient."""

import msgspec

from shared.domain.recipient import Change, Recipient


class Write(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One recipient to store, and the change that it represents."""

    recipient: Recipient
    change: Change

    @property
    def invalid_addresses(self) -> int:
        """By how many the write raises the number of active recipients with an invalid address: 1, 0 or -1."""
        before = self.change.before
        return self.recipient.has_invalid_address - (before is not None and before.has_invalid_address)
