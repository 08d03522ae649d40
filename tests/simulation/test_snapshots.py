"""Snapshots share the partitions without changes; what they hold is always what the directory holds."""

import random
from collections.abc import AsyncIterator, Sequence

import msgspec
import pytest

from shared.domain.directory import ChangesPage, DirectoryUser, Source, UsersPage
from shared.domain.ids import MAIN, LocationId, ObjectId, SourceId, TenantId, recipient_id_of
from shared.domain.preferences.attribute_map import Attributes
from shared.domain.preferences.preferences import GuardLimits, Mode, Preferences
from shared.domain.reconcile.absence import EVERYONE
from shared.domain.run import RunMode, RunState
from shared.domain.snapshots import collector, partitions
from shared.domain.snapshots.partitions import partition_of
from shared.domain.snapshots.snapshot import SnapshotBody, SnapshotManifest
from shared.domain.sync.jobs import FetchCheckpoint, FetchJob
from shared.errors import PageTokenExpired, Transient
from shared.workflows.snapshots import draft
from shared.workflows.snapshots.cache import RecentResults
from shared.workflows.snapshots.reader import SnapshotReader
from shared.workflows.sync import comparison
from tests.support.builders import loaded, person, user
from tests.support.fakes import FakeSnapshotStore
from tests.support.world import Fuse, World, deliver, drain_with_retries

CONTOSO = TenantId("contoso")
BERLIN = LocationId("berlin")
LENIENT = GuardLimits(max_share=1, max_people=1_000_000, small_max_share=1)
#: Of 40 people, some three in each partition.
PEOPLE, COUNT = 40, 16


