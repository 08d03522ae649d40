"""Snapshots share the pages on which nobody has changed; what they hold is always what the directory holds."""

import random
from collections.abc import AsyncIterator, Collection

import pytest

from shared.domain.directory import ChangesPage, DirectoryUser
from shared.domain.ids import LocationId, ObjectId, TenantId
from shared.domain.preferences.attribute_map import Attributes
from shared.domain.preferences.preferences import GuardLimits, Mode, Preferences
from shared.domain.reconcile.absence import EVERYONE
from shared.domain.run import RunMode, RunState
from shared.domain.snapshots import page as snapshot_page
from shared.domain.snapshots.snapshot import SnapshotDigest, SnapshotManifest
from shared.domain.snapshots.verification import CompleteSnapshot
from shared.domain.sync.jobs import FetchCheckpoint, FetchJob
from shared.workflows.snapshots import writer
from tests.support.builders import loaded, person, user
from tests.support.fakes import FakeSnapshotStore
from tests.support.ids import TWINS
from tests.support.world import Fuse, World, deliver, drain_with_retries

CONTOSO = TenantId("contoso")
BERLIN = LocationId("berlin")
LENIENT = GuardLimits(max_share=1, max_people=1_000_000, small_max_share=1)
#: Of 40 people in pages of two.
PEOPLE, PAGES = 40, 20


async def synced_world() -> World:
    """Return a world after its first sync: full mode, one location, a lenient guard."""
    world = World()
    preferences = Preferences(mode=Mode.FULL, guard=LENIENT)
    await world.tenant("contoso", [user(number) for number in range(PEOPLE)], preferences, {BERLIN: []})
    await world.sync("contoso", "first")
    return world


async def current(world: World) -> tuple[SnapshotManifest, CompleteSnapshot]:
    """Return the snapshot that is current, verified."""
    ref = await world.ports.snapshots.find_current(CONTOSO, EVERYONE)
    assert ref is not None
    return ref, await loaded(world.ports.snapshots, CONTOSO, ref)


async def page_keys(world: World, ref: SnapshotManifest) -> list[str]:
    """Return where a snapshot's pages are."""
    return [mark.page_key async for mark in world.ports.snapshots.list_page_index(CONTOSO, ref)]


async def holds_the_directory(world: World) -> SnapshotManifest:
    """Return the current snapshot, which holds exactly what the directory does."""
    ref, found = await current(world)
    assert dict(found.users) == world.directory().people
    assert ref.digest.users == len(found.users)
    return ref


async def test_only_pages_that_change_are_written(monkeypatch: pytest.MonkeyPatch) -> None:
    """A change, a leaver and a newcomer: two pages are read, two written, and 18 stay where they were."""
    world = await synced_world()
    before = await page_keys(world, await holds_the_directory(world))
    assert len(before) == PAGES
    read = Read(world, monkeypatch)
    world.directory().put(user(3, department="New"), user(100))
    world.directory().remove(person(10))
    await world.sync("contoso", "second")
    assert read.single == [{before[1], before[5]}]
    after = await page_keys(world, await holds_the_directory(world))
    assert set(before) - set(after) == {before[1], before[5]}
    assert len(after) == PAGES + 1
    assert sorted(world_places(world)) == sorted(after)


async def test_nothing_of_an_unchanged_directory_is_written() -> None:
    """Somebody who is named without being any different, and one who was never there, leave the snapshot as it is."""
    world = await synced_world()
    before = await holds_the_directory(world)
    directory = world.directory()
    directory.put(user(3))
    directory.put(user(77))
    directory.remove(person(77))
    await world.sync("contoso", "second")
    ref = await holds_the_directory(world)
    assert (ref.attempt, ref.page_keys, ref.digest) == (before.attempt, before.page_keys, before.digest)
    assert ref.change_cursor != before.change_cursor


