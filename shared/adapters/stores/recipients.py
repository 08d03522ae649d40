"""Recipients: one partition per tenant and location, with the location's fence and journal."""

from collections.abc import AsyncIterator, Collection, Iterator, Sequence
from collections.abc import Set as AbstractSet
from datetime import datetime
from typing import Any, Final

import msgspec
from azure.core import MatchConditions

from shared.adapters.stores import keys
from shared.adapters.stores.account_placement import TenantTables
from shared.adapters.stores.recipient_rows import FULL_ROW, RowEncoder, recipient_of, stored_recipient
from shared.adapters.stores.table_names import RECIPIENTS
from shared.adapters.tables.bounded_deletion import delete_some
from shared.adapters.tables.client import Entity
from shared.adapters.tables.packing import decoding, pack, unpack
from shared.adapters.tables.queries import Kind, Range
from shared.domain.ids import LocationId, RecipientId, RunId, TenantId
from shared.domain.recipient import Change, ChangeKind, Counts, Origin, Recipient, Status
from shared.domain.reconcile.fence import Fence, JournalEntry, JournalPosition, changed_after, manual_changes
from shared.domain.reconcile.write_batches import MAX_BATCH_RECIPIENTS
from shared.domain.versioned import Versioned
from shared.errors import NotFound, Rejected
from shared.ports.recipients import Deleted
from shared.ports.tenant_data import ALL_ROWS, Allowed
from shared.runtime.fair_scheduler import cpu_slice, paced

_COUNTS: Final = Counts.__struct_fields__


_ROWS: Final = Kind(FULL_ROW)
#: Filter of the recipients that no directory created.
_OTHERS: Final = f"origin ne '{Origin.DIRECTORY.value}'"
#: Filter of the recipients that are not active.
_INACTIVE: Final = f"status ne '{Status.ACTIVE.value}'"
#: Columns that are read for a recipient.
COLUMNS: Final = _ROWS.columns


