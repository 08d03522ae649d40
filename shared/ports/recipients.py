"""Recipients with their fence and journal."""

from collections.abc import AsyncIterator, Collection, Sequence
from collections.abc import Set as AbstractSet
from datetime import datetime
from typing import NamedTuple, Protocol

from shared.domain.ids import LocationId, RecipientId, RunId, TenantId
from shared.domain.recipient import Change, Counts, Recipient
from shared.domain.reconcile.fence import Fence, JournalEntry
from shared.domain.versioned import Versioned
from shared.ports.tenant_data import ALL_ROWS, Allowed


class Deleted(NamedTuple):
    """Rows that one step deleted."""

    rows: int
    #: Number of active recipients among them.
    active: int


class RecipientStore(Protocol):
    """Recipients, one partition per (tenant, location)."""

    async def get_fence(self, tenant: TenantId, location: LocationId) -> Versioned[Fence]:
        """Return the fence of a location; a new one with ETag None if nothing was ever written there."""

    async def replace_fence(self, tenant: TenantId, location: LocationId, fence: Fence, etag: str | None) -> str:
        """Replace only the fence and return its new ETag. Raises ETagConflict if it changed since it was read."""

    def list_recipients(
        self,
        tenant: TenantId,
        location: LocationId,
        *,
        start: str = "",
        among: AbstractSet[RecipientId] | None = None,
        first: int | None = None,
    ) -> AsyncIterator[Recipient]:
        """Iterate over the recipients of a location, sorted by id, from the id `start`; only those `among` if given.

        A caller that expects to need only few names their number as `first`.
        """

    def list_others(self, tenant: TenantId, location: LocationId) -> AsyncIterator[Recipient]:
        """Iterate over the recipients that no directory created, sorted by id."""

    async def get(self, tenant: TenantId, location: LocationId, recipient: RecipientId) -> Recipient:
        """Return one recipient. Raises NotFound if it does not exist."""

    async def write(
        self,
        tenant: TenantId,
        location: LocationId,
        recipients: Sequence[Recipient],
        journal: JournalEntry,
        fence: Versioned[Fence],
    ) -> str:
        """Write at most `MAX_BATCH_RECIPIENTS` recipients, their journal and the fence in one atomic batch.

        Returns the fence's new ETag.

        Raises:
            ETagConflict: if the fence changed since it was read.
            Transient: if it is unknown whether the batch was committed; the fence's `attempt` and `operation` show it.
            TooLarge: if the recipients do not fit into one batch; nothing was written.

        """

    async def erase(
        self,
        tenant: TenantId,
        location: LocationId,
        recipients: Sequence[RecipientId],
        journal: JournalEntry | None,
        fence: Versioned[Fence],
    ) -> str:
        """Delete recipients that exist, and write the fence and, if given, the journal, in one batch. As `write`."""

    async def get_journal_counts(self, tenant: TenantId, location: LocationId, run: RunId) -> Counts:
        """Return the numbers of a run's changes at a location so far, over all its attempts."""

    def list_journal(self, tenant: TenantId, location: LocationId, run: RunId) -> AsyncIterator[JournalEntry]:
        """Iterate over the journal of a run at a location, in the order of writing."""

    def list_deactivated(self, tenant: TenantId, location: LocationId, run: RunId) -> AsyncIterator[RecipientId]:
        """Iterate over the recipients that a run has deactivated at a location so far, in no particular order.

        They are streamed, so their number does not determine the use of memory.
        """

    async def list_changed_after(self, tenant: TenantId, location: LocationId, run: RunId) -> set[RecipientId]:
        """Return the recipients of a location that others have changed after this run first changed them.

        The order is that of writing, by fencing tokens and the fence's sequence, not by clocks.
        """

    def list_manual_changes(
        self, tenant: TenantId, location: LocationId, since: tuple[int, int], except_runs: Collection[RunId]
    ) -> AsyncIterator[Change]:
        """Iterate over what edits, undos and imports have changed at a location, except these runs.

        `since` is the fencing token and the sequence of the location's fence after which they were written.
        """

    def list_inactive(self, tenant: TenantId, location: LocationId) -> AsyncIterator[Recipient]:
        """Iterate over the recipients of a location that are not active, sorted by id."""

    async def list_deactivated_since(self, tenant: TenantId, location: LocationId, since: datetime) -> set[RecipientId]:
        """Return the recipients of a location that runs requested at this time or later have deactivated."""

    async def purge_journal(
        self, tenant: TenantId, location: LocationId, before: datetime, keep: Collection[RunId], limit: int
    ) -> int:
        """Delete up to `limit` rows of the journals of runs requested before this time, except those of `keep`.

        Returns the number of rows; fewer than `limit` are all of them.
        """

    async def delete_location(
        self, tenant: TenantId, location: LocationId, limit: int = ALL_ROWS, allowed: Allowed | None = None
    ) -> Deleted:
        """Delete up to `limit` rows of the location, and return their number; fewer than `limit` are all of them.

        The fence is kept. Nothing is deleted unless it is still `allowed` after the rows were listed.
        """

    async def delete_all(self, tenant: TenantId, limit: int = ALL_ROWS) -> int:
        """Delete rows of the tenant. As `TenantData.delete_all`."""
