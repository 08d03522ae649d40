"""Recipients in memory."""

from collections.abc import AsyncIterator, Collection, Sequence
from collections.abc import Set as AbstractSet
from datetime import datetime

import msgspec

from shared.domain.ids import LocationId, RecipientId, RunId, TenantId, newest_first
from shared.domain.recipient import Change, ChangeKind, Counts, Origin, Recipient, Status
from shared.domain.reconcile.fence import Fence, JournalEntry, JournalPosition, changed_after, manual_changes
from shared.domain.reconcile.write_batches import MAX_BATCH_RECIPIENTS
from shared.domain.versioned import Versioned
from shared.errors import ETagConflict, NotFound, Rejected, TooLarge
from shared.ports.recipients import Deleted
from shared.ports.tenant_data import ALL_ROWS, Allowed
from tests.support.fakes.rows import Rows

Place = tuple[TenantId, LocationId]


#: More than this the fake does not take at once; the real one counts the bytes of its rows.
MAX_BATCH_BYTES = 4 * 2**20


class FakeRecipientStore:
    """`RecipientStore` in dicts; a write is all or nothing."""

    def __init__(self) -> None:
        self._fences: Rows[Place, Fence] = Rows()
        self._recipients: dict[Place, dict[RecipientId, Recipient]] = {}
        self._journal: dict[Place, list[tuple[JournalPosition, JournalEntry]]] = {}

    async def get_fence(self, tenant: TenantId, location: LocationId) -> Versioned[Fence]:
        """Return a location's fence; a new one with ETag None if nothing was ever written there."""
        return self._fences.find((tenant, location)) or Versioned(Fence(), None)

    async def replace_fence(self, tenant: TenantId, location: LocationId, fence: Fence, etag: str | None) -> str:
        """Replace the fence alone and return its new ETag. Raises: ETagConflict if it changed since it was read."""
        return self._fences.replace((tenant, location), fence, etag)

    async def list_recipients(
        self,
        tenant: TenantId,
        location: LocationId,
        *,
        start: str = "",
        among: AbstractSet[RecipientId] | None = None,
        first: int | None = None,
    ) -> AsyncIterator[Recipient]:
        """Iterate over the recipients of a location by id, from the id `start` on; only those `among` if given."""
        rows = dict(self._recipients.get((tenant, location), {}))
        for key in sorted(rows):
            if key >= start and (among is None or key in among):
                yield rows[key]

    async def list_others(self, tenant: TenantId, location: LocationId) -> AsyncIterator[Recipient]:
        """Iterate over the recipients that no directory created, by id."""
        for _, recipient in sorted(self._recipients.get((tenant, location), {}).items()):
            if recipient.origin is not Origin.DIRECTORY:
                yield recipient

    async def get(self, tenant: TenantId, location: LocationId, recipient: RecipientId) -> Recipient:
        """Return one recipient. Raises: NotFound."""
        try:
            return self._recipients[tenant, location][recipient]
        except KeyError as error:
            message = f"Location {location!r} has no recipient {recipient!r}."
            raise NotFound(message, code="recipient_not_found") from error

    async def write(
        self,
        tenant: TenantId,
        location: LocationId,
        recipients: Sequence[Recipient],
        journal: JournalEntry,
        fence: Versioned[Fence],
    ) -> str:
        """Write recipients, their journal and the fence, all or nothing. Raises: ETagConflict, Rejected, TooLarge."""
        if len(recipients) > MAX_BATCH_RECIPIENTS:
            raise Rejected(
                f"{len(recipients)} recipients exceed the {MAX_BATCH_RECIPIENTS} of a batch.", code="batch_too_large"
            )
        if len(recipients) > 1 and len(msgspec.msgpack.encode(recipients)) > MAX_BATCH_BYTES:
            raise TooLarge("these recipients are more than a batch takes", code="batch_too_large")
        place = (tenant, location)
        self._fences.require(place, fence.etag)
        stored = self._recipients.get(place, {})
        if any(change.kind is ChangeKind.CREATED and change.recipient in stored for change in journal.changes):
            raise ETagConflict("a recipient to be created is there already")
        etag = self._fences.replace(place, fence.value, fence.etag)
        self._recipients.setdefault(place, {}).update((recipient.id, recipient) for recipient in recipients)
        position = JournalPosition(fence.value.fencing_token, fence.value.sequence, journal.run)
        self._journal.setdefault(place, []).append((position, journal))
        return etag

    async def erase(
        self,
        tenant: TenantId,
        location: LocationId,
        recipients: Sequence[RecipientId],
        journal: JournalEntry | None,
        fence: Versioned[Fence],
    ) -> str:
        """Delete recipients, and write the journal and the fence, all or nothing. Raises: ETagConflict."""
        stored = self._recipients.get((tenant, location), {})
        if not stored.keys() >= set(recipients):
            raise ETagConflict("a recipient to be deleted is not there")
        etag = (
            await self.replace_fence(tenant, location, fence.value, fence.etag)
            if journal is None
            else await self.write(tenant, location, [], journal, fence)
        )
        for recipient in recipients:
            del self._recipients[tenant, location][recipient]
        return etag

    async def get_journal_counts(self, tenant: TenantId, location: LocationId, run: RunId) -> Counts:
        """Return what a run has changed at a location so far, over all its attempts."""
        return sum((Counts.of(entry.changes) for entry in self._entries(tenant, location, run)), Counts())

    async def list_journal(self, tenant: TenantId, location: LocationId, run: RunId) -> AsyncIterator[JournalEntry]:
        """Iterate over what a run has changed at a location, in the order of writing."""
        for entry in self._entries(tenant, location, run):
            yield entry

    def _entries(self, tenant: TenantId, location: LocationId, run: RunId) -> list[JournalEntry]:
        return [entry for _, entry in self._journal.get((tenant, location), []) if entry.run == run]

    async def list_deactivated(self, tenant: TenantId, location: LocationId, run: RunId) -> AsyncIterator[RecipientId]:
        """Iterate over whom a run has deactivated at a location so far."""
        for entry in self._entries(tenant, location, run):
            for change in entry.changes:
                if change.kind is ChangeKind.DEACTIVATED and change.recipient is not None:
                    yield change.recipient

    async def list_changed_after(self, tenant: TenantId, location: LocationId, run: RunId) -> set[RecipientId]:
        """Return the recipients of a location that others have changed after this run first changed them."""
        batches = [(position, entry.recipients) for position, entry in self._journal.get((tenant, location), [])]
        own = [batch for batch in batches if batch[0].run == run]
        return changed_after(own, [batch for batch in batches if batch[0].run != run])

    async def list_manual_changes(
        self, tenant: TenantId, location: LocationId, since: tuple[int, int], except_runs: Collection[RunId]
    ) -> AsyncIterator[Change]:
        """Iterate over what edits, undos and imports have changed at a location after a position of its fence."""
        for change in manual_changes(list(self._journal.get((tenant, location), [])), since, except_runs):
            yield change

    async def list_inactive(self, tenant: TenantId, location: LocationId) -> AsyncIterator[Recipient]:
        """Iterate over the recipients that are not active, by id."""
        for _, recipient in sorted(self._recipients.get((tenant, location), {}).items()):
            if recipient.status is not Status.ACTIVE:
                yield recipient

    async def list_deactivated_since(self, tenant: TenantId, location: LocationId, since: datetime) -> set[RecipientId]:
        """Return the recipients that runs requested at this time or later have deactivated."""
        entries = [entry for _, entry in self._journal.get((tenant, location), [])]
        return {
            change.recipient
            for entry in entries
            if entry.run < f"{newest_first(since)};"
            for change in entry.changes
            if change.kind is ChangeKind.DEACTIVATED and change.recipient is not None
        }

    async def purge_journal(
        self, tenant: TenantId, location: LocationId, before: datetime, keep: Collection[RunId], limit: int
    ) -> int:
        """Delete rows of the journals of runs requested before this time, except those of `keep`."""
        journal = self._journal.get((tenant, location), [])
        old = [row for row in journal if row[1].run >= newest_first(before) and row[1].run not in keep][:limit]
        for row in old:
            journal.remove(row)
        return len(old)

    async def delete_location(
        self, tenant: TenantId, location: LocationId, limit: int = ALL_ROWS, allowed: Allowed | None = None
    ) -> Deleted:
        """Delete rows of the location: recipients, then its journal, not its fence. Nothing unless it is `allowed`."""
        if allowed is not None and not await allowed():
            return Deleted(0, 0)
        place, active = (tenant, location), 0
        people, journal = self._recipients.pop(place, {}), self._journal.pop(place, [])
        gone = sorted(people)[:limit]
        for person in gone:
            active += people.pop(person).status is Status.ACTIVE
        entries = journal[: limit - len(gone)]
        if people:
            self._recipients[place] = people
        if journal := journal[len(entries) :]:
            self._journal[place] = journal
        return Deleted(len(gone) + len(entries), active)

    async def delete_all(self, tenant: TenantId, limit: int = ALL_ROWS) -> int:
        """Delete rows of the tenant. As `TenantData.delete_all`."""
        places = {*self._fences.keys(), *self._recipients, *self._journal}
        own = sorted(place for place in places if place[0] == tenant)[:limit]
        for place in own:
            await self.delete_location(*place)
            self._fences.delete(place)
        return len(own)