@pytest.fixture(autouse=True)
def small_partitions(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let partitions have few people."""
    monkeypatch.setattr(partitions, "PARTITION_PEOPLE", 3)


def partition_number(number: int) -> int:
    """Return the partition of the n-th person."""
    return partition_of(recipient_id_of(MAIN, person(number)), COUNT)


async def synced_world() -> World:
    """Return a world after its first sync: full mode, one location, a lenient guard."""
    world = World()
    preferences = Preferences(mode=Mode.FULL, guard=LENIENT)
    await world.tenant("contoso", [user(number) for number in range(PEOPLE)], preferences, {BERLIN: []})
    await world.sync("contoso", "first")
    return world


async def current(world: World) -> SnapshotBody:
    """Return the snapshot that is current."""
    manifest = await world.ports.snapshots.find_current(CONTOSO, EVERYONE)
    assert manifest is not None
    return await SnapshotReader(world.ports.snapshots, RecentResults()).open(CONTOSO, manifest)


async def holds_the_directory(world: World) -> SnapshotManifest:
    """Return the current snapshot, which holds exactly what the directory does. Nothing else is stored."""
    body = await current(world)
    assert await loaded(world.ports.snapshots, CONTOSO, body.manifest) == world.directory().people
    assert body.manifest.users == len(world.directory().people)
    assert sorted(stored_keys(world)) == sorted(body.keys)
    return body.manifest


async def test_only_partitions_that_change_are_read_and_written(monkeypatch: pytest.MonkeyPatch) -> None:
    """A change, a leaver and a newcomer: those of three people, at most; all others are shared."""
    world = await synced_world()
    before = (await current(world)).partitions
    assert len(before) == COUNT
    read = Read(world, monkeypatch)
    world.directory().put(user(3, department="New"), user(100))
    world.directory().remove(person(10))
    await world.sync("contoso", "second")
    asked = read.partitions
    await holds_the_directory(world)
    after = (await current(world)).partitions
    touched = {partition_number(number) for number in (3, 10, 100)}
    assert {number for number in range(COUNT) if before[number] != after[number]} == touched
    assert asked == touched


async def test_nothing_of_an_unchanged_directory_is_written() -> None:
    """A person who is named without a difference, and one who was never there, leave the snapshot as it is."""
    world = await synced_world()
    before = await holds_the_directory(world)
    directory = world.directory()
    directory.put(user(3))
    directory.put(user(77))
    directory.remove(person(77))
    await world.sync("contoso", "second")
    after = await holds_the_directory(world)
    assert after.change_cursor != before.change_cursor
    assert msgspec.structs.replace(after, change_cursor=before.change_cursor) == before


async def test_an_unchanged_run_reads_no_list_of_partitions(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor anything else of a snapshot but its manifest."""
    world = await synced_world()
    read = Read(world, monkeypatch)
    await world.sync("contoso", "second")
    assert read.keys == []


async def test_everybody_has_changed_or_left() -> None:
    """No partition is shared; the number of partitions changes with the next listing."""
    world = await synced_world()
    world.directory().put(*(user(number, department="New") for number in range(PEOPLE)))
    await world.sync("contoso", "second")
    manifest = await holds_the_directory(world)
    written = [partition.attempt for partition in (await current(world)).partitions if partition.users]
    assert set(written) == {manifest.attempt}
    world.directory().remove(*(person(number) for number in range(1, PEOPLE)))
    run = await world.sync("contoso", "third")
    assert run.state is RunState.DONE
    assert (await holds_the_directory(world)).partitions == COUNT
    await world.sync("contoso", "listed", RunMode.FULL)
    assert (await holds_the_directory(world)).partitions == 1


async def test_a_listing_that_continues_reads_no_page_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    """Told to wait on page 7, and out of time on page 12, the next messages continue there."""
    world = World()
    people = [user(number) for number in range(PEOPLE)]
    directory = await world.tenant("contoso", people, Preferences(mode=Mode.FULL, guard=LENIENT), {BERLIN: []})
    users, pages = directory.users, list[str | None]()

    async def counted(source: Source, cursor: str | None = None, *, managers: bool = False) -> UsersPage:
        if cursor == "page:7" and not waited:
            waited.append(cursor)
            raise Transient("Wait.", code="throttled", retry_after_s=30)
        if cursor == "page:12":
            world.clock.advance(80)
        pages.append(cursor)
        return await users(source, cursor, managers=managers)

    waited: list[str] = []
    monkeypatch.setattr(directory, "users", counted)
    await world.request("contoso", "first")
    await drain_with_retries(world, world.app)
    assert (await world.newest("contoso")).counts.created == PEOPLE
    assert pages == [None, *(f"page:{number}" for number in range(1, 20))]
    await holds_the_directory(world)


async def test_a_round_of_changes_that_continues_reads_no_page_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    """A person who is named before and after is merged in order: removed and named again, they are back."""
    world = await synced_world()
    directory = world.directory()
    directory.remove(person(1))
    directory.put(*(user(number, department="New") for number in range(2, 20)), user(1, job_title="Back"))
    changes, pages = directory.changes, list[str]()

    async def counted(cursor: str) -> ChangesPage:
        if len(pages) == 5:
            world.clock.advance(80)
        pages.append(cursor)
        return await changes(cursor)

    monkeypatch.setattr(directory, "changes", counted)
    run = await world.sync("contoso", "second")
    assert (run.state, run.counts.updated, run.counts.deactivated) == (RunState.DONE, 19, 0)
    assert len(pages) == len(set(pages)) == 10
    await holds_the_directory(world)


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
        await holds_the_directory(world)
    before = await holds_the_directory(world)
    run = await world.sync("contoso", "listed", RunMode.FULL)
    assert (run.counts.created, run.counts.updated, run.counts.deactivated) == (0, 0, 0)
    after = await holds_the_directory(world)
    assert (after.fingerprint == before.fingerprint) is (after.partitions == before.partitions)


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
    await holds_the_directory(world)
    for step in range(5):
        directory.put(user(chance.choice([2, 4, 50]), department=str(step)))
        await world.sync("contoso", f"step-{step}")
        await holds_the_directory(world)
    run = await world.sync("contoso", "listed", RunMode.FULL)
    assert (run.counts.created, run.counts.updated, run.counts.deactivated) == (0, 0, 0)
    await holds_the_directory(world)


@pytest.mark.parametrize("seed", range(30))
async def test_any_history_of_rounds_with_workers_that_die(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rounds that name people again and take them back, in several messages and partitions of any size."""
    chance = random.Random(seed)
    monkeypatch.setattr(collector, "_BLOCK_BYTES", chance.choice([1, 300]))
    monkeypatch.setattr(collector, "SEGMENT_BYTES", chance.choice([1, 600_000]))
    monkeypatch.setattr(partitions, "PARTITION_PEOPLE", chance.choice([1, 4, 256]))
    monkeypatch.setattr(draft, "MAX_CHANGED", chance.choice([-1, 100]))
    monkeypatch.setattr(comparison, "_FEW", chance.choice([-1, 100]))
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


@pytest.mark.parametrize("lost", [partition_number(3), None], ids=["who changed was in it", "the list of all"])
async def test_a_snapshot_that_is_not_whole(lost: int | None) -> None:
    """It is not patched: its source is listed again, and no one is lost."""
    world = await synced_world()
    await lose(world, lost)
    world.directory().put(user(3, department="New"))
    run = await world.sync("contoso", "second")
    assert (run.state, run.counts.updated, run.counts.deactivated) == (RunState.DONE, 1, 0)
    await holds_the_directory(world)


@pytest.mark.parametrize("damage", ["lost", "changed", "another"])
async def test_a_damaged_partition_makes_nobody_leave(damage: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """No one of any partition is deactivated, others are added and updated, and the next full run completes it."""
    monkeypatch.setattr(draft, "MAX_CHANGED", -1)
    world = await synced_world()
    other = next(number for number in range(COUNT) if number not in {partition_number(1), partition_number(3)})
    store, body = world.ports.snapshots, await current(world)
    keys = [body.partitions[number].key(number) for number in (other, partition_number(20))]
    rows = dict([row async for row in store.read(CONTOSO, EVERYONE, keys)])
    match damage:
        case "lost":
            await lose(world, other)
        case "changed":
            await store.put(CONTOSO, EVERYONE, {keys[0]: rows[keys[0]][:-1]})
        case _:
            await store.put(CONTOSO, EVERYONE, {keys[0]: rows[keys[1]]})
    world = World(world.ports)  # another worker, which has not read it before
    world.directory().remove(person(1))
    world.directory().put(user(3, department="New"))
    run = await world.sync("contoso", "second")
    assert (run.state, run.counts.updated, run.counts.deactivated) == (RunState.DONE, 1, 0)
    assert [problem.code for problem in run.problems] == ["snapshot_damaged"]
    run = await world.sync("contoso", "third", RunMode.FULL)
    assert (run.state, run.counts.updated, run.counts.deactivated, run.problems) == (RunState.DONE, 0, 1, ())
    await holds_the_directory(world)


async def test_segments_of_two_deliveries_never_mix(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two deliveries of one message continue from one checkpoint, while the directory changes between them."""
    world = World()
    people = [user(number) for number in range(PEOPLE)]
    directory = await world.tenant("contoso", people, Preferences(mode=Mode.FULL, guard=LENIENT), {BERLIN: []})
    users = directory.users

    async def slowly(source: Source, cursor: str | None = None, *, managers: bool = False) -> UsersPage:
        world.clock.advance(20)
        return await users(source, cursor, managers=managers)

    monkeypatch.setattr(directory, "users", slowly)
    await world.request("contoso", "first")
    await deliver(world.app, world.queue.messages.pop(0))
    while any(isinstance(message, FetchJob) for message in world.queue.messages):
        message = world.queue.messages.pop(0)
        assert isinstance(message, FetchJob)
        checkpoint = await world.ports.runs.find_checkpoint(message)
        await deliver(world.app, message)
        if checkpoint is not None:
            directory.put(user(39, department=str(len(checkpoint.segments))))
            await world.ports.runs.save_checkpoint(message, checkpoint)  # as if the other one were still to come
            await deliver(world.app, message)
        world.queue.messages[:] = world.queue.messages[:1]
    await world.drain()
    assert (await world.newest("contoso")).counts.created == PEOPLE
    await world.sync("contoso", "second")
    await holds_the_directory(world)


@pytest.mark.parametrize("damage", ["lost", "changed"])
async def test_a_damaged_segment_begins_the_listing_again(damage: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What it held is not missing afterwards."""
    world = World()
    people = [user(number) for number in range(PEOPLE)]
    directory = await world.tenant("contoso", people, Preferences(mode=Mode.FULL, guard=LENIENT), {BERLIN: []})
    directory.broken[EVERYONE] = (5, Transient("Wait.", code="throttled", retry_after_s=30))
    del monkeypatch
    await world.request("contoso", "first")
    await deliver(world.app, world.queue.messages.pop(0))
    job = world.queue.messages.pop(0)
    assert isinstance(job, FetchJob)
    await deliver(world.app, job)
    checkpoint = await world.ports.runs.find_checkpoint(job)
    assert checkpoint is not None
    ((key, _),) = checkpoint.segments
    store = world.ports.snapshots
    assert isinstance(store, FakeSnapshotStore)
    if damage == "lost":
        store.lose(CONTOSO, EVERYONE, key)
    else:
        await store.put(CONTOSO, EVERYONE, {key: b"\x90"})
    await world.drain()
    assert (await world.newest("contoso")).counts.created == PEOPLE
    await holds_the_directory(world)


async def test_a_page_token_that_expires_after_a_message_begins_again() -> None:
    """The segments of the listing before do not count."""
    world = World()
    people = [user(number) for number in range(PEOPLE)]
    directory = await world.tenant("contoso", people, Preferences(mode=Mode.FULL, guard=LENIENT), {BERLIN: []})
    directory.broken[EVERYONE] = (5, Transient("Wait.", code="throttled", retry_after_s=30))
    await world.request("contoso", "first")
    await deliver(world.app, world.queue.messages.pop(0))
    await deliver(world.app, world.queue.messages.pop(0))
    assert (world.queue.last_delay_s, len(world.queue.messages)) == (30, 1)
    directory.broken[EVERYONE] = (5, PageTokenExpired("The page token expired."))
    directory.remove(person(2))
    await world.drain()
    assert (await world.newest("contoso")).counts.created == PEOPLE - 1
    await holds_the_directory(world)


async def test_a_group_that_is_listed_again_leaves_nothing_behind() -> None:
    """Rows of earlier snapshots go with each run; an unchanged group is not written."""
    world, group = World(), ObjectId(person(900))
    people = [user(number) for number in range(PEOPLE)]
    directory = await world.tenant("contoso", people, Preferences(guard=LENIENT), {BERLIN: [group]})
    directory.members[group] = [person.id for person in people]
    for number in range(4):
        run = await world.sync("contoso", f"again-{number}")
        assert run.state is RunState.DONE
        assert len(stored_keys(world)) == COUNT + 1
        if number > 1:
            directory.members[group].remove(person(number))


async def test_a_position_of_an_earlier_version() -> None:
    """What was read before it cannot be verified any more: the listing begins again."""
    world = World()
    people = [user(number) for number in range(PEOPLE)]
    await world.tenant("contoso", people, Preferences(mode=Mode.FULL, guard=LENIENT), {BERLIN: []})
    await world.request("contoso", "first")
    await deliver(world.app, world.queue.messages.pop(0))
    (job,) = world.queue.messages
    assert isinstance(job, FetchJob)
    await world.ports.runs.save_checkpoint(job, FetchCheckpoint(next_cursor="page:7"))
    await world.drain()
    assert (await world.newest("contoso")).counts.created == PEOPLE
    await holds_the_directory(world)


class Read:
    """Notes which rows of snapshots are asked for."""

    def __init__(self, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
        self.keys: list[str] = []
        store = world.ports.snapshots
        rows = store.read

        async def reading(
            tenant: TenantId, source: SourceId, keys: Sequence[str], among: int = 1
        ) -> AsyncIterator[tuple[str, bytes]]:
            self.keys += keys
            async for row in rows(tenant, source, keys, among):
                yield row

        monkeypatch.setattr(store, "read", reading)

    @property
    def partitions(self) -> set[int]:
        """The partitions among the rows."""
        return {int(key[:4]) for key in self.keys if key[0].isdigit()}


def stored_keys(world: World) -> list[str]:
    """Return the keys of all rows of snapshots."""
    store = world.ports.snapshots
    assert isinstance(store, FakeSnapshotStore)
    return store.keys


async def lose(world: World, number: int | None) -> None:
    """Let a partition of the current snapshot be gone, or the list of its partitions."""
    body = await current(world)
    store = world.ports.snapshots
    assert isinstance(store, FakeSnapshotStore)
    store.lose(CONTOSO, EVERYONE, body.manifest.body_key if number is None else body.partitions[number].key(number))
