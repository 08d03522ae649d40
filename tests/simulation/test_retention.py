"""Retention: old rows go in steps, and the next sync decides as if nothing had happened."""

from contextlib import suppress
from datetime import timedelta
from io import BytesIO
from itertools import count

import msgspec
import pytest

from shared.bootstrap import App
from shared.domain.access.tenants import TenantSummary
from shared.domain.directory import InactiveReason
from shared.domain.ids import LocationId, ObjectId, TenantId
from shared.domain.imports.row_decisions import ImportMode
from shared.domain.operations.audit import AuditEntry, entry_id
from shared.domain.operations.operator_log import OperatorLogEntry
from shared.domain.operations.retention import Retention
from shared.domain.preferences.group_mapping import GroupMapping
from shared.domain.preferences.preferences import GuardLimits, Mode, Preferences
from shared.domain.recipient import ChangeKind, Recipient, Status
from shared.domain.run import Run, RunMode, RunState
from shared.errors import NotFound
from shared.workflows.operations import retention
from shared.workflows.operations.retention import ROUND
from tests.support.builders import person, recipient_id_for, user
from tests.support.fakes.on_tables import ports_on
from tests.support.fakes.table_service import MemoryTables
from tests.support.world import Crash, Fuse, World, deliver

CONTOSO, DESK = TenantId("contoso"), LocationId("desk")
GROUP = ObjectId(person(100))
LENIENT = GuardLimits(max_share=1, max_people=1_000_000, small_max_share=1)
KEPT = Retention(runs=timedelta(days=30), jobs=timedelta(days=8), deactivated=timedelta(days=20))
FILE = b"name,mail\nAnn,ann@home.example\nBen,ben@home.example\nCarl,user4@example.com\n"


async def old_world(tables: MemoryTables | None = None) -> World:
    """Return a world 31 days after people were deactivated, with a sync on the last day.

    User 1 has left. User 2 was deactivated by a person and is in the group. User 3 is in the group, with a disabled
    account. Users 4 and 5 are active.
    """
    world = World(ports_on(tables or MemoryTables()))
    world.app = App(world.ports, msgspec.structs.replace(world.app.settings, retention=KEPT))
    preferences = Preferences(mode=Mode.GROUPS, guard=LENIENT)
    directory = await world.tenant("contoso", [user(number) for number in range(1, 6)], preferences, {"desk": [GROUP]})
    directory.members = {GROUP: [person(number) for number in range(1, 6)]}
    await world.sync("contoso", "first")
    await edit(world, 2, active=False)
    directory.remove(person(1))
    directory.put(user(3, inactive=InactiveReason.DISABLED))
    assert (await world.sync("contoso", "second", RunMode.FULL)).counts.deactivated == 2
    await pass_days(world, 31)
    assert (await world.sync("contoso", "third", RunMode.FULL)).state is RunState.DONE
    return world


async def edit(world: World, number: int, *, active: bool) -> None:
    """Let a person deactivate or reactivate a recipient."""
    await world.app.edit_recipient(CONTOSO, DESK, recipient_id_for(number), {}, active=active, by="anna")


async def pass_days(world: World, days: float) -> None:
    """Let time pass."""
    world.clock.advance(timedelta(days=days).total_seconds())


async def sweep(world: World, app: App | None = None) -> None:
    """Let the watchdog's retention do a whole round."""
    await pass_days(world, 1)
    await (app or world.app).retention()


async def people(world: World) -> dict[str, Status]:
    """Return the status of every recipient by its address."""
    return {recipient.profile.mail or "": recipient.status for recipient in await world.recipients("contoso", "desk")}


async def runs(world: World) -> list[Run]:
    """Return all runs, newest first."""
    return [run async for run in world.ports.runs.list_runs(CONTOSO)]


async def unchanged(world: World) -> list[Recipient]:
    """Verify that a full sync changes nothing, and return the recipients."""
    before = await world.recipients("contoso", "desk")
    counts = (await world.sync("contoso", f"check-{world.clock.now():%d-%H-%M}", RunMode.FULL)).counts
    assert counts.created + counts.updated + counts.deactivated + counts.reactivated == 0
    assert await world.recipients("contoso", "desk") == before
    return before


async def history_is_journal(world: World) -> None:
    """Verify that every journal belongs to a run of the history, with its counts."""
    for run in await runs(world):
        for location, report in run.locations.items():
            journal = await world.ports.recipients.get_journal_counts(CONTOSO, location, run.id)
            assert msgspec.structs.replace(report.counts, skipped=0) == journal


