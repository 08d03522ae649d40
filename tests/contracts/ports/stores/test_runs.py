"""What holds of any RunStore and any SnapshotStore."""

from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from shared.domain.directory import Existence, Source
from shared.domain.ids import LocationId, ObjectId, RecipientId, RunId, TenantId, new_run_id
from shared.domain.preferences.preferences import Preferences
from shared.domain.recipient import Counts, Reason
from shared.domain.reconcile.candidate import Candidate
from shared.domain.run import Plan, Run, RunMode, RunProgress, RunState
from shared.domain.snapshots.snapshot import SnapshotManifest
from shared.domain.sync.jobs import (
    ExistenceAnswers,
    FetchCheckpoint,
    FetchJob,
    FetchOutcome,
    FetchResult,
    ReconcileJob,
    ReconcileResult,
)
from shared.domain.sync.repeats import Repeats
from shared.errors import Conflict, NotFound
from tests.contracts.ports.stores.conftest import Stores
from tests.support.builders import loaded, person, store_snapshot, user

NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
RUN = RunId("8204576261968-0000000a")
USERS = Source().id


def plan(tenant: TenantId, *, groups: int = 1, fencing_token: int = 1) -> Plan:
    """Return a plan that reads this many groups for one location."""
    sources = [Source(group=person(number)) for number in range(groups)]
    return Plan(
        tenant=tenant,
        run=RUN,
        fencing_token=fencing_token,
        config_version=1,
        mode=RunMode.INCREMENTAL,
        preferences=Preferences(),
        sources={source.id: source for source in sources},
        locations={LocationId("desk"): tuple(source.id for source in sources)},
        connection="a-fingerprint",
        created_at=NOW,
    )


def run(tenant: TenantId, at: datetime = NOW) -> Run:
    """Return a run requested at a time."""
    id_ = new_run_id(int(at.timestamp() * 1000), 7)
    return Run(id=id_, tenant=tenant, mode=RunMode.FULL, state=RunState.PLANNING, requested_at=at, requested_by="test")


async def test_a_plan_is_inserted_once_however_large(stores: Stores) -> None:
    """The first wins; 5,000 sources fit."""
    first = plan(stores.acme, groups=5_000)
    assert await stores.runs.insert_plan(first) == first
    assert await stores.runs.insert_plan(plan(stores.acme, fencing_token=9)) == first
    assert await stores.runs.get_plan(stores.acme, RUN) == first
    with pytest.raises(NotFound):
        await stores.runs.get_plan(stores.acme_2, RUN)
    assert await stores.runs.get_progress(stores.acme, RUN) == RunProgress(
        fetched=0, sources=5_000, reconciled=0, locations=1
    )


async def test_markers_are_inserted_once(stores: Stores) -> None:
    """The first result wins and is what both callers get; progress counts each once."""
    fetch = FetchJob(tenant=stores.acme, run=RUN, source=USERS)
    assert await stores.runs.find_fetch_result(fetch) is None
    assert not await stores.runs.list_fetched(stores.acme, RUN)
    done = FetchResult(source=USERS, outcome=FetchOutcome.COMPLETE, directory_requests=3)
    failed = FetchResult(source=USERS, outcome=FetchOutcome.FAILED)
    assert await stores.runs.record_fetch_result(fetch, done) == done
    assert await stores.runs.record_fetch_result(fetch, failed) == done
    assert await stores.runs.list_fetch_results(stores.acme, RUN) == {USERS: done}
    assert await stores.runs.find_fetch_result(fetch) == done
    assert set(await stores.runs.list_fetched(stores.acme, RUN)) == {USERS}
    assert await stores.runs.find_fetch_result(msgspec.structs.replace(fetch, tenant=stores.acme_2)) is None
    desk = LocationId("desk")
    people = tuple(
        Candidate(recipient=f"{person(number)}", object_id=person(number), reason=Reason.LEFT_GROUP)  # type: ignore[arg-type]
        for number in range(20_000)
    )
    result = ReconcileResult(location=desk, counts=Counts(created=1), baseline=5, active=6, candidates=people)
    job = ReconcileJob(tenant=stores.acme, run=RUN, location=desk)
    assert not await stores.runs.is_reconciled(job)
    assert not await stores.runs.list_reconciled(stores.acme, RUN)
    assert await stores.runs.record_reconcile_result(job, result) == result
    assert await stores.runs.is_reconciled(job)
    assert set(await stores.runs.list_reconciled(stores.acme, RUN)) == {desk}
    assert not await stores.runs.is_reconciled(msgspec.structs.replace(job, tenant=stores.acme_2))
    assert not await stores.runs.list_reconciled(stores.acme_2, RUN)
    assert await stores.runs.list_reconcile_results(stores.acme, RUN) == {desk: result}
    progress = await stores.runs.get_progress(stores.acme, RUN)
    assert (progress.fetched, progress.reconciled) == (1, 1)


