"""Whole runs on fakes: first, incremental, partial, held, superseded."""

import random
from collections.abc import AsyncIterator, Sequence

import msgspec
import pytest

from shared.domain.directory import InactiveReason, Source, UsersPage
from shared.domain.ids import LocationId, ObjectId, SourceId, TenantId
from shared.domain.recipient import Reason, Recipient, Status
from shared.domain.reconcile.decide import Decision, decide
from shared.domain.reconcile.fence import Fence, JournalEntry
from shared.domain.run import RunMode, RunState
from shared.domain.snapshots import partitions
from shared.domain.sync.jobs import FetchJob, ReconcileJob
from shared.domain.versioned import Versioned
from shared.errors import NeedsAttention, NotFound, Transient
from shared.telemetry import RequestCounters, count_storage_request
from shared.workflows.sync import comparison
from tests.simulation.worlds import FULL, PEOPLE, STAFF, TEMPS, full_world, groups_world
from tests.support.builders import person, user
from tests.support.world import World, deliver


async def test_a_first_sync_makes_everybody_a_recipient_everywhere() -> None:
    """10 x n: every user once per location, counted, with a report per location."""
    world = await full_world()
    run = await world.sync("contoso", "first")
    assert (run.state, run.counts.created, run.problems) == (RunState.DONE, 60, ())
    assert {name: report.active for name, report in run.locations.items()} == {"berlin": 30, "munich": 30}
    for location in ("berlin", "munich"):
        found = await world.recipients("contoso", location)
        assert [each.object_id for each in found] == [each.id for each in PEOPLE]


async def test_an_unchanged_directory_causes_no_write_and_reads_no_location() -> None:
    """Idempotence: the second run compares nothing, in both modes."""
    for world, tenant in ((await full_world(), "contoso"), (await groups_world(), "fabrikam")):
        await world.sync(tenant, "first")
        before = await world.everything(tenant)
        run = await world.sync(tenant, "second")
        assert run.state is RunState.DONE
        assert run.counts.created + run.counts.updated + run.counts.deactivated == 0
        assert not any(report.compared for report in run.locations.values())
        assert await world.everything(tenant) == before


async def test_only_what_changed_is_written() -> None:
    """A join, a rename, a disabled account and a deletion, each seen at every location."""
    world = await full_world()
    await world.sync("contoso", "first")
    directory = world.directory()
    directory.put(user(30), user(1, display_name="New Name"), user(2, inactive=InactiveReason.DISABLED))
    directory.remove(person(3))
    run = await world.sync("contoso", "second")
    assert run.state is RunState.DONE
    assert (run.counts.created, run.counts.updated, run.counts.deactivated) == (2, 2, 4)
    gone = [
        recipient for recipient in await world.recipients("contoso", "berlin") if recipient.status is not Status.ACTIVE
    ]
    assert [(each.object_id, each.reason) for each in gone] == [
        (person(2), Reason.ACCOUNT_DISABLED),
        (person(3), Reason.ACCOUNT_DELETED),
    ]
    third = await world.sync("contoso", "third")
    assert third.counts.deactivated == 0


async def test_groups_give_each_location_its_members_once() -> None:
    """Nested and overlapping groups, and a cycle, make one recipient per person and location."""
    world = await groups_world()
    run = await world.sync("fabrikam", "first")
    assert run.state is RunState.DONE
    found = {name: [row.object_id for row in rows] for name, rows in (await world.everything("fabrikam")).items()}
    staff = [person(number) for number in [*range(12), 25, 26]]
    assert found["berlin"] == staff
    assert found["munich"] == [person(number) for number in range(27)]
    assert found["paris"] == staff


async def test_a_person_stays_until_the_last_group_lets_go() -> None:
    """Leaving one of two groups of a location changes nothing there."""
    world = await groups_world()
    await world.sync("fabrikam", "first")
    directory = world.directory()
    directory.members[TEMPS].remove(person(10))
    run = await world.sync("fabrikam", "second")
    assert run.counts.deactivated == 0
    directory.members[STAFF].remove(person(10))
    run = await world.sync("fabrikam", "third")
    assert {name: report.counts.deactivated for name, report in run.locations.items()} == {
        "berlin": 1,
        "munich": 1,
        "paris": 1,
    }


