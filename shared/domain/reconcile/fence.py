"""The rows that are written with a location's recipients: fence, journal and derived state."""

from datetime import datetime

import msgspec

from shared.domain.ids import RecipientId, RunId
from shared.domain.recipient import Change


class Fence(msgspec.Struct, frozen=True, kw_only=True):
    """The row that every write to a location's recipients must merge, so that only one worker can write at a time."""

    fencing_token: int = 0
    #: Who took it last, and with which of its writes it was merged last.
    attempt: str = ""
    operation: int = 0
    #: `ReconcileResult.input_fingerprint` of the last complete reconcile, None since anything else wrote here.
    input_fingerprint: str | None = None
    #: Active recipients after the last complete reconcile.
    active: int = 0


class JournalEntry(msgspec.Struct, frozen=True, kw_only=True):
    """The changes of one batch, written with it. `actor` is `sync` or a person's id."""

    run: RunId
    actor: str
    at: datetime
    changes: tuple[Change, ...]


class Irregular(msgspec.Struct, frozen=True, kw_only=True):
    """Recipients at a location that differ from what a first sync would make of a person.

    It holds while the fence was last taken by this attempt: whoever writes there otherwise is another one.
    """

    attempt: str
    recipients: tuple[RecipientId, ...]
