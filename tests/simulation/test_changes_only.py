"""A run in which few have changed decides about them alone, and ends as one that compares everybody."""

import random
from collections.abc import AsyncIterator
from io import BytesIO

import pytest

from shared.domain.directory import InactiveReason
from shared.domain.ids import LocationId, TenantId
from shared.domain.imports.row_decisions import ImportMode
from shared.domain.preferences.preferences import GuardLimits, Mode, Preferences
from shared.domain.recipient import Recipient, Status
from shared.domain.run import Run, RunMode, RunState
from shared.workflows.sync import comparison
from tests.support.builders import person, user
from tests.support.fakes import FakeRecipientStore
from tests.support.world import Fuse, World, drain_with_retries

CONTOSO = TenantId("contoso")
BERLIN, MUNICH = LocationId("berlin"), LocationId("munich")
PEOPLE = 60
LENIENT = GuardLimits(max_share=1, max_people=1_000_000, small_max_share=1)


class Reads:
    """Counts how often a location is read as a whole, and one by one."""

    def __init__(self, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
        self.whole = self.single = 0
        store = world.ports.recipients
        assert isinstance(store, FakeRecipientStore)
        read, get = store.list_recipients, store.get

        async def reading(*args: object, **words: object) -> AsyncIterator[Recipient]:
            self.whole += 1
            async for each in read(*args, **words):  # type: ignore[arg-type] # passed on as they came
                yield each

        async def getting(*args: str) -> Recipient:
            self.single += 1
            return await get(*args)  # type: ignore[arg-type] # passed on as they came

        monkeypatch.setattr(store, "list_recipients", reading)
        monkeypatch.setattr(store, "get", getting)

    def clear(self) -> None:
        """Begin to count anew."""
        self.whole = self.single = 0


async def plain_world() -> World:
    """Return a world after its first sync: full mode, two locations, a lenient guard."""
    world = World()
    preferences = Preferences(mode=Mode.FULL, guard=LENIENT, allow_csv_to_update_directory=True)
    await world.tenant("contoso", [user(number) for number in range(PEOPLE)], preferences, {BERLIN: [], MUNICH: []})
    await world.sync("contoso", "first")
    return world


async def compared_in_full(world: World) -> Run:
    """Compare everybody, and return the run: it must find nothing to do."""
    run = await world.sync("contoso", f"full-{world.clock.now().timestamp()}", RunMode.FULL)
    counts = run.counts
    assert (counts.created, counts.updated, counts.deactivated, counts.reactivated) == (0, 0, 0, 0), counts
    return run


async def test_only_changed_people_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those who join, are renamed or leave are read alone; and so it stays run after run."""
    world = await plain_world()
    reads = Reads(world, monkeypatch)
    directory = world.directory()
    for number in range(3):
        directory.put(user(100 + number), user(number, display_name=f"Name {number}"))
        directory.remove(person(40 + number))
        run = await world.sync("contoso", f"again-{number}")
        assert (run.state, run.problems) == (RunState.DONE, ())
        counts = run.counts
        assert (counts.created, counts.updated, counts.deactivated) == (2, 2, 2)
        assert {report.active for report in run.locations.values()} == {PEOPLE}
        assert (reads.whole, reads.single) == (0, 2 * 3 + 2)  # leavers once more, to be deactivated
        reads.clear()
    reads.clear()
    run = await compared_in_full(world)
    assert {report.active for report in run.locations.values()} == {PEOPLE}


async def test_whoever_left_is_read_when_they_return(monkeypatch: pytest.MonkeyPatch) -> None:
    """Their recipient is there, deactivated."""
    world = await plain_world()
    reads = Reads(world, monkeypatch)
    world.directory().put(user(5, inactive=InactiveReason.DISABLED))
    run = await world.sync("contoso", "disabled")
    assert run.counts.deactivated == 2
    reads.clear()
    world.directory().put(user(5, department="New"))
    run = await world.sync("contoso", "enabled")
    assert run.counts.reactivated == 2
    assert (reads.whole, reads.single) == (0, 2)
    (found,) = [
        recipient for recipient in await world.recipients("contoso", BERLIN) if recipient.object_id == person(5)
    ]
    assert (found.status, found.profile.department, found.reason) == (Status.ACTIVE, "New", None)
    await compared_in_full(world)


async def test_what_a_person_wrote_survives(monkeypatch: pytest.MonkeyPatch) -> None:
    """After an import everybody is compared once; from then on only people who change are read."""
    world = await plain_world()
    (known,) = [
        recipient for recipient in await world.recipients("contoso", BERLIN) if recipient.object_id == person(7)
    ]
    text = f"mail,jobTitle\n{known.profile.mail},By hand\n".encode()
    await world.app.import_csv(CONTOSO, BERLIN, BytesIO(text), ImportMode.MERGE, "", "anna")
    reads = Reads(world, monkeypatch)
    world.directory().put(user(8, department="Other"))
    await world.sync("contoso", "second")
    assert reads.whole > 0
    reads.clear()
    world.directory().put(user(7, department="Moved"))
    await world.sync("contoso", "third")
    assert reads.whole == 0
    await compared_in_full(world)


async def test_many_changed_people_are_found_in_a_listing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Reading the whole location takes fewer requests than reading 31 recipients one by one."""
    world = await plain_world()
    reads = Reads(world, monkeypatch)
    world.directory().put(*(user(number, department="All") for number in range(30)))
    world.directory().remove(person(40))
    run = await world.sync("contoso", "second")
    assert (run.counts.updated, run.counts.deactivated) == (2 * 30, 2)
    assert (reads.whole, reads.single) == (2, 2)  # leavers once more, to be deactivated
    reads.clear()
    world.directory().put(user(1, department="One"))
    await world.sync("contoso", "third")
    assert reads.whole == 0
    await compared_in_full(world)


async def test_a_new_location_gets_all_people_beside_one_that_gets_the_changed() -> None:
    """Their decisions are not shared, although none of these people has a recipient at either."""
    world = await plain_world()
    rome = LocationId("rome")
    await world.ports.settings.put_location(CONTOSO, rome, "Rome")
    world.directory().put(user(100))
    run = await world.sync("contoso", "second")
    assert {report.active for report in run.locations.values()} == {PEOPLE + 1}
    assert [len(await world.recipients("contoso", place)) for place in (BERLIN, MUNICH, rome)] == [PEOPLE + 1] * 3
    await compared_in_full(world)


async def test_held_leavers_have_everybody_compared_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a person approves later is no settled location."""
    monkeypatch.setattr(comparison, "_FEW", 100)
    world = World()
    await world.tenant("contoso", [user(number) for number in range(PEOPLE)], Preferences(mode=Mode.FULL), {BERLIN: []})
    await world.sync("contoso", "first")
    for number in range(40):
        world.directory().remove(person(number))
    held = await world.sync("contoso", "second")
    assert held.state is RunState.HELD
    again = await world.sync("contoso", "third")
    assert again.state is RunState.HELD
    assert again.locations[BERLIN].held == held.locations[BERLIN].held == 40


@pytest.mark.parametrize("seed", range(30))
async def test_many_runs_end_as_one_that_compares_everybody(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Random changes, runs, crashes and imports; in the end a full comparison finds nothing left to do."""
    monkeypatch.setattr(comparison, "_FEW", 100)
    world = await plain_world()
    chance = random.Random(seed)
    for number in range(8):
        _change(world, chance)
        world.clock.advance(60)
        await world.request("contoso", f"run-{number}")
        fuse = Fuse(chance.randrange(80) if chance.random() < 0.3 else 10_000, after=chance.random() < 0.5)
        await drain_with_retries(world, world.fragile(fuse))
        if chance.random() < 0.2:
            some = chance.choice(await world.recipients("contoso", BERLIN))
            text = f"mail,jobTitle\n{some.profile.mail},Title {number}\n".encode()
            await world.app.import_csv(CONTOSO, BERLIN, BytesIO(text), ImportMode.MERGE, "", "anna")
    await world.sync("contoso", "last")
    assert (await world.newest("contoso")).state is RunState.DONE
    await compared_in_full(world)


def _change(world: World, chance: random.Random) -> None:
    directory = world.directory()
    for _ in range(chance.randrange(6)):
        number = chance.randrange(PEOPLE + 20)
        match chance.randrange(4):
            case 0:
                if person(number) in directory.people:
                    directory.remove(person(number))
            case 1:
                directory.put(user(number, inactive=InactiveReason.DISABLED))
            case 2:
                directory.put(user(number, guest=chance.random() < 0.5, department=f"D{chance.randrange(3)}"))
            case _:
                directory.put(user(number, job_title=f"T{chance.randrange(3)}"))


@pytest.mark.parametrize("after", [False, True], ids=["before the effect", "after the effect"])
async def test_killed_at_every_call(after: bool) -> None:  # noqa: FBT001 - a parameter of the test
    """Wherever a worker dies, a leaver, a joiner and a change end as they would have; later runs as well."""
    calls = 0
    while True:
        world = await plain_world()
        world.directory().put(user(100), user(1, display_name="New Name"))
        world.directory().remove(person(2))
        world.clock.advance(60)
        await world.request("contoso", "second")
        fuse = Fuse(calls, after=after)
        await drain_with_retries(world, world.fragile(fuse))
        run = await world.newest("contoso")
        assert run.state is RunState.DONE, f"killed at call {calls}"
        counts = run.counts
        assert (counts.created, counts.updated, counts.deactivated) == (2, 2, 2), f"killed at call {calls}"
        assert {report.active for report in run.locations.values()} == {PEOPLE}, f"killed at call {calls}"
        world.directory().put(user(2), user(1))
        again = await world.sync("contoso", "third")
        assert (again.counts.reactivated, again.counts.updated) == (2, 2), f"killed at call {calls}"
        await compared_in_full(world)
        if not fuse.blown:
            break
        calls += 1
    assert calls > 40, "the fuse has been everywhere"


async def test_a_duplicate_knows_nothing_of_what_the_first_has_written() -> None:
    """Two deliveries of one job at once: who takes the location second compares everybody."""
    world = await plain_world()
    world.directory().put(user(100), user(1, display_name="New Name"))
    world.clock.advance(60)
    await world.request("contoso", "second")
    await world.drain(times=2)
    run = await world.newest("contoso")
    assert (run.state, run.counts.created, run.counts.updated) == (RunState.DONE, 2, 2)
    await compared_in_full(world)
