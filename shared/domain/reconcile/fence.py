"""Rows that are written together with a location's recipients: fence and journal."""

from collections.abc import Collection, Iterable, Iterator
from datetime import datetime
from typing import Final, NamedTuple

import msgspec

from shared.domain.ids import RecipientId, RunId
from shared.domain.recipient import Change

#: `JournalEntry.actor` of changes that are not a person's decision.
SYNC: Final = "sync"


class Fence(msgspec.Struct, frozen=True, kw_only=True):
    """Fence row of a location. Every batch of recipients also replaces it, so only one worker can write at a time."""

    fencing_token: int = 0
    #: The attempt that acquired the fence last.
    attempt: str = ""
    #: The number of the last batch that this attempt has written.
    operation: int = 0
    #: The number of the last batch of recipients that any attempt has written. It orders the journal, as clocks cannot.
    sequence: int = 0
    #: `ReconcileResult.input_fingerprint` of the last complete reconcile; None after any other write.
    input_fingerprint: str | None = None
    #: Whether, by that reconcile, the connection's directory created all recipients; False after any other write.
    only_directory: bool = False
    #: Whether the comparison under this token was given up: no other delivery of it acquires the fence.
    closed: bool = False
    #: Number of active recipients after the last complete reconcile.
    active: int = 0
    #: The last recipient about whose account a run asked while a source could not be read; None if it asked about all.
    asked_to: RecipientId | None = None
    #: Number of active recipients whose e-mail address is not a valid one.
    invalid_addresses: int = 0


class JournalPosition(NamedTuple):
    """Position of a batch in the journal of a location."""

    fencing_token: int
    #: `Fence.sequence`; 0 for a batch of an earlier version of the app.
    sequence: int
    run: RunId

    def is_after(self, other: "JournalPosition") -> bool:
        """Return whether this batch was written after another one. Only old batches are compared by their runs' ids."""
        if self.fencing_token != other.fencing_token:
            return self.fencing_token > other.fencing_token
        if self.sequence and other.sequence:
            return self.sequence > other.sequence
        return self.run < other.run  # newer runs sort first


def changed_after(
    own: Iterable[tuple[JournalPosition, Iterable[RecipientId]]],
    others: Iterable[tuple[JournalPosition, Iterable[RecipientId]]],
) -> set[RecipientId]:
    """Return the recipients in batches of a run that a batch of another run has changed after the run first did."""
    first: dict[RecipientId, JournalPosition] = {}
    for position, recipients in own:
        for recipient in recipients:
            if recipient not in first or first[recipient].is_after(position):
                first[recipient] = position
    return {
        recipient
        for position, recipients in others
        for recipient in recipients
        if recipient in first and position.is_after(first[recipient])
    }


class JournalEntry(msgspec.Struct, frozen=True, kw_only=True):
    """Journal of one batch: its changes, written in the same batch. `actor` is `sync` or a person's id."""

    run: RunId
    actor: str
    at: datetime
    changes: tuple[Change, ...]

    @property
    def recipients(self) -> list[RecipientId]:
        """The recipients that the batch changed."""
        return [change.recipient for change in self.changes if change.recipient is not None]


def manual_changes(
    entries: Iterable[tuple[JournalPosition, JournalEntry]], since: tuple[int, int], except_runs: Collection[RunId]
) -> Iterator[Change]:
    """Iterate over what people have changed after a fencing token and sequence, without the changes of these runs."""
    for position, entry in entries:
        if entry.actor != SYNC and entry.run not in except_runs and position[:2] > since:
            yield from entry.changes
