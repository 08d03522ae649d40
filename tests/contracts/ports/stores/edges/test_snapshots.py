"""Snapshots: rows that are stored, one attempt that becomes current, and what is left of the others."""

import random

import msgspec
import pytest

from shared.adapters.stores import Tables
from shared.adapters.stores.table_names import SNAPSHOTS
from shared.adapters.tables.packing import pack
from shared.domain.directory import DirectoryUser, Source
from shared.domain.ids import SourceId, TenantId
from shared.domain.snapshots.snapshot import SnapshotBody, SnapshotManifest, encode_partition
from shared.errors import Conflict, Rejected, Superseded
from shared.ports.snapshots import SnapshotStore
from shared.workflows.snapshots.cache import RecentResults
from shared.workflows.snapshots.reader import SnapshotReader
from tests.support.builders import loaded, person, store_snapshot, user
from tests.support.samples import Stores

USERS = Source().id


async def staged(
    store: SnapshotStore, tenant: TenantId, attempt: str, *pages: list[DirectoryUser], source: SourceId = USERS
) -> SnapshotManifest:
    """Store a snapshot of these users in two partitions, and return its manifest."""
    users = [user for page in pages for user in page]
    return await store_snapshot(store, tenant, attempt, *users, source=source, count=2)


async def body_of(store: SnapshotStore, tenant: TenantId, manifest: SnapshotManifest) -> SnapshotBody:
    """Return the stored list of partitions."""
    return await SnapshotReader(store, RecentResults()).open(tenant, manifest)


async def test_a_snapshot_without_users_is_complete(stores: Stores, tenant: TenantId) -> None:
    """An empty group has a snapshot too."""
    ref = await staged(stores.snapshots, tenant, "a")
    assert await loaded(stores.snapshots, tenant, ref) == {}


async def test_a_snapshot_that_lacks_a_row_is_refused(stores: Stores, tenant: TenantId) -> None:
    """A row that was never stored, or has other content than was promised, makes loading a conflict."""
    ref = await staged(stores.snapshots, tenant, "a", [user(1)], [user(2)])
    body = await body_of(stores.snapshots, tenant, ref)
    _, other = encode_partition({person(3): user(3)}, "a")
    await stores.snapshots.put(tenant, USERS, {body.partitions[1].key(1): other})
    with pytest.raises(Conflict):
        await loaded(stores.snapshots, tenant, ref)
    with pytest.raises(Conflict):
        await loaded(stores.snapshots, TenantId(f"{tenant}-2"), ref)


async def test_committing_makes_current_and_deletes_the_other_pages(stores: Stores, tenant: TenantId) -> None:
    """After a commit the source's other attempts are gone, those of other sources and tenants are not."""
    group, neighbour = SourceId("users-2"), TenantId(f"{tenant}-2")
    assert await stores.snapshots.find_current(tenant, USERS) is None
    old = await staged(stores.snapshots, tenant, "9", [user(1)], [user(2)])
    others = [
        (tenant, await staged(stores.snapshots, tenant, "9", [user(4)], source=group)),
        (neighbour, await staged(stores.snapshots, neighbour, "9", [user(5)])),
    ]
    await stores.snapshots.commit(tenant, old, 1)
    assert await stores.snapshots.find_current(tenant, USERS) == old
    new = await staged(stores.snapshots, tenant, "5", [user(1)])
    lost = await staged(stores.snapshots, tenant, "55", [user(3)])
    await stores.snapshots.commit(tenant, new, 2)
    assert await stores.snapshots.find_current(tenant, USERS) == new
    assert len(await loaded(stores.snapshots, tenant, new)) == 1
    for ref in (old, lost):
        with pytest.raises(Conflict):
            await loaded(stores.snapshots, tenant, ref)
    for whose, ref in others:
        assert len(await loaded(stores.snapshots, whose, ref)) == 1


async def test_an_older_fencing_token_never_wins(stores: Stores, tenant: TenantId) -> None:
    """A late commit changes nothing, also where the newer fencing token has found nothing new."""
    newer = await staged(stores.snapshots, tenant, "new", [user(1)])
    await stores.snapshots.commit(tenant, newer, 5)
    await stores.snapshots.commit(tenant, newer, 7)
    late = await staged(stores.snapshots, tenant, "late", [user(2)])
    await stores.snapshots.commit(tenant, late, 6)
    assert await stores.snapshots.find_current(tenant, USERS) == newer
    assert len(await loaded(stores.snapshots, tenant, newer)) == 1


