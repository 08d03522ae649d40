"""Snapshots: pages that are staged, one attempt that becomes current, and what is left of the others."""

import random

import msgspec
import pytest

from shared.adapters.stores import Tables
from shared.adapters.stores.table_names import SNAPSHOTS
from shared.adapters.tables.packing import pack
from shared.domain.directory import DirectoryUser, Source
from shared.domain.ids import SourceId, TenantId
from shared.domain.snapshots.page import Page, decode_page, encode_page
from shared.domain.snapshots.snapshot import SnapshotDigest, SnapshotManifest, page_key
from shared.errors import Conflict, Rejected, Superseded
from shared.ports.snapshots import SnapshotStore
from tests.support.builders import loaded, person, user
from tests.support.samples import Stores

USERS = Source().id


async def staged(
    store: SnapshotStore, tenant: TenantId, attempt: str, *pages: list[DirectoryUser], source: SourceId = USERS
) -> SnapshotManifest:
    """Stage pages and return the reference that promises them."""
    digest = SnapshotDigest()
    for index, users in enumerate(pages):
        page = Page.of(encode_page(users), users)
        await store.stage(tenant, source, attempt, index, [page])
        digest = digest.add(page.content, users)
    return SnapshotManifest(source=source, attempt=attempt, digest=digest, change_cursor="https://graph.example/delta")


async def test_a_snapshot_without_pages_is_complete(stores: Stores, tenant: TenantId) -> None:
    """An empty group has a snapshot too."""
    ref = await staged(stores.snapshots, tenant, "a")
    assert (await loaded(stores.snapshots, tenant, ref)).users == {}


async def test_a_snapshot_that_lacks_a_page_is_refused(stores: Stores, tenant: TenantId) -> None:
    """A page that was never staged, or has other content than was promised, makes loading a conflict."""
    ref = await staged(stores.snapshots, tenant, "a", [user(1)], [user(2)])
    await stores.snapshots.stage(tenant, USERS, "a", 1, [Page.of(encode_page([user(3)]), [user(3)])])
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
    assert len((await loaded(stores.snapshots, tenant, new)).users) == 1
    for ref in (old, lost):
        with pytest.raises(Conflict):
            await loaded(stores.snapshots, tenant, ref)
    for whose, ref in others:
        assert len((await loaded(stores.snapshots, whose, ref)).users) == 1


async def test_an_older_fencing_token_never_wins(stores: Stores, tenant: TenantId) -> None:
    """A late commit changes nothing, also where the newer fencing token has found nothing new."""
    newer = await staged(stores.snapshots, tenant, "new", [user(1)])
    await stores.snapshots.commit(tenant, newer, 5)
    await stores.snapshots.commit(tenant, newer, 7)
    late = await staged(stores.snapshots, tenant, "late", [user(2)])
    await stores.snapshots.commit(tenant, late, 6)
    assert await stores.snapshots.find_current(tenant, USERS) == newer
    assert len((await loaded(stores.snapshots, tenant, newer)).users) == 1


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
    assert len((await loaded(stores.snapshots, tenant, under_way)).users) == 1
    await stores.snapshots.commit(tenant, moved_on, 2)
    with pytest.raises(Conflict):
        await loaded(stores.snapshots, tenant, under_way)


async def test_other_pages_with_the_same_content(stores: Stores, tenant: TenantId) -> None:
    """Those that were current before go, also with a commit that does not sweep."""
    old = await staged(stores.snapshots, tenant, "a", [user(1)], [user(2)])
    await stores.snapshots.commit(tenant, old, 1)
    new = await staged(stores.snapshots, tenant, "b", [user(1), user(2)])
    await stores.snapshots.commit(tenant, new, 2, sweep=False)
    assert len((await loaded(stores.snapshots, tenant, new)).users) == 2
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
    assert len((await loaded(stores.snapshots, tenant, left)).users) == 1
    await stores.snapshots.delete_all(tenant)
    await staged(stores.snapshots, tenant, "b", [user(2)])
    await staged(stores.snapshots, tenant, "a", [user(1)])
    await stores.snapshots.commit(tenant, ref, 1, guard=guard)
    assert len((await loaded(stores.snapshots, tenant, asked[1])).users) == 1
    with pytest.raises(Conflict):
        await loaded(stores.snapshots, tenant, left)


