"""Recipients with their fence and journal."""

from collections.abc import AsyncIterator, Sequence
from typing import Protocol

from shared.domain.ids import LocationId, RecipientId, RunId, TenantId
from shared.domain.recipient import Counts, Recipient
from shared.domain.reconcile.fence import Fence, Irregular, JournalEntry
from shared.domain.versioned import Versioned


class RecipientStore(Protocol):
    """Recipients, one partition per (tenant, location)."""

    async def find_irregular(self, tenant: TenantId, location: LocationId) -> Irregular | None:
        """Return what was last put, None if nothing was."""

    async def put_irregular(self, tenant: TenantId, location: LocationId, irregular: Irregular) -> None:
        """Store it in place of the previous one."""

    async def get_fence(self, tenant: TenantId, location: LocationId) -> Versioned[Fence]:
        """Return a location's fence; a new one with ETag None if nothing was ever written there."""

    async def replace_fence(self, tenant: TenantId, location: LocationId, fence: Fence, etag: str | None) -> str:
        """Replace the fence alone and return its new ETag. Raises: ETagConflict if it changed since it was read."""

    def list_recipients(self, tenant: TenantId, location: LocationId, *, start: str = "") -> AsyncIterator[Recipient]:
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

        Returns the fence's new ETag. Raises: ETagConflict if the fence has changed; Transient if it is not
        known whether the batch was committed (the fence's `attempt` and `operation` then tell); TooLarge if nothing
        was written because it is more than fits one batch.
        """

    async def get_journal_counts(self, tenant: TenantId, location: LocationId, run: RunId) -> Counts:
        """Return what a run has changed at a location so far, over all its attempts."""

    def list_journal(self, tenant: TenantId, location: LocationId, run: RunId) -> AsyncIterator[JournalEntry]:
        """Iterate over what a run has changed at a location, in the order of writing."""

    def list_deactivated(self, tenant: TenantId, location: LocationId, run: RunId) -> AsyncIterator[RecipientId]:
        """Iterate over the recipients that a run has deactivated at a location so far, in no order.

        They are not all kept in memory together.
        """

    async def list_changed_after(self, tenant: TenantId, location: LocationId, run: RunId) -> set[RecipientId]:
        """Return the recipients that runs requested after this one have changed at a location."""

    async def delete_location(self, tenant: TenantId, location: LocationId) -> None:
        """Delete every row of the location."""

    async def delete_all(self, tenant: TenantId) -> None:
        """Delete every row of the tenant."""