class TableRecipientStore:
    """`RecipientStore` on the table Recipients. A row is readable: one property per field that has a value."""

    def __init__(self, accounts: TenantTables) -> None:
        self._accounts = accounts
        self._encoder = RowEncoder()

    async def get_fence(self, tenant: TenantId, location: LocationId) -> Versioned[Fence]:
        """Return the fence of a location; a new one with ETag None if nothing was ever written there."""
        tables = await self._accounts.of(tenant)
        row: Any = await tables.find(RECIPIENTS, keys.location(tenant, location), keys.FENCE)
        if row is None:
            return Versioned(Fence(), None)
        return Versioned(unpack(row, Fence), str(row.metadata["etag"]))

    async def replace_fence(self, tenant: TenantId, location: LocationId, fence: Fence, etag: str | None) -> str:
        """Replace only the fence and return its new ETag. Raises ETagConflict if it changed since it was read."""
        tables = await self._accounts.of(tenant)
        return await tables.replace(RECIPIENTS, _fence_row(keys.location(tenant, location), fence), etag)

    async def list_recipients(
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
        tables = await self._accounts.of(tenant)
        partition = keys.location(tenant, location)
        rows = (keys.RECIPIENTS[0] + start, keys.RECIPIENTS[1])
        names = None if among is None else set(map(keys.recipient, among))
        async for page in tables.read(RECIPIENTS, _ROWS, partition=partition, rows=rows, first=first):
            async with cpu_slice():
                wanted = page if names is None else [row for row in page if row.key in names]
                with decoding():
                    recipients = list(map(recipient_of, wanted))
            async for recipient in paced(recipients):
                yield recipient

    async def list_others(self, tenant: TenantId, location: LocationId) -> AsyncIterator[Recipient]:
        """Iterate over the recipients that no directory created, sorted by id."""
        tables = await self._accounts.of(tenant)
        partition = keys.location(tenant, location)
        async for page in tables.read(RECIPIENTS, _ROWS, partition=partition, rows=keys.RECIPIENTS, where=_OTHERS):
            with decoding():
                recipients = list(map(recipient_of, page))
            async for recipient in paced(recipients):
                yield recipient

    async def get(self, tenant: TenantId, location: LocationId, recipient: RecipientId) -> Recipient:
        """Return one recipient. Raises NotFound if it does not exist."""
        tables = await self._accounts.of(tenant)
        row = await tables.find(RECIPIENTS, keys.location(tenant, location), keys.recipient(recipient))
        if row is None:
            raise NotFound(
                f"Recipient {recipient!r} does not exist at location {location!r}.", code="recipient_not_found"
            )
        return stored_recipient(row)

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
        tables = await self._accounts.of(tenant)
        if len(recipients) > MAX_BATCH_RECIPIENTS:
            raise Rejected(
                f"{len(recipients)} recipients exceed the {MAX_BATCH_RECIPIENTS} of a batch.", code="batch_too_large"
            )
        operations = self._operations(keys.location(tenant, location), recipients, journal, fence)
        return await tables.transact(RECIPIENTS, operations)

    async def erase(
        self,
        tenant: TenantId,
        location: LocationId,
        recipients: Sequence[RecipientId],
        journal: JournalEntry | None,
        fence: Versioned[Fence],
    ) -> str:
        """Delete recipients that exist, and write the fence and, if given, the journal, in one batch. As `write`."""
        self._encoder.forget()
        tables = await self._accounts.of(tenant)
        partition = keys.location(tenant, location)
        rows = [{"PartitionKey": partition, "RowKey": keys.recipient(recipient)} for recipient in recipients]
        written = [_fence_operation(partition, fence)]
        if journal is not None:
            written = list(self._operations(partition, [], journal, fence))
        return await tables.transact(RECIPIENTS, [*written, *(("delete", row) for row in rows)])

    async def get_journal_counts(self, tenant: TenantId, location: LocationId, run: RunId) -> Counts:
        """Return the numbers of a run's changes at a location so far, over all its attempts."""
        tables = await self._accounts.of(tenant)
        total = Counts()
        partition = keys.location(tenant, location)
        rows = tables.query(RECIPIENTS, partition=partition, rows=keys.journal_range(run), select=list(_COUNTS))
        async for row in rows:
            total += Counts(**{name: row[name] for name in _COUNTS})
        return total

    async def list_journal(self, tenant: TenantId, location: LocationId, run: RunId) -> AsyncIterator[JournalEntry]:
        """Iterate over the journal of a run at a location, in the order of writing."""
        tables = await self._accounts.of(tenant)
        partition = keys.location(tenant, location)
        rows = tables.query(RECIPIENTS, partition=partition, rows=keys.journal_range(run))
        entries = [(row.get("sequence", 0), row["RowKey"], unpack(row, JournalEntry)) async for row in rows]
        for _, _, entry in sorted(entries, key=lambda found: (found[0], found[2].at, found[1])):
            yield entry

    async def list_deactivated(self, tenant: TenantId, location: LocationId, run: RunId) -> AsyncIterator[RecipientId]:
        """Iterate over the recipients that a run has deactivated at a location so far, in no particular order.

        They are streamed, so their number does not determine the use of memory.
        """
        tables = await self._accounts.of(tenant)
        partition = keys.location(tenant, location)
        async for row in tables.query(RECIPIENTS, partition=partition, rows=keys.journal_range(run)):
            if row["deactivated"]:
                for change in unpack(row, JournalEntry).changes:
                    if change.kind is ChangeKind.DEACTIVATED and change.recipient is not None:
                        yield change.recipient

    async def list_changed_after(self, tenant: TenantId, location: LocationId, run: RunId) -> set[RecipientId]:
        """Return the recipients of a location that others have changed after this run first changed them."""
        tables = await self._accounts.of(tenant)
        partition = keys.location(tenant, location)

        async def batches(rows: Range, where: str | None = None) -> list[tuple[JournalPosition, list[RecipientId]]]:
            found = tables.query(RECIPIENTS, partition=partition, rows=rows, where=where)
            return [_batch(row) async for row in found]

        own = await batches(keys.journal_range(run))
        if not own:
            return set()
        since = min(position.fencing_token for position, _ in own)
        later = await batches(keys.JOURNALS, f"fencingToken ge {since}")
        later += await batches(keys.journal_after(run))  # of earlier versions of the app, without the column
        return changed_after(own, [batch for batch in later if batch[0].run != run])

    async def list_manual_changes(
        self, tenant: TenantId, location: LocationId, since: tuple[int, int], except_runs: Collection[RunId]
    ) -> AsyncIterator[Change]:
        """Iterate over what edits, undos and imports have changed at a location after a position of its fence."""
        tables = await self._accounts.of(tenant)
        partition, where = keys.location(tenant, location), f"fencingToken ge {since[0]}"
        async for row in tables.query(RECIPIENTS, partition=partition, rows=keys.JOURNALS, where=where):
            entry = unpack(row, JournalEntry)
            for change in manual_changes([(_position(row, entry.run), entry)], since, except_runs):
                yield change

    async def list_inactive(self, tenant: TenantId, location: LocationId) -> AsyncIterator[Recipient]:
        """Iterate over the recipients of a location that are not active, sorted by id."""
        tables = await self._accounts.of(tenant)
        partition = keys.location(tenant, location)
        async for page in tables.read(RECIPIENTS, _ROWS, partition=partition, rows=keys.RECIPIENTS, where=_INACTIVE):
            with decoding():
                recipients = list(map(recipient_of, page))
            for recipient in recipients:
                yield recipient

    async def list_deactivated_since(self, tenant: TenantId, location: LocationId, since: datetime) -> set[RecipientId]:
        """Return the recipients of a location that runs requested at this time or later have deactivated."""
        tables = await self._accounts.of(tenant)
        partition, rows = keys.location(tenant, location), keys.journals_since(since)
        found: set[RecipientId] = set()
        async for row in tables.query(RECIPIENTS, partition=partition, rows=rows, where="deactivated ge 1"):
            found |= {
                change.recipient
                for change in unpack(row, JournalEntry).changes
                if change.kind is ChangeKind.DEACTIVATED and change.recipient is not None
            }
        return found

    async def purge_journal(
        self, tenant: TenantId, location: LocationId, before: datetime, keep: Collection[RunId], limit: int
    ) -> int:
        """Delete up to `limit` rows of the journals of runs requested before this time, except those of `keep`.

        Returns the number of rows; fewer than `limit` are all of them.
        """
        return await delete_some(
            await self._accounts.of(tenant),
            RECIPIENTS,
            limit,
            partition=keys.location(tenant, location),
            rows=keys.journals_before(before),
            keep=lambda row: keys.run_of(row["RowKey"]) in keep,
        )

    async def delete_location(
        self, tenant: TenantId, location: LocationId, limit: int = ALL_ROWS, allowed: Allowed | None = None
    ) -> Deleted:
        """Delete up to `limit` rows of the location, and return their number; fewer than `limit` are all of them.

        The fence is kept. Nothing is deleted unless it is still `allowed` after the rows were listed.
        """
        self._encoder.forget()
        active = 0

        def is_kept(row: Entity) -> bool:
            nonlocal active
            active += row.get("status") == Status.ACTIVE.value
            return str(row["RowKey"]) == keys.FENCE

        rows = await delete_some(
            await self._accounts.of(tenant),
            RECIPIENTS,
            limit,
            partition=keys.location(tenant, location),
            columns=["status"],
            keep=is_kept,
            allowed=allowed,
        )
        return Deleted(rows, active if rows else 0)

    async def delete_all(self, tenant: TenantId, limit: int = ALL_ROWS) -> int:
        """Delete rows of the tenant. As `TenantData.delete_all`."""
        self._encoder.forget()
        tables = await self._accounts.of(tenant)
        return await delete_some(tables, RECIPIENTS, limit, partitions=keys.tenant_range(tenant))

    def _operations(
        self, partition: str, recipients: Sequence[Recipient], journal: JournalEntry, fence: Versioned[Fence]
    ) -> Iterator[tuple[Any, ...]]:
        """Iterate over the operations of a batch: fence (the batch depends on its ETag), journal and recipients."""
        yield _fence_operation(partition, fence)
        entry = {
            "PartitionKey": partition,
            "RowKey": keys.journal(journal.run, fence.value.fencing_token, fence.value.attempt, fence.value.operation),
            "fencingToken": fence.value.fencing_token,
            "sequence": fence.value.sequence,
            **msgspec.structs.asdict(Counts.of(journal.changes)),
            **pack(journal),
        }
        yield "create", entry
        # new recipients are inserted: they must not exist, and the service need not look for a row to replace
        created = {change.recipient for change in journal.changes if change.kind is ChangeKind.CREATED}
        rows = self._encoder.rows(partition, recipients, remember=len(created) == len(recipients))
        for recipient, row in zip(recipients, rows, strict=True):
            yield ("create", row) if recipient.id in created else ("upsert", row, {"mode": "replace"})


def _batch(row: Entity) -> tuple[JournalPosition, list[RecipientId]]:
    """Return the position of a row of the journal, and the recipients of its batch."""
    entry = unpack(row, JournalEntry)
    return _position(row, entry.run), entry.recipients


def _position(row: Entity, run: RunId) -> JournalPosition:
    return JournalPosition(keys.token_of(row["RowKey"]), row.get("sequence", 0), run)


def _fence_operation(partition: str, fence: Versioned[Fence]) -> tuple[Any, ...]:
    """Return the operation that replaces the fence, provided that it has not changed since it was read."""
    row = _fence_row(partition, fence.value)
    if fence.etag is None:
        return "create", row
    return "update", row, {"mode": "replace", "etag": fence.etag, "match_condition": MatchConditions.IfNotModified}


def _fence_row(partition: str, fence: Fence) -> dict[str, Any]:
    return {"PartitionKey": partition, "RowKey": keys.FENCE, "fencingToken": fence.fencing_token, **pack(fence)}