async def test_who_only_looks_like_somebody_who_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A page with another id that has the same hash is read, and stays."""
    world = await synced_world()
    directory = world.directory()
    for number, twin in enumerate(TWINS):  # on a page of their own
        directory.put(DirectoryUser(twin, f"twin{number}@example.com"))
        await world.sync("contoso", f"second-{number}")
    before = await page_keys(world, await holds_the_directory(world))
    read = Read(world, monkeypatch)
    directory.put(DirectoryUser(TWINS[0], "twin0@example.com", department="New"))
    await world.sync("contoso", "third")
    after = await page_keys(world, await holds_the_directory(world))
    ((asked),) = read.single
    assert len(asked) == 2
    assert len(set(before) - set(after)) == 1


async def test_everybody_has_changed_or_left() -> None:
    """Then no page is shared; and pages on which nobody is left are gone."""
    world = await synced_world()
    world.directory().put(*(user(number, department="New") for number in range(PEOPLE)))
    await world.sync("contoso", "second")
    ref = await holds_the_directory(world)
    assert ref.page_keys == ()
    world.directory().remove(*(person(number) for number in range(1, PEOPLE)))
    run = await world.sync("contoso", "third")
    assert run.state is RunState.DONE
    assert (await holds_the_directory(world)).digest.pages == 1


async def test_many_newcomers_end_on_common_pages() -> None:
    """Each came on a page of their own; a listing puts them together, also where it finds the same people."""
    world = await synced_world()
    directory = world.directory()
    for number in range(4):
        await world.sync("contoso", f"listed-{number}", RunMode.FULL)
        assert (await holds_the_directory(world)).digest.pages == PAGES
    directory.page_size = 20
    for number in range(100, 120):
        directory.put(user(number))
        await world.sync("contoso", f"newcomer-{number}")
    assert (await holds_the_directory(world)).digest.pages == PAGES + 20
    await world.sync("contoso", "listed", RunMode.FULL)
    assert (await holds_the_directory(world)).digest.pages == 3


@pytest.mark.parametrize("seed", range(8))
async def test_any_history(seed: int) -> None:
    """After each run the snapshot holds the directory, nothing else is stored, and a listing finds the same content."""
    chance = random.Random(seed)
    world = await synced_world()
    directory, newest = world.directory(), PEOPLE
    for step in range(12):
        for _ in range(chance.randrange(5)):
            known = sorted(directory.people)
            match chance.randrange(3):
                case 0:
                    directory.put(user(newest))
                    newest += 1
                case 1 if len(known) > 1:
                    directory.remove(chance.choice(known))
                case _:
                    number = int(chance.choice(known)[-12:])
                    directory.put(user(number, department=str(chance.random())))
        run = await world.sync("contoso", f"step-{step}")
        assert run.state is RunState.DONE
        ref = await holds_the_directory(world)
        assert sorted(world_places(world)) == sorted(await page_keys(world, ref))
    before, _ = await current(world)
    run = await world.sync("contoso", "listed", RunMode.FULL)
    assert (run.counts.created, run.counts.updated, run.counts.deactivated) == (0, 0, 0)
    assert (await current(world))[0].digest.same_content(before.digest)


@pytest.mark.parametrize("seed", range(6))
async def test_whoever_a_round_names_twice(seed: int) -> None:
    """The last word counts, however their neighbours change afterwards; who was taken back stays away."""
    chance = random.Random(seed)
    preferences = Preferences(mode=Mode.FULL, guard=LENIENT, attributes=Attributes(manager=True))
    people = [user(number, department="old") for number in range(10)]
    again = [user(0, department="new"), user(50), user(1, department="new")]
    world = World()
    directory = await world.tenant("contoso", [*people, *again], preferences, {BERLIN: []})
    directory.remove(person(3))
    await world.sync("contoso", "first")
    ref = await holds_the_directory(world)
    assert [page_keys for page_keys in ref.page_keys if page_keys.startswith(ref.attempt)]
    for step in range(5):
        directory.put(user(chance.choice([2, 4, 50]), department=str(step)))
        await world.sync("contoso", f"step-{step}")
        await holds_the_directory(world)
    run = await world.sync("contoso", "listed", RunMode.FULL)
    assert (run.counts.created, run.counts.updated, run.counts.deactivated) == (0, 0, 0)
    await holds_the_directory(world)


@pytest.mark.parametrize("seed", range(30))
async def test_any_history_of_rounds_with_workers_that_die(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rounds that name people again and take them back, in several messages, with ids that end alike and full pages."""
    chance = random.Random(seed)
    monkeypatch.setattr(writer, "_HELD_BYTES", chance.choice([0, 300, 512 * 1024]))
    monkeypatch.setattr(snapshot_page, "MAX_PAGE_BYTES", chance.choice([200, 700_000]))
    preferences = Preferences(mode=Mode.FULL, guard=LENIENT, attributes=Attributes(manager=True))
    world = World()
    directory = await world.tenant("contoso", [user(0)], preferences, {BERLIN: []})
    ids = [ObjectId(f"{number:08d}{person(number % 5)[8:]}") for number in range(chance.choice([3, 25]))]
    changes = directory.changes

    async def slowly(link: str) -> ChangesPage:
        if chance.random() < 0.3:
            world.clock.advance(80)  # most of what a message may take
        return await changes(link)

    monkeypatch.setattr(directory, "changes", slowly)
    for step in range(6):
        for _ in range(chance.choice([0, 1, 5, 40])):
            one = chance.choice(ids)
            if one in directory.people and chance.random() < 0.4:
                directory.remove(one)
            else:
                directory.put(DirectoryUser(one, f"{one}@example.com", display_name=str(chance.random())))
        world.clock.advance(60)
        await world.request("contoso", f"step-{step}", chance.choice([RunMode.FULL, RunMode.INCREMENTAL]))
        await drain_with_retries(world, world.fragile(Fuse(chance.randrange(150), after=chance.random() < 0.5)))
        run = await world.newest("contoso")
        assert run.state in {RunState.DONE, RunState.HELD}, run.problems
        await holds_the_directory(world)


