"""The journal: every change, in the same batch as the change itself."""

from datetime import timedelta

import msgspec
import pytest

from shared.adapters.stores import Tables
from shared.adapters.stores.table_names import RECIPIENTS
from shared.domain.ids import LocationId, RunId, TenantId, new_run_id
from shared.domain.recipient import Change, ChangeKind, Counts, Origin, Profile, Reason, Recipient, Status
from shared.domain.reconcile.fence import Fence, JournalEntry
from shared.domain.versioned import Versioned
from shared.errors import Conflict
from tests.support.samples import LOCATION, NOW, RUN, Stores, journal, recipient

OTHER_RUN = new_run_id(2_000_000, 2)


async def test_counts_add_up_over_attempts(stores: Stores, tenant: TenantId) -> None:
    """What a run changed at a location is counted over its batches and attempts; other runs and places are not."""
    one, two, three = recipient(1), recipient(2), recipient(3)
    etag = await _write(
        stores,
        tenant,
        journal(one, two, kind=ChangeKind.CREATED),
        Fence(fencing_token=1, attempt="b", operation=1),
        None,
    )
    etag = await _write(
        stores, tenant, journal(three, kind=ChangeKind.CREATED), Fence(fencing_token=1, attempt="b", operation=2), etag
    )
    etag = await _write(stores, tenant, journal(one), Fence(fencing_token=1, attempt="a", operation=1), etag)
    gone = journal(one, two, run=OTHER_RUN, kind=ChangeKind.DEACTIVATED)
    await _write(stores, tenant, gone, Fence(fencing_token=2, attempt="c", operation=1), etag)
    await stores.recipients.write(tenant, LocationId("lobby-2"), [], journal(one), Versioned(Fence(attempt="a"), None))
    assert await stores.recipients.get_journal_counts(tenant, LOCATION, RUN) == Counts(created=3, updated=1)
    assert await stores.recipients.get_journal_counts(tenant, LOCATION, OTHER_RUN) == Counts(deactivated=2)
    assert await stores.recipients.get_journal_counts(tenant, LOCATION, new_run_id(3_000_000, 3)) == Counts()


async def test_entries_come_in_the_order_of_writing(stores: Stores, tenant: TenantId) -> None:
    """Twelve batches of one attempt, then one of a later attempt, come as they were written."""
    entries = [journal(recipient(number)) for number in range(12)]
    etag: str | None = None
    for number, entry in enumerate(entries):
        etag = await _write(stores, tenant, entry, Fence(fencing_token=1, attempt="b", operation=number), etag)
    last = msgspec.structs.replace(journal(recipient(99)), at=NOW + timedelta(minutes=1), actor="ann")
    await _write(stores, tenant, last, Fence(fencing_token=1, attempt="a", operation=1), etag)
    assert await _entries(stores, tenant) == [*entries, last]


async def test_an_entry_keeps_who_was_there_before(stores: Stores, tenant: TenantId) -> None:
    """Everything about a change comes back, the whole recipient before it too."""
    before = Recipient(
        id=recipient(1).id,
        origin=Origin.CSV,
        status=Status.DEACTIVATED_MANUALLY,
        profile=Profile(display_name="Zoë 👩🏽‍🚀", mail="'@example.com"),
        reason="by hand",
    )
    change = Change(
        kind=ChangeKind.UPDATED,
        reason=Reason.DIRECTORY_CHANGED,
        recipient=before.id,
        object_id=recipient(1).object_id,
        display_name="Zoë",
        fields=("mail", "surname"),
        before=before,
    )
    entry = JournalEntry(run=RUN, actor="ann@example.com", at=NOW + timedelta(microseconds=1), changes=(change,))
    await _write(stores, tenant, entry, Fence(attempt="a"), None)
    assert await _entries(stores, tenant) == [entry]


async def test_a_repeated_operation_is_not_written_twice(stores: Stores, tenant: TenantId) -> None:
    """A batch sent again after its answer was lost is a conflict, because the fence has moved on."""
    fence = Fence(fencing_token=1, attempt="a", operation=1)
    etag = await stores.recipients.replace_fence(tenant, LOCATION, Fence(fencing_token=1, attempt="a"), None)
    await _write(stores, tenant, journal(recipient(1)), fence, etag)
    with pytest.raises(Conflict):
        await _write(stores, tenant, journal(recipient(1)), fence, etag)
    assert (await stores.recipients.get_fence(tenant, LOCATION)).value == fence
    assert await stores.recipients.get_journal_counts(tenant, LOCATION, RUN) == Counts(updated=1)


async def test_one_row_a_batch(azurite_stores: Stores, tables: Tables, tenant: TenantId) -> None:
    """98 changes with everybody's former self are one row, small enough for a single property."""
    people = [recipient(number) for number in range(98)]
    changes = tuple(
        Change(kind=ChangeKind.UPDATED, reason=Reason.DIRECTORY_CHANGED, recipient=person.id, before=person)
        for person in people
    )
    entry = JournalEntry(run=RUN, actor="sync", at=NOW, changes=changes)
    await _write(azurite_stores, tenant, entry, Fence(fencing_token=12, attempt="a", operation=1), None)
    rows = [
        row
        async for row in tables.query(RECIPIENTS, partition=f"{tenant}:{LOCATION}")
        if row["RowKey"].startswith("!journal:")
    ]
    assert [row["RowKey"] for row in rows] == [f"!journal:{RUN}:0000000012:a:00000001"]
    assert (rows[0]["updated"], rows[0]["created"], len(rows[0]["p00"]) < 16_000) == (98, 0, True)


async def _write(stores: Stores, tenant: TenantId, entry: JournalEntry, fence: Fence, etag: str | None) -> str:
    return await stores.recipients.write(tenant, LOCATION, [], entry, Versioned(fence, etag))


async def _entries(stores: Stores, tenant: TenantId, run: RunId = RUN) -> list[JournalEntry]:
    return [entry async for entry in stores.recipients.list_journal(tenant, LOCATION, run)]