async def test_pages_are_stored_together(stores: Stores, tenant: TenantId) -> None:
    """More than one request carries, by number and by bytes; they come back in order, and so do their marks."""
    noise = random.Random(5)
    contents = [noise.randbytes(700_000) for _ in range(7)] + [bytes([number]) for number in range(205)]
    pages = [Page.of(content, [user(number)]) for number, content in enumerate(contents)]
    await stores.snapshots.stage(tenant, USERS, "a", 0, pages[:100])
    await stores.snapshots.stage(tenant, USERS, "a", 100, pages[100:])
    await stores.snapshots.stage(tenant, USERS, "a", 0, [])
    ref = SnapshotManifest(source=USERS, attempt="a", digest=SnapshotDigest(pages=len(pages)))
    assert [page async for page in stores.snapshots.list_pages(tenant, ref)] == contents
    marks = [mark async for mark in stores.snapshots.list_page_index(tenant, ref)]
    assert [(mark.page_key, mark.digest, mark.id_hashes) for mark in marks] == [
        (page_key("a", number), page.digest, page.id_hashes) for number, page in enumerate(pages)
    ]


@pytest.mark.parametrize("count", [1, 2, 30], ids=["one", "several", "nearly all"])
async def test_some_pages(stores: Stores, tenant: TenantId, count: int) -> None:
    """Few or many, they come in order, those that are there; others do not."""
    ref = await staged(stores.snapshots, tenant, "a", *([user(number)] for number in range(40)))
    await staged(stores.snapshots, tenant, "b", [user(77)])
    numbers = sorted(random.Random(count).sample(range(40), count))
    page_keys = {page_key("a", number) for number in numbers}
    asked = page_keys | {page_key("a", 40)}
    found = [page async for page in stores.snapshots.list_pages(tenant, ref, asked)]
    assert [decode_page(page) for page in found] == [[user(number)] for number in numbers]
    assert [page async for page in stores.snapshots.list_pages(tenant, ref, set())] == []


async def test_pages_of_earlier_attempts(stores: Stores, tenant: TenantId) -> None:
    """A snapshot has those that it names, and no others of these attempts; a commit deletes all but those."""
    first = await staged(stores.snapshots, tenant, "7", [user(1)], [user(2)], [user(3)])
    await stores.snapshots.commit(tenant, first, 1)
    await staged(stores.snapshots, tenant, "5", [user(9)])
    await staged(stores.snapshots, tenant, "3", [user(4)], [user(5)])
    await staged(stores.snapshots, tenant, "3-changes", [user(6)])
    page_keys = (page_key("3", 1), page_key("7", 0), page_key("7", 2))
    digest = SnapshotDigest()
    for users in ([user(5)], [user(1)], [user(3)]):
        digest = digest.add(encode_page(users), users)
    ref = SnapshotManifest(source=USERS, attempt="3", digest=digest, page_keys=page_keys)
    for _ in range(2):
        assert set((await loaded(stores.snapshots, tenant, ref)).users) == {person(1), person(3), person(5)}
        assert tuple([mark.page_key async for mark in stores.snapshots.list_page_index(tenant, ref)]) == page_keys
        await stores.snapshots.commit(tenant, ref, 2)
    assert await stores.snapshots.find_current(tenant, USERS) == ref
    everything = SnapshotManifest(
        source=USERS,
        attempt="3",
        digest=SnapshotDigest(),
        page_keys=tuple(sorted(page_key(each, number) for each in ("3", "3-changes", "5", "7") for number in range(3))),
    )
    assert tuple([mark.page_key async for mark in stores.snapshots.list_page_index(tenant, everything)]) == page_keys


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


async def test_more_pages_than_a_batch_deletes(azurite_stores: Stores, tables: Tables, tenant: TenantId) -> None:
    """250 pages of an attempt that lost are deleted in batches; one row a page and the current one stay."""
    await staged(azurite_stores.snapshots, tenant, "lost", *([user(number)] for number in range(250)))
    ref = await staged(azurite_stores.snapshots, tenant, "won", [user(1)])
    await azurite_stores.snapshots.commit(tenant, ref, 1)
    rows = [row["RowKey"] async for row in tables.query(SNAPSHOTS, partition=f"{tenant}:{USERS}")]
    assert rows == ["!current", "won:000000"]


@pytest.mark.filterwarnings("ignore:Sending a large body:ResourceWarning")  # aiohttp's advice above 1 MiB
async def test_a_page_of_704_kib_fits(azurite_stores: Stores, tables: Tables, tenant: TenantId) -> None:
    """The largest page that a row takes comes back whole; a byte more is refused with its size."""
    page = random.Random(7).randbytes(704 * 1024)
    await azurite_stores.snapshots.stage(tenant, USERS, "a", 0, [Page.of(page, [])])
    rows = [row async for row in tables.query(SNAPSHOTS, partition=f"{tenant}:{USERS}")]
    assert b"".join(rows[0][f"p{number:02d}"] for number in range(11)) == page
    with pytest.raises(Rejected, match=str(len(page) + 1)):
        await azurite_stores.snapshots.stage(tenant, USERS, "a", 1, [Page.of(page + b"!", [])])
