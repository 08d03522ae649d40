"""A round of changes is bounded as a listing is, over all messages of its job. Beyond, the source is listed."""

import pytest

from shared.domain.directory import ChangesPage, DirectoryUser
from shared.domain.ids import ObjectId, TenantId
from shared.domain.reconcile.absence import EVERYONE
from shared.domain.run import RunState
from shared.workflows.sync import source_listing
from tests.simulation.worlds import full_world
from tests.support.builders import loaded, user
from tests.support.world import World

CONTOSO = TenantId("contoso")


async def synced(world: World) -> dict[ObjectId, DirectoryUser]:
    """Sync a second time, and return the people of the snapshot, which must be those of the directory."""
    run = await world.sync("contoso", "second")
    assert (run.state, run.problems) == (RunState.DONE, ())
    manifest = await world.ports.snapshots.find_current(CONTOSO, EVERYONE)
    assert manifest is not None
    people = await loaded(world.ports.snapshots, CONTOSO, manifest)
    assert people == world.directory().people
    return dict(people)


def count_pages(world: World, monkeypatch: pytest.MonkeyPatch, slow_s: float = 0) -> list[str]:
    """Return the list to which each page of changes that is read adds its cursor. Each takes a while."""
    changes, pages = world.directory().changes, list[str]()

    async def page(cursor: str) -> ChangesPage:
        world.clock.advance(slow_s)
        pages.append(cursor)
        return await changes(cursor)

    monkeypatch.setattr(world.directory(), "changes", page)
    return pages


@pytest.mark.parametrize("slow_s", [0, 30])
async def test_a_round_that_names_people_again_and_again(slow_s: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """After more items than are worth reading, the source is listed, also if several messages have read them."""
    world = await full_world()
    await world.sync("contoso", "first")
    monkeypatch.setattr(source_listing, "_MAX_MORE", 20)
    world.directory().put(*(user(number % 3, department=str(number)) for number in range(400)))
    pages = count_pages(world, monkeypatch, slow_s)
    assert (await synced(world))[user(0).id].department == "399"
    assert len(pages) == (2 * 30 + 20) / 2 + 1


async def test_a_long_round_within_its_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is read to its end, over several messages, without a listing."""
    world = await full_world()
    await world.sync("contoso", "first")
    world.directory().put(*(user(number % 30, department=str(number)) for number in range(80)))
    pages, requests = count_pages(world, monkeypatch, 30), world.directory().requests
    await synced(world)
    assert len(pages) == len(set(pages)) == 40
    assert world.directory().requests == requests + 40


@pytest.mark.parametrize("ever_new", [False, True])
@pytest.mark.parametrize("slow_s", [0, 30])
async def test_a_round_without_an_end(slow_s: float, ever_new: bool, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: FBT001 - a case
    """A link that leads back, and links that never end, in one message or several: the source is listed."""
    world = await full_world()
    await world.sync("contoso", "first")
    monkeypatch.setattr(source_listing, "_MAX_PAGES", 20)
    world.directory().put(user(7, department="New"))
    pages = list[str]()

    async def endless(cursor: str) -> ChangesPage:
        world.clock.advance(slow_s)
        pages.append(cursor)
        following = f"changes:{len(pages)}" if ever_new else "changes:again"
        return ChangesPage(changes=[], next_cursor=following, change_cursor=None)

    monkeypatch.setattr(world.directory(), "changes", endless)
    assert (await synced(world))[user(7).id].department == "New"
    assert len(pages) <= 21