@pytest.mark.parametrize(
    "error",
    [
        NeedsAttention("403", code="Authorization_RequestDenied"),
        NotFound("404", code="group_not_found"),
        NeedsAttention("hidden", code="hidden_membership"),
    ],
    ids=lambda error: error.code,
)
@pytest.mark.parametrize("page", [0, 2])
async def test_a_source_that_cannot_be_read_deactivates_nobody(error: NeedsAttention | NotFound, page: int) -> None:
    """Everything else goes on: joiners of readable groups arrive, and the run names the group and the reason."""
    world = await groups_world()
    await world.sync("fabrikam", "first")
    directory = world.directory()
    directory.members[TEMPS].remove(person(20))
    directory.members[STAFF].append(person(29))
    directory.broken[Source(group=TEMPS).id] = (page, error)
    run = await world.sync("fabrikam", "second")
    assert (run.state, run.counts.deactivated, run.counts.created) == (RunState.DONE, 0, 3)
    assert [(problem.concerns, problem.code) for problem in run.problems] == [(f"group:{TEMPS}", error.code)]
    third = await world.sync("fabrikam", "third")
    assert third.locations["munich"].counts.deactivated == 1  # type: ignore[index]


async def test_too_many_leavers_are_held_and_everything_else_is_written() -> None:
    """The guard holds the exact set; additions go ahead; nobody is deactivated."""
    world = await full_world()
    await world.sync("contoso", "first")
    directory = world.directory()
    directory.remove(*(person(number) for number in range(20)))
    directory.put(user(40))
    run = await world.sync("contoso", "second")
    assert (run.state, run.counts.deactivated, run.counts.created) == (RunState.HELD, 0, 2)
    assert {report.held for report in run.locations.values()} == {20}
    assert run.held_digest
    assert {problem.code for problem in run.problems} == {"guard"}
    again = await world.sync("contoso", "third")
    assert again.state is RunState.HELD, "an unapproved set is found again"


async def test_an_empty_directory_is_always_held() -> None:
    """An empty result over a non-empty baseline never empties a mailroom."""
    world = World()
    directory = await world.tenant("tiny", [user(1)], FULL, {"desk": []})
    await world.sync("tiny", "first")
    directory.remove(person(1))
    assert (await world.sync("tiny", "second")).state is RunState.HELD


async def test_an_expired_delta_token_leads_to_a_full_listing() -> None:
    """Nothing is lost, nobody is deactivated wrongly."""
    world = await full_world()
    await world.sync("contoso", "first")
    directory = world.directory()
    directory.put(user(30))
    directory.delta_expired = True
    run = await world.sync("contoso", "second")
    assert (run.state, run.counts.created) == (RunState.DONE, 2)


async def test_one_tenants_failure_is_no_other_tenants() -> None:
    """A wrong secret fails its own run with Entra's code, and the neighbour's is done."""
    world = await full_world()
    broken = await world.tenant("adatum", [user(1)], FULL, {"desk": []})
    broken.secret = "rotated"
    await world.request("adatum", "a")
    run = await world.sync("contoso", "c")
    assert run.state is RunState.DONE
    failed = await world.newest("adatum")
    assert (failed.state, failed.problems[0].code) == (RunState.FAILED, "AADSTS7000215")


async def test_messages_in_any_order_lead_to_the_same_recipients() -> None:
    """Jobs do not depend on who comes first."""
    expected = None
    for seed in range(20):
        world = await groups_world()
        await world.request("fabrikam", "first")
        await world.drain(order=random.Random(seed))
        found = await world.everything("fabrikam")
        expected = expected or found
        assert found == expected, f"seed {seed}"


async def test_a_fetch_out_of_time_goes_on_in_a_new_message(monkeypatch: pytest.MonkeyPatch) -> None:
    """A long listing is cut by the time budget, and complete all the same."""
    world = await full_world()
    directory = world.directory()
    read = directory.users

    async def slowly(source: Source, cursor: str | None = None) -> UsersPage:
        world.clock.advance(50)
        return await read(source, cursor)

    monkeypatch.setattr(directory, "users", slowly)
    run = await world.sync("contoso", "first")
    assert (run.state, run.counts.created) == (RunState.DONE, 60)