async def test_a_position_is_kept_until_it_is_forgotten(stores: Stores) -> None:
    """A cut fetch finds where it was."""
    job = FetchJob(tenant=stores.acme, run=RUN, source=USERS)
    assert await stores.runs.find_checkpoint(job) is None
    checkpoint = FetchCheckpoint(
        next_cursor="https://graph.example/v1.0/users?$skiptoken=x",
        segments=(("segment:000000:a", b"digest"),),
        pages=7,
    )
    await stores.runs.save_checkpoint(job, checkpoint)
    assert await stores.runs.find_checkpoint(job) == checkpoint
    await stores.runs.save_checkpoint(job, None)
    assert await stores.runs.find_checkpoint(job) is None


async def test_answers_of_an_interrupted_check_are_kept(stores: Stores) -> None:
    """Each message stores its own, of any number of people."""
    assert await stores.runs.find_answers(stores.acme, RUN, "00000000000000aa") is None
    people = {ObjectId(person(number)): Existence.NOT_FOUND for number in range(20_000)}
    many = ExistenceAnswers({"main:group-a main:group-b": people, "": {}})
    few = ExistenceAnswers({"": {ObjectId(person(1)): Existence.DISABLED}})
    await stores.runs.record_answers(stores.acme, RUN, "00000000000000aa", many)
    await stores.runs.record_answers(stores.acme, RUN, "00000000000000ab", few)
    assert await stores.runs.find_answers(stores.acme, RUN, "00000000000000aa") == many
    assert await stores.runs.find_answers(stores.acme, RUN, "00000000000000ab") == few
    assert await stores.runs.find_answers(stores.acme_2, RUN, "00000000000000ab") is None


async def test_runs_are_swapped_and_listed_newest_first(stores: Stores) -> None:
    """Compare-and-swap on each run; the history ends where it is told to."""
    runs = [run(stores.acme, NOW + timedelta(hours=hours)) for hours in range(4)]
    for each in runs:
        assert await stores.runs.insert(each)
    assert not await stores.runs.insert(msgspec.structs.replace(runs[0], requested_by="again"))
    stored = await stores.runs.get(stores.acme, runs[0].id)
    assert stored.value == runs[0]
    done = msgspec.structs.replace(runs[0], state=RunState.DONE)
    await stores.runs.replace(done, stored.etag)
    with pytest.raises(Conflict):
        await stores.runs.replace(done, stored.etag)
    found = [run async for run in stores.runs.list_runs(stores.acme)]
    assert found == [*reversed(runs[1:]), done]
    recent = [run async for run in stores.runs.list_runs(stores.acme, since=NOW + timedelta(hours=2))]
    assert recent == [runs[3], runs[2]]
    with pytest.raises(NotFound):
        await stores.runs.get(stores.acme_2, runs[0].id)
    for _ in range(2):
        await stores.runs.discard(stores.acme, runs[3].id)
    assert [run async for run in stores.runs.list_runs(stores.acme)] == found[1:]
    assert not await stores.runs.insert(runs[3])  # a late copy of the request that inserted it
    assert [run async for run in stores.runs.list_runs(stores.acme)] == found[1:]
    with pytest.raises(NotFound):
        await stores.runs.get(stores.acme, runs[3].id)


