"""Rows that are written together with a location's recipients: fence and journal."""

from datetime import datetime

import msgspec

from shared.domain.ids import RecipientId, RunId
from shared.domain.recipient import Change


class Fence(msgspec.Struct, frozen=True, kw_only=True):
    """Fence row of a location. Every batch of recipients also replaces it, so only one worker can write at a time."""

    fencing_token: int = 0
    #: The attempt that acquired the fence last.
    attempt: str = ""
    #: The number of the last batch that this attempt has written.
    operation: int = 0
    #: `ReconcileResult.input_fingerprint` of the last complete reconcile; None after any other write.
    input_fingerprint: str | None = None
    #: Whether, by that reconcile, the connection's directory created all recipients; False after any other write.
    only_directory: bool = False
    #: Number of active recipients after the last complete reconcile.
    active: int = 0
    #: The last recipient about whose account a run asked while a source could not be read; None if it asked about all.
    asked_to: RecipientId | None = None
    #: Number of active recipients whose e-mail address is not a valid one.
    invalid_addresses: int = 0


class JournalEntry(msgspec.Struct, frozen=True, kw_only=True):
    """Journal of one batch: its changes, written in the same batch. `actor` is `sync` or a person's id."""

    run: RunId
    actor: str
    at: datetime
    changes: tuple[Change, ...]
