"""A server that chooses object ids of few hash ranges, whose people would have to be in memory together."""

from collections.abc import Callable

import pytest

from shared.domain.ids import MAIN, LocationId, RecipientId, TenantId, whole_directory
from shared.domain.preferences.preferences import Mode, Preferences
from shared.domain.run import RunMode, RunState
from shared.domain.snapshots import collector, verification
from shared.domain.snapshots.partitions import MAX_PARTITION_ITEMS, MAX_PARTITIONS
from shared.workflows.snapshots import merger
from shared.workflows.sync import comparison
from tests.support.builders import user
from tests.support.fakes import FakeDirectory
from tests.support.world import World

CONTOSO, DESK = TenantId("contoso"), LocationId("desk")
#: A smaller number of items than in the product.
FEW = 20


def ranges(number: int) -> Callable[..., int]:
    """Return a hash by which all ids are in the first `number` of the finest ranges, in their order."""

    def partition_of(name: RecipientId, count: int = MAX_PARTITIONS) -> int:
        return int(name[:3], 16) * number // MAX_PARTITIONS * count // MAX_PARTITIONS

    return partition_of


@pytest.fixture
def crowd(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Chooses how many ranges have ids."""

    def choose(number: int) -> None:
        for module in (collector, comparison, verification):
            monkeypatch.setattr(module, "partition_of", ranges(number))

    return choose


async def synced(people: int) -> tuple[World, FakeDirectory]:
    """Return a world after the first sync of this number of people."""
    world = World()
    directory = await world.tenant(CONTOSO, [user(n) for n in range(people)], Preferences(mode=Mode.FULL), {DESK: []})
    await world.sync(CONTOSO, "first")
    return world, directory


async def test_ids_of_one_range_fail_the_source(crowd: Callable[[int], None]) -> None:
    """In its first message, without a change; with one person less, they are processed."""
    crowd(1)
    world, directory = await synced(MAX_PARTITION_ITEMS)
    run = await world.newest(CONTOSO)
    assert (run.state, run.counts.created) == (RunState.DONE, MAX_PARTITION_ITEMS)
    directory.put(user(MAX_PARTITION_ITEMS))
    for mode in RunMode:
        run = await world.sync(CONTOSO, mode, mode)
        assert (run.state, [problem.code for problem in run.problems]) == (RunState.FAILED, ["crowded_ids"])
    assert len(await world.recipients(CONTOSO, DESK)) == MAX_PARTITION_ITEMS
    directory.remove(user(0).id, user(1).id)
    assert (await world.sync(CONTOSO, "fewer")).counts.deactivated == 2


async def test_ids_of_few_ranges_are_stored_in_more_partitions(
    crowd: Callable[[int], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that no partition has more people than are processed in one piece, also if changes bring them."""
    monkeypatch.setattr(merger, "MAX_PARTITION_ITEMS", FEW)
    crowd(8)
    world, directory = await synced(FEW)
    assert await _sizes(world) == [FEW]
    for more in range(FEW, 5 * FEW, 5):
        directory.put(*(user(number) for number in range(more, more + 5)))
        run = await world.sync(CONTOSO, f"{more} people")
        assert (run.state, run.counts.created) == (RunState.DONE, 5)
        assert max(await _sizes(world)) <= FEW
    assert len(await world.recipients(CONTOSO, DESK)) == sum(await _sizes(world)) == 5 * FEW


async def _sizes(world: World) -> list[int]:
    """Return the numbers of people of the stored partitions."""
    manifest = await world.ports.snapshots.find_current(CONTOSO, whole_directory(MAIN))
    assert manifest is not None
    body = await world.app.reader.open(CONTOSO, manifest)
    return [partition.users for partition in body.partitions]