async def test_a_run_that_was_discarded_before_it_is_stored_is_refused(stores: Stores) -> None:
    """A slow worker inserts it after another one has ended it."""
    late = run(stores.acme)
    for _ in range(2):
        await stores.runs.discard(stores.acme, late.id)
    assert not await stores.runs.insert(late)
    assert [each async for each in stores.runs.list_runs(stores.acme)] == []
    with pytest.raises(NotFound):
        await stores.runs.get(stores.acme, late.id)


async def test_erasing_a_tenant_leaves_the_one_with_a_similar_id(stores: Stores) -> None:
    """Runs, plans and results go; those of acme-2 stay."""
    for tenant in (stores.acme, stores.acme_2):
        await stores.runs.insert(run(tenant))
        await stores.runs.insert_plan(plan(tenant))
    await stores.runs.delete_all(stores.acme)
    assert [run async for run in stores.runs.list_runs(stores.acme)] == []
    with pytest.raises(NotFound):
        await stores.runs.get_plan(stores.acme, RUN)
    assert len([run async for run in stores.runs.list_runs(stores.acme_2)]) == 1
    assert (await stores.runs.get_plan(stores.acme_2, RUN)).tenant == stores.acme_2


async def staged(stores: Stores, count: int, attempt: str) -> SnapshotManifest:
    """Store a snapshot of this number of users in two partitions."""
    people = map(user, range(count))
    return await store_snapshot(stores.snapshots, stores.acme, attempt, *people, source=USERS, count=2)


async def test_committing_forgets_other_attempts_and_an_older_fencing_token_never_wins(stores: Stores) -> None:
    """What is current is read; everything else of the source is gone."""
    old, new = await staged(stores, 20, "b"), await staged(stores, 30, "a")
    assert await stores.snapshots.find_current(stores.acme, USERS) is None
    await stores.snapshots.commit(stores.acme, new, 5)
    await stores.snapshots.commit(stores.acme, old, 4)
    assert await stores.snapshots.find_current(stores.acme, USERS) == new
    assert len(await loaded(stores.snapshots, stores.acme, new)) == 30
    with pytest.raises(Conflict):
        await loaded(stores.snapshots, stores.acme, old)
    await stores.snapshots.delete_all(stores.acme)
    assert await stores.snapshots.find_current(stores.acme, USERS) is None


async def test_whose_deactivation_waits_is_stored_once(stores: Stores) -> None:
    """The first set of a location stays, however large; other runs have none; all of it goes with the tenant."""
    run = new_run_id(1_000_000, 7)
    many = [Candidate(RecipientId(f"r{number}"), person(number), Reason.LEFT_GROUP) for number in range(30_000)]
    desk, roof = LocationId("desk"), LocationId("roof")
    assert list(await stores.runs.record_held(stores.acme, run, desk, many)) == many
    assert list(await stores.runs.record_held(stores.acme, run, desk, many[:1])) == many
    await stores.runs.record_held(stores.acme, run, roof, many[:2])
    found = await stores.runs.list_held(stores.acme, run)
    assert {location: list(people) for location, people in found.items()} == {desk: many, roof: many[:2]}
    assert await stores.runs.list_held(stores.acme, new_run_id(1_000_000, 8)) == {}
    await stores.runs.delete_all(stores.acme)
    assert await stores.runs.list_held(stores.acme, run) == {}


async def test_repeats_add_up(stores: Stores) -> None:
    """Per run; they are not progress, and go with the tenant."""
    first, second = (run(stores.acme, NOW + timedelta(hours=hours)).id for hours in range(2))
    assert await stores.runs.count_repeat(stores.acme, first, 5) == Repeats(messages=1, requests=5)
    assert await stores.runs.count_repeat(stores.acme, first, 7) == Repeats(messages=2, requests=12)
    assert await stores.runs.count_repeat(stores.acme, second, 0) == Repeats(messages=1)
    progress = await stores.runs.get_progress(stores.acme, first)
    assert (progress.fetched, progress.sources, progress.reconciled, progress.locations) == (0, 0, 0, 0)
    await stores.runs.delete_all(stores.acme)
    assert await stores.runs.count_repeat(stores.acme, first, 1) == Repeats(messages=1, requests=1)