async def test_a_recipient_goes_when_no_source_names_the_person() -> None:
    """One who is in a source stays, whatever deactivated it, and the next sync brings back no one."""
    world = await old_world()
    await sweep(world)
    assert await people(world) == {
        "user2@example.com": Status.DEACTIVATED_MANUALLY,
        "user3@example.com": Status.DEACTIVATED_BY_SYNC,
        "user4@example.com": Status.ACTIVE,
        "user5@example.com": Status.ACTIVE,
    }
    assert len(await unchanged(world)) == 4
    directory = world.directory()
    directory.put(user(1))
    directory.members[GROUP].append(person(1))
    assert (await world.sync("contoso", "returned", RunMode.FULL)).counts.created == 1


async def test_a_recipient_stays_for_its_time() -> None:
    """Counted from its last deactivation, which the journal shows."""
    world = await old_world()
    directory = world.directory()
    directory.remove(person(4))
    await world.sync("contoso", "left", RunMode.FULL)
    await pass_days(world, KEPT.deactivated.days - 1.5)
    await world.sync("contoso", "fresh", RunMode.FULL)
    await sweep(world)
    assert "user4@example.com" in await people(world)
    await pass_days(world, 1)
    await sweep(world)
    assert "user4@example.com" not in await people(world)
    await unchanged(world)


async def test_nothing_goes_while_a_source_is_unknown() -> None:
    """Without a run on the present settings, or with a damaged snapshot, a source could name anyone."""
    tables = MemoryTables()
    world = await old_world(tables)
    await world.app.preferences.put(CONTOSO, Preferences(mode=Mode.FULL, guard=LENIENT))
    await sweep(world)
    assert len(await people(world)) == 5
    await world.sync("contoso", "fourth", RunMode.FULL)
    for row in [row async for row in tables.query("Snapshots") if row["RowKey"] != "!current"]:
        await tables.delete("Snapshots", row["PartitionKey"], row["RowKey"])
    await sweep(world)
    assert len(await people(world)) == 5


async def test_nothing_goes_at_a_location_with_a_group_that_could_not_be_read() -> None:
    """A person who was deactivated by hand can be in it, and would come back."""
    world = await old_world()
    directory, other = world.directory(), ObjectId(person(101))
    await world.app.locations.put_mapping(CONTOSO, DESK, [GroupMapping(id=group) for group in (GROUP, other)])
    directory.members[other] = [person(5)]
    await world.sync("contoso", "fourth", RunMode.FULL)
    directory.members[GROUP] = [person(number) for number in (1, 3, 4, 5)]
    del directory.members[other]
    await world.sync("contoso", "fifth", RunMode.FULL)
    await sweep(world)
    assert recipient_id_for(2) in {one.id for one in await world.recipients("contoso", "desk")}
    directory.members[other] = [person(5)]
    await world.sync("contoso", "sixth", RunMode.FULL)
    await sweep(world)
    assert recipient_id_for(2) not in {one.id for one in await world.recipients("contoso", "desk")}


async def test_what_a_file_could_bring_back_stays() -> None:
    """Of recipients of files, those go that a later file lacks, unless a person of a source can be one of them."""
    world = await old_world()
    world.directory().put(user(6, other_mails=("ben@home.example",)))
    world.directory().members[GROUP].append(person(6))
    await world.app.import_csv(CONTOSO, DESK, BytesIO(FILE), ImportMode.MERGE, "", "anna")
    ann = next(each for each in await world.recipients("contoso", "desk") if each.profile.mail == "ann@home.example")
    await world.app.edit_recipient(CONTOSO, DESK, ann.id, {}, active=False, by="anna")
    rest = b"name,mail\nDora,dora@home.example\n"
    await world.app.import_csv(CONTOSO, DESK, BytesIO(rest), ImportMode.OVERWRITE, "", "anna")
    await world.sync("contoso", "fourth", RunMode.FULL)
    await pass_days(world, KEPT.deactivated.days + 1)
    await world.sync("contoso", "fifth", RunMode.FULL)
    before = await people(world)
    await sweep(world)
    assert before.keys() - (await people(world)).keys() == {"user1@example.com"}
    await unchanged(world)


async def test_runs_go_with_their_journals_and_jobs_before_them() -> None:
    """What is in the history can be undone; what is not has no journal. The tenant's last run stays."""
    tables = MemoryTables()
    world = await old_world(tables)
    last, *old = await runs(world)
    assert len(old) == 3
    await sweep(world)
    assert [run.id for run in await runs(world)] == [last.id]
    assert {row["RowKey"].split(":")[1] async for row in tables.query("Recipients", rows=("!j", "!k"))} <= {last.id}
    assert {row["PartitionKey"] async for row in tables.query("Jobs")} == {f"contoso:{last.id}"}
    with pytest.raises(NotFound):
        await world.app.undo(CONTOSO, old[0].id, "anna")
    await history_is_journal(world)
    await pass_days(world, KEPT.runs.days * 2)
    await sweep(world)
    assert [run.id for run in await runs(world)] == [last.id]
    assert (await world.ports.runs.get_plan(CONTOSO, last.id)).run == last.id
    await unchanged(world)


