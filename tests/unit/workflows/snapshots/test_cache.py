"""Snapshots that several jobs of a worker read at the same time."""

import asyncio
from collections.abc import AsyncIterator, Collection

import pytest

from shared.domain.directory import Source
from shared.domain.ids import TenantId
from shared.domain.snapshots.page import encode_page
from shared.domain.snapshots.partitions import Cuts
from shared.domain.snapshots.snapshot import SnapshotDigest, SnapshotManifest
from shared.errors import Conflict
from shared.workflows.snapshots.cache import CutSnapshots
from tests.support.builders import user
from tests.support.fakes.snapshots import FakeSnapshotStore

TENANT = TenantId("contoso")
PEOPLE = [user(number) for number in range(20)]
PAGE = encode_page(PEOPLE)
REF = SnapshotManifest(source=Source().id, attempt="a", digest=SnapshotDigest().add(PAGE, PEOPLE))
CUTS = Cuts(20)


class Counting(FakeSnapshotStore):
    """Counts how often pages are read, and can have lost them."""

    def __init__(self) -> None:
        super().__init__()
        self.readings = 0
        self.lost = False

    async def list_pages(
        self, tenant: TenantId, ref: SnapshotManifest, only: Collection[str] | None = None
    ) -> AsyncIterator[bytes]:
        """Iterate over the page, as over the network."""
        assert (tenant, ref, only) == (TENANT, REF, None)
        self.readings += 1
        await asyncio.sleep(0)
        if not self.lost:
            yield PAGE


async def people(cut: CutSnapshots) -> int:
    """Return how many people there are, after a while."""
    async with cut.opened(TENANT, REF, CUTS) as found:
        await asyncio.sleep(0)
        return len(found.part(0).users)


async def test_it_is_read_once_for_all_who_have_it_at_a_time() -> None:
    """And again for who comes when nobody has it any more: then it was freed."""
    store = Counting()
    cut = CutSnapshots(store)
    assert await asyncio.gather(*(people(cut) for _ in range(5))) == [20] * 5
    assert store.readings == 1
    async with cut.opened(TENANT, REF, CUTS) as first:
        async with cut.opened(TENANT, REF, CUTS) as second:
            assert first is second
        assert len(first.part(0).users) == 20
    assert store.readings == 2
    with pytest.raises(IndexError):  # never a part without people
        first.part(0)


async def test_whoever_comes_after_one_who_failed_reads_anew() -> None:
    """Pages that were missing once are asked for again."""
    store = Counting()
    store.lost = True
    cut = CutSnapshots(store)
    with pytest.raises(Conflict):
        await people(cut)
    store.lost = False
    assert await people(cut) == 20


async def test_who_is_cancelled_leaves_it_to_the_others() -> None:
    """Before it was read, and while it is."""
    store = Counting()
    cut = CutSnapshots(store)
    tasks = [asyncio.create_task(people(cut)) for _ in range(3)]
    await asyncio.sleep(0)
    tasks[0].cancel()
    tasks[1].cancel()
    found = await asyncio.gather(*tasks, return_exceptions=True)
    assert [isinstance(each, asyncio.CancelledError) for each in found] == [True, True, False]
    assert found[2] == 20