async def test_a_failing_source_is_tried_again_and_fails_only_at_the_last_delivery(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Before that the error is the queue's to handle; then the source counts as unread."""
    world = await groups_world()
    await world.sync("fabrikam", "first")
    world.clock.advance(60)
    await world.request("fabrikam", "second")
    await deliver(world.app, world.queue.messages.pop(0))
    message = next(
        message for message in world.queue.messages if getattr(message, "source", None) == Source(group=TEMPS).id
    )
    world.queue.messages.remove(message)

    async def failing(*_: object) -> None:
        raise Transient("The snapshot cannot be read.", code="storage_failing")

    with monkeypatch.context() as broken:
        broken.setattr(world.ports.snapshots, "find_current", failing)
        with pytest.raises(Transient):
            await deliver(world.app, message)
        await deliver(world.app, message, last_delivery=True)
    await world.drain()
    run = await world.newest("fabrikam")
    assert [(problem.concerns, problem.code) for problem in run.problems] == [(f"group:{TEMPS}", "storage_failing")]


async def test_a_reconcile_out_of_time_goes_on_in_a_new_message(monkeypatch: pytest.MonkeyPatch) -> None:
    """Writing is cut between two batches, and everybody is created exactly once all the same."""
    world = World()
    await world.tenant("contoso", [user(number) for number in range(300)], FULL, {"berlin": []})
    write = world.ports.recipients.write

    async def slowly(
        tenant: TenantId,
        location: LocationId,
        recipients: Sequence[Recipient],
        journal: JournalEntry,
        fence: Versioned[Fence],
    ) -> str:
        world.clock.advance(100)
        count_storage_request()
        return await write(tenant, location, recipients, journal, fence)

    monkeypatch.setattr(world.ports.recipients, "write", slowly)
    run = await world.sync("contoso", "first")
    assert (run.state, run.counts.created, len(await world.recipients("contoso", "berlin"))) == (
        RunState.DONE,
        300,
        300,
    )


async def test_a_location_at_which_little_changes_comes_to_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """However long deciding takes: the next message would only decide the same once more."""
    world = World()
    everybody = [
        msgspec.structs.replace(user(number), id=ObjectId(f"{number * 10:03x}00000-0000-4000-8000-000000000000"))
        for number in range(400)
    ]
    directory = await world.tenant("contoso", everybody, FULL, {"berlin": []})
    await world.sync("contoso", "first")
    directory.put(*(msgspec.structs.replace(person, department="Changed") for person in everybody))
    decided = 0

    def slowly(*arguments: object, **words: object) -> Decision:
        nonlocal decided
        decided += 1
        world.clock.advance(40)
        return decide(*arguments, **words)  # type: ignore[arg-type]

    monkeypatch.setattr(partitions, "PARTITION_PEOPLE", 25)
    monkeypatch.setattr(comparison, "decide", slowly)
    run = await world.sync("contoso", "second", RunMode.FULL)
    assert (run.state, run.counts.updated) == (RunState.DONE, 400)
    assert decided == 16


async def test_a_reconcile_that_reads_for_long_writes_for_as_long(monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise each message would read everything, write one batch, and leave the rest to the next."""
    world = World()
    await world.tenant("contoso", [user(number) for number in range(1_000)], FULL, {"berlin": []})
    write, pages = world.ports.recipients.write, world.ports.snapshots.read
    batches = readings = 0

    async def slowly(
        tenant: TenantId,
        location: LocationId,
        recipients: Sequence[Recipient],
        journal: JournalEntry,
        fence: Versioned[Fence],
    ) -> str:
        nonlocal batches
        batches += 1
        world.clock.advance(20)
        return await write(tenant, location, recipients, journal, fence)

    async def reading(
        tenant: TenantId, source: SourceId, keys: Sequence[str], among: int = 1
    ) -> AsyncIterator[tuple[str, bytes]]:
        nonlocal readings
        if len(keys) > 1:
            readings += 1
            world.clock.advance(110)  # longer than the budget's share of 72 s
        async for row in pages(tenant, source, keys, among):
            yield row

    monkeypatch.setattr(world.ports.recipients, "write", slowly)
    monkeypatch.setattr(world.ports.snapshots, "read", reading)
    run = await world.sync("contoso", "first")
    assert (run.state, run.counts.created) == (RunState.DONE, 1_000)
    assert (batches, readings) == (11, 2)


async def test_no_location_is_compared_before_each_source_was_read() -> None:
    """In every order of the jobs."""
    for order in range(3):
        world = await groups_world()
        await world.request("fabrikam", "first")
        await deliver(world.app, world.queue.messages.pop())
        fetches = len(world.queue.messages)
        assert fetches > 1
        for left in range(fetches, 0, -1):
            assert [type(message) for message in world.queue.messages] == [FetchJob] * left
            assert (await world.newest("fabrikam")).state is RunState.FETCHING
            await deliver(world.app, world.queue.messages.pop(order % left))
        assert (await world.newest("fabrikam")).state is RunState.RECONCILING
        assert {type(message) for message in world.queue.messages} == {ReconcileJob}


async def test_a_lost_job_is_enqueued_again_although_others_have_results() -> None:
    """The watchdog asks which sources have no result, not whether any has one."""
    world = await groups_world()
    await world.request("fabrikam", "first")
    await deliver(world.app, world.queue.messages.pop())
    await deliver(world.app, world.queue.messages.pop(0))
    lost = world.queue.messages.pop(0)
    assert isinstance(lost, FetchJob)
    for _ in range(3):
        await world.drain()
        world.clock.advance(16 * 60)
        await world.app.watchdog(RequestCounters())
    run = await world.newest("fabrikam")
    assert (run.state, run.problems) == (RunState.DONE, ())