async def test_a_snapshot_that_is_not_whole_is_replaced_by_a_full_run() -> None:
    """Also where the directory is as it was."""
    world = await synced_world()
    await lose(world, 7)
    run = await world.sync("contoso", "second")
    assert run.state is RunState.DONE
    run = await world.sync("contoso", "third", RunMode.FULL)
    assert (run.state, run.counts.updated, run.counts.deactivated) == (RunState.DONE, 0, 0)
    await holds_the_directory(world)


@pytest.mark.parametrize("lost", [3, 4], ids=["who changed was on it", "nobody who changed was on it"])
async def test_a_snapshot_that_is_not_whole(lost: int) -> None:
    """It is not patched: its source is listed anew, and nobody is lost."""
    world = await synced_world()
    await lose(world, lost // 2)
    world.directory().put(user(3, department="New"))
    run = await world.sync("contoso", "second")
    assert (run.state, run.counts.updated, run.counts.deactivated) == (RunState.DONE, 1, 0)
    await holds_the_directory(world)


async def test_a_group_that_is_stored_anew_leaves_nothing_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    """One too large to be held until it is known that nothing has changed: the pages before go with each run."""
    monkeypatch.setattr(writer, "_HELD_BYTES", 0)
    world, group = World(), ObjectId(person(900))
    people = [user(number) for number in range(PEOPLE)]
    directory = await world.tenant("contoso", people, Preferences(guard=LENIENT), {BERLIN: [group]})
    directory.members[group] = [person.id for person in people]
    for number in range(4):
        run = await world.sync("contoso", f"again-{number}")
        assert run.state is RunState.DONE
        assert len(world_places(world)) == PAGES


async def test_a_position_of_an_earlier_version() -> None:
    """What was read before it cannot be verified any more: the listing begins anew."""
    world = World()
    people = [user(number) for number in range(PEOPLE)]
    await world.tenant("contoso", people, Preferences(mode=Mode.FULL, guard=LENIENT), {BERLIN: []})
    await world.request("contoso", "first")
    await deliver(world.app, world.queue.messages.pop(0))
    (job,) = world.queue.messages
    assert isinstance(job, FetchJob)
    checkpoint = FetchCheckpoint(attempt="old", next_cursor="page:7", digest=SnapshotDigest(pages=7, users=14))
    await world.ports.runs.save_checkpoint(job, checkpoint)
    await world.drain()
    assert (await world.newest("contoso")).counts.created == PEOPLE
    await holds_the_directory(world)


class Read:
    """Notes which pages are asked for one by one."""

    def __init__(self, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
        self.single: list[set[str]] = []
        store = world.ports.snapshots
        pages = store.list_pages

        async def reading(
            tenant: TenantId, ref: SnapshotManifest, only: Collection[str] | None = None
        ) -> AsyncIterator[bytes]:
            if only is not None:
                self.single.append(set(only))
            async for page in pages(tenant, ref, only):
                yield page

        monkeypatch.setattr(store, "list_pages", reading)


def world_places(world: World) -> list[str]:
    """Return where pages are, whosever they are."""
    store = world.ports.snapshots
    assert isinstance(store, FakeSnapshotStore)
    return store.page_keys


async def lose(world: World, number: int) -> None:
    """Let a page of the current snapshot be gone."""
    ref, _ = await current(world)
    store = world.ports.snapshots
    assert isinstance(store, FakeSnapshotStore)
    store.lose(CONTOSO, EVERYONE, (await page_keys(world, ref))[number])
