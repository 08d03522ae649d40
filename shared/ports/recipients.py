"""Recipients with their fence and journal."""

from collections.abc import AsyncIterator, Sequence
from typing import Protocol

from shared.domain.ids import LocationId, RecipientId, RunId, TenantId
from shared.domain.recipient import Counts, Recipient
from shared.domain.reconcile.fence import Fence, Irregular, JournalEntry
from shared.domain.versioned import Versioned


class RecipientStore(Protocol):
    """Recipients, one partition per (tenant, location)."""

    async def irregular(self, tenant: TenantId, location: LocationId) -> Irregular | None:
        """Return what was last put, None if nothing was."""

    async def put_irregular(self, tenant: TenantId, location: LocationId, irregular: Irregular) -> None:
        """Store it in the place of what was there."""

    async def fence(self, tenant: TenantId, location: LocationId) -> Versioned[Fence]:
        """Return a location's fence; a fresh one with ETag None if nothing was ever written there."""

    async def swap_fence(self, tenant: TenantId, location: LocationId, fence: Fence, etag: str | None) -> str:
        """Replace the fence alone and return its new ETag. Raises: Conflict if it changed since it was read."""

    def read(self, tenant: TenantId, location: LocationId, *, start: str = "") -> AsyncIterator[Recipient]:
        """Iterate over the recipients of a location by id, from the id `start` on."""

    async def get(self, tenant: TenantId, location: LocationId, recipient: RecipientId) -> Recipient:
        """Return one recipient. Raises: NotFound."""

    async def write(
        self,
        tenant: TenantId,
        location: LocationId,
        recipients: Sequence[Recipient],
        journal: JournalEntry,
        fence: Versioned[Fence],
    ) -> str:
        """Write at most `MAX_BATCH_RECIPIENTS`, their journal and the fence in one batch, all or nothing.

        Returns the fence's new ETag. Raises: Conflict if the fence changed since it was read; Transient if it is not
        known whether the batch was committed (the fence's `attempt` and `operation` then tell); TooLarge if nothing
        was written because it is more than fits one batch.
        """

    async def journal_counts(self, tenant: TenantId, location: LocationId, run: RunId) -> Counts:
        """Return what a run has changed at a location so far, over all its attempts."""

    def journal(self, tenant: TenantId, location: LocationId, run: RunId) -> AsyncIterator[JournalEntry]:
        """Iterate over what a run has changed at a location, in the order of writing."""

    def deactivated_by(self, tenant: TenantId, location: LocationId, run: RunId) -> AsyncIterator[RecipientId]:
        """Iterate over whom a run has deactivated at a location so far; in no order, and not all held at once."""

    async def touched_after(self, tenant: TenantId, location: LocationId, run: RunId) -> set[RecipientId]:
        """Return whom any run that was asked for after this one has changed at a location."""

    async def erase(self, tenant: TenantId, location: LocationId) -> None:
        """Delete every row of the location's partition."""

    async def erase_all(self, tenant: TenantId) -> None:
        """Delete every row of all locations of the tenant."""