async def test_committing_again_finishes_what_a_crash_left(stores: Stores, tenant: TenantId) -> None:
    """A commit that is repeated deletes the pages that its first try did not come to."""
    ref = await staged(stores.snapshots, tenant, "a", [user(1)])
    await stores.snapshots.commit(tenant, ref, 1)
    left = await staged(stores.snapshots, tenant, "b", [user(2)])
    await stores.snapshots.commit(tenant, ref, 1)
    with pytest.raises(Conflict):
        await loaded(stores.snapshots, tenant, left)


async def test_a_commit_that_does_not_sweep_deletes_nothing(stores: Stores, tenant: TenantId) -> None:
    """A new delta link alone leaves the pages of a fetch that may still be under way; the next sweep takes them."""
    ref = await staged(stores.snapshots, tenant, "a", [user(1)])
    await stores.snapshots.commit(tenant, ref, 1)
    under_way = await staged(stores.snapshots, tenant, "b", [user(2)])
    moved_on = msgspec.structs.replace(ref, change_cursor="https://graph.example/next")
    await stores.snapshots.commit(tenant, moved_on, 2, sweep=False)
    assert await stores.snapshots.find_current(tenant, USERS) == moved_on
    assert len(await loaded(stores.snapshots, tenant, under_way)) == 1
    await stores.snapshots.commit(tenant, moved_on, 2)
    with pytest.raises(Conflict):
        await loaded(stores.snapshots, tenant, under_way)


async def test_other_pages_with_the_same_content(stores: Stores, tenant: TenantId) -> None:
    """Those that were current before go, also with a commit that does not sweep."""
    old = await staged(stores.snapshots, tenant, "a", [user(1)], [user(2)])
    await stores.snapshots.commit(tenant, old, 1)
    new = await staged(stores.snapshots, tenant, "b", [user(1), user(2)])
    assert new.fingerprint == old.fingerprint
    await stores.snapshots.commit(tenant, new, 2, sweep=False)
    assert len(await loaded(stores.snapshots, tenant, new)) == 2
    with pytest.raises(Conflict):
        await loaded(stores.snapshots, tenant, old)


async def test_a_guard_that_raises_keeps_what_is_left_over(stores: Stores, tenant: TenantId) -> None:
    """It is asked once all is known that would be deleted, and not at all if that is nothing."""
    asked = []

    async def guard() -> None:
        asked.append(await staged(stores.snapshots, tenant, "c", [user(3)]))  # a later run, which has just begun
        if len(asked) == 1:
            raise Superseded("the tenant is another run's")

    ref = await staged(stores.snapshots, tenant, "a", [user(1)])
    await stores.snapshots.commit(tenant, ref, 1, guard=guard)
    assert not asked
    left = await staged(stores.snapshots, tenant, "b", [user(2)])
    with pytest.raises(Superseded):
        await stores.snapshots.commit(tenant, ref, 1, guard=guard)
    assert len(await loaded(stores.snapshots, tenant, left)) == 1
    await stores.snapshots.delete_all(tenant)
    await staged(stores.snapshots, tenant, "b", [user(2)])
    await staged(stores.snapshots, tenant, "a", [user(1)])
    await stores.snapshots.commit(tenant, ref, 1, guard=guard)
    assert len(await loaded(stores.snapshots, tenant, asked[1])) == 1
    with pytest.raises(Conflict):
        await loaded(stores.snapshots, tenant, left)


async def test_rows_are_stored_together(stores: Stores, tenant: TenantId) -> None:
    """More than one request carries, by number and by bytes; they come back in order."""
    noise = random.Random(5)
    contents = [noise.randbytes(700_000) for _ in range(7)] + [bytes([number]) for number in range(205)]
    rows = {f"{number:04d}:a": content for number, content in enumerate(contents)}
    await stores.snapshots.put(tenant, USERS, rows)
    await stores.snapshots.put(tenant, USERS, {})
    assert [row async for row in stores.snapshots.read(tenant, USERS, list(rows))] == list(rows.items())


@pytest.mark.parametrize("among", [1, 40, 10_000], ids=["unknown", "nearly all", "few"])
@pytest.mark.parametrize("count", [0, 1, 2, 30], ids=["none", "one", "several", "many"])
async def test_some_rows(stores: Stores, tenant: TenantId, count: int, among: int) -> None:
    """Few or many, they come in order, those that are there; others do not."""
    rows = {f"{number:04d}:{attempt}": bytes([number]) for number in range(40) for attempt in ("a", "b")}
    await stores.snapshots.put(tenant, USERS, rows)
    keys = sorted(random.Random(count).sample(sorted(rows), count))
    asked = [*keys, "0041:a"]
    found = [row async for row in stores.snapshots.read(tenant, USERS, asked, among)]
    assert found == [(key, rows[key]) for key in keys]