async def test_the_jobs_of_a_run_go_before_the_run_which_is_shown_and_undone_as_before() -> None:
    """Its changes come from the journal, which does not have who was skipped."""
    world = await old_world()
    world.directory().put(user(4, department="Sales"))
    changing = await world.sync("contoso", "fourth", RunMode.FULL)
    await world.sync("contoso", "fifth", RunMode.FULL)
    shown, _ = await world.app.run_history.list_changes(CONTOSO, changing.id)
    written = [change for change in shown if change.kind is not ChangeKind.SKIPPED]
    assert len(written) == 1
    await pass_days(world, KEPT.jobs.days)
    await sweep(world)
    with pytest.raises(NotFound):
        await world.ports.runs.get_plan(CONTOSO, changing.id)
    assert await world.app.run_history.list_changes(CONTOSO, changing.id) == (written, None)
    assert (await world.app.run_history.get(CONTOSO, changing.id))[0] == changing
    assert (await world.app.undo(CONTOSO, changing.id, "anna")).counts.updated == 1


@pytest.mark.parametrize("after", [False, True])
async def test_a_sweep_that_dies_anywhere_is_continued(*, after: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """At every call, before or after its effect. The next round does the rest, and no sync is misled in between."""
    monkeypatch.setattr(retention, "STEP_ROWS", 7)
    undisturbed = await old_world()
    await sweep(undisturbed)
    for calls in count():
        world = await old_world()
        fuse = Fuse(calls, after=after)
        fragile = App(world.fragile(fuse).ports, world.app.settings)
        with suppress(Crash):
            await sweep(world, fragile)
        await unchanged(world)
        await sweep(world)
        assert await people(world) == await people(undisturbed), calls
        assert len(await runs(world)) == len(await runs(undisturbed)) + 1, calls
        await history_is_journal(world)
        await unchanged(world)
        if not fuse.blown:
            return
    raise AssertionError("it never ends")


async def test_a_run_that_begins_during_it_is_not_disturbed() -> None:
    """The sweep waits for the next round; the run writes as it would have."""
    world = await old_world()
    await world.request("contoso", "fourth", RunMode.FULL)
    await deliver(world.app, world.queue.messages.pop(0))
    await sweep(world)
    assert len(await people(world)) == 5
    await world.drain()
    assert (await world.newest("contoso")).state is RunState.DONE
    await sweep(world)
    assert len(await people(world)) == 4


async def test_old_entries_of_both_logs_go() -> None:
    """At the beginning of a round; newer ones stay."""
    world = await old_world()
    now = world.clock.now()
    for days in (1, 500):
        at = now - timedelta(days=days)
        entry = OperatorLogEntry(id=f"{days}", at=at, queue="fetch-jobs", code="poison", detail="d", body="b")
        await world.ports.operator_log.record(entry)
        audited = AuditEntry(id=entry_id(at, "0" * 16), at=at, action="rename", actor="anna", entry_point="api")
        await world.ports.audit.insert(CONTOSO, audited)
    await sweep(world)
    assert [entry.id async for entry in world.ports.operator_log.list_entries()] == ["1"]
    assert [entry.at async for _, entry in world.ports.audit.list_entries(CONTOSO)] == [now - timedelta(days=1)]


async def test_a_round_takes_some_tenants_at_each_look_and_begins_again_after_a_day(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Between two rounds, a look reads one row."""
    monkeypatch.setattr(retention, "TENANTS", 2)
    tables = MemoryTables()
    world = await old_world(tables)
    for name in ("acme", "beta", "delta", "epsilon"):
        await world.ports.tenants.put(TenantSummary(id=TenantId(name), name=name))
    await pass_days(world, 1)
    rounds = []
    for _ in range(3):
        await world.app.retention()
        rounds.append((await world.ports.tenants.get_retention_round()).value)
    assert [(round_.after, round_.finished) for round_ in rounds] == [
        ("beta", False),
        ("delta", False),
        ("epsilon", True),
    ]
    assert len(await people(world)) == 4
    read: list[str] = []
    find = tables.get

    async def noted(table: str, partition: str, row: str) -> object:
        read.append(row)
        return await find(table, partition, row)

    with monkeypatch.context() as patch:
        patch.setattr(tables, "get", noted)
        patch.setattr(tables, "query", None)
        await world.app.retention()
    assert read == ["!retention"]
    await pass_days(world, ROUND.days)
    await world.app.retention()
    assert (await world.ports.tenants.get_retention_round()).value.after == "beta"