async def test_rows_of_earlier_attempts(stores: Stores, tenant: TenantId) -> None:
    """A snapshot has those that its list names, and no others of these attempts; a commit deletes all but those."""
    first = await staged(stores.snapshots, tenant, "7", [user(number) for number in range(8)])
    await stores.snapshots.commit(tenant, first, 1)
    other = await staged(stores.snapshots, tenant, "3", [user(number, department="New") for number in range(8)])
    old, new = [(await body_of(stores.snapshots, tenant, ref)).partitions for ref in (first, other)]
    shared = SnapshotBody.of(msgspec.structs.replace(first, attempt="5"), [old[0], new[1]])
    await stores.snapshots.put(tenant, USERS, {shared.manifest.body_key: shared.content, "segment:000000:x": b"s"})
    await stores.snapshots.commit(tenant, shared.manifest, 2)
    for _ in range(2):
        found = await loaded(stores.snapshots, tenant, shared.manifest)
        assert {found[each].department for each in found} == {None, "New"}
        await stores.snapshots.commit(tenant, shared.manifest, 2)
    everything = sorted([old[1].key(1), new[0].key(0), first.body_key, other.body_key, "segment:000000:x"])
    assert [row async for row in stores.snapshots.read(tenant, USERS, everything)] == []


async def test_a_snapshot_without_its_list_deletes_nothing(stores: Stores, tenant: TenantId) -> None:
    """What belongs to it is not known."""
    kept = await staged(stores.snapshots, tenant, "a", [user(1)])
    lost = msgspec.structs.replace(kept, attempt="b")
    await stores.snapshots.commit(tenant, lost, 1)
    assert await loaded(stores.snapshots, tenant, kept) == {person(1): user(1)}


async def test_a_snapshot_of_an_earlier_version_is_none(
    azurite_stores: Stores, tables: Tables, tenant: TenantId
) -> None:
    """Its pages have no marks: the source is listed anew, and the next commit deletes them."""
    old = {"source": USERS, "attempt": "a", "digest": {"pages": 1, "users": 1, "sha256": "00", "content": "1"}}
    row = {"PartitionKey": f"{tenant}:{USERS}", "RowKey": "!current", "fencingToken": 3, **pack(old)}
    await tables.put(SNAPSHOTS, row)
    assert await azurite_stores.snapshots.find_current(tenant, USERS) is None
    ref = await staged(azurite_stores.snapshots, tenant, "b", [user(1)])
    await azurite_stores.snapshots.commit(tenant, ref, 4)
    assert await azurite_stores.snapshots.find_current(tenant, USERS) == ref


async def test_more_rows_than_a_batch_deletes(azurite_stores: Stores, tables: Tables, tenant: TenantId) -> None:
    """250 rows of an attempt that lost are deleted in batches; those of the current snapshot stay."""
    await azurite_stores.snapshots.put(tenant, USERS, {f"{number:04d}:lost": b"x" for number in range(250)})
    ref = await staged(azurite_stores.snapshots, tenant, "won", [user(1)])
    await azurite_stores.snapshots.commit(tenant, ref, 1)
    rows = [row["RowKey"] async for row in tables.query(SNAPSHOTS, partition=f"{tenant}:{USERS}")]
    assert rows == ["!current", "0000:won", "0001:won", "manifest:won"]


@pytest.mark.filterwarnings("ignore:Sending a large body:ResourceWarning")  # aiohttp's advice above 1 MiB
async def test_a_row_of_704_kib_fits(azurite_stores: Stores, tables: Tables, tenant: TenantId) -> None:
    """The largest one comes back whole; a byte more is refused with its size."""
    content = random.Random(7).randbytes(704 * 1024)
    await azurite_stores.snapshots.put(tenant, USERS, {"0000:a": content})
    rows = [row async for row in tables.query(SNAPSHOTS, partition=f"{tenant}:{USERS}")]
    assert b"".join(rows[0][f"p{number:02d}"] for number in range(11)) == content
    with pytest.raises(Rejected, match=str(len(content) + 1)):
        await azurite_stores.snapshots.put(tenant, USERS, {"0001:a": content + b"!"})
