"""Rows and messages of another version of the app, and damaged rows: they affect only what they belong to."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import msgspec
import pytest
from isal import isal_zlib

from shared.adapters.stores.table_names import RUNS, TENANTS, USERS
from shared.adapters.tables import packing
from shared.domain.ids import LocationId, RunId, TenantId
from shared.domain.preferences.preferences import Mode, Preferences
from shared.domain.retry_policy import UNREADABLE
from shared.domain.run import RunState
from shared.domain.schema_version import READABLE, SCHEMA
from shared.domain.sync.jobs import FetchJob, SyncRequest
from shared.errors import Unreadable
from shared.telemetry import RequestCounters
from shared.triggers import queues
from shared.workflows.operations.overview import Sort
from tests.support.builders import person, user
from tests.support.delivery import Message
from tests.support.fakes.on_tables import ports_on
from tests.support.fakes.table_service import MemoryTables
from tests.support.world import World, deliver

CONTOSO, FABRIKAM = TenantId("contoso"), TenantId("fabrikam")
PEOPLE = [user(number) for number in range(10)]
FULL = Preferences(mode=Mode.FULL)


def _packed(value: object) -> bytes:
    return isal_zlib.compress(msgspec.msgpack.encode(value), 1)


#: What a state row can contain instead of what this version writes.
DAMAGED: dict[str, dict[str, Any]] = {
    "an unknown value": {"schema": SCHEMA, "p00": _packed({"pending": "sideways"})},
    "another type": {"schema": SCHEMA, "p00": _packed({"announced": 5})},
    "no packed value": {"schema": SCHEMA, "p00": b"damaged"},
    "a version far ahead": {"schema": READABLE + 1, "p00": _packed({})},
}


async def _planned() -> tuple[World, MemoryTables]:
    """Return a world with two tenants whose runs are planned, and whose messages are lost."""
    tables = MemoryTables()
    world = World(ports_on(tables))
    for tenant in ("contoso", "fabrikam"):
        await world.tenant(tenant, PEOPLE, FULL, {"berlin": []})
        await world.request(tenant, "first")
        await deliver(world.app, world.queue.messages.pop())
    world.queue.messages.clear()
    return world, tables


async def _damage(tables: MemoryTables, columns: dict[str, Any]) -> dict[str, Any]:
    """Replace what the state of the first tenant contains, and return the previous row."""
    before = dict(await tables.get(TENANTS, CONTOSO, "state"))
    await tables.put(TENANTS, {"PartitionKey": CONTOSO, "RowKey": "state", "busy": True, **columns})
    return before


@pytest.mark.parametrize("damage", DAMAGED)
async def test_an_unreadable_row_stops_no_other_tenant(damage: str) -> None:
    """The watchdog goes on, the operator is told once, and the row is left as it is until it can be read again."""
    world, tables = await _planned()
    before = await _damage(tables, DAMAGED[damage])
    damaged = dict(await tables.get(TENANTS, CONTOSO, "state"))
    for _ in range(3):
        world.clock.advance(1_000)
        await world.app.watchdog(RequestCounters())
        await world.drain()
    assert (await world.newest(FABRIKAM)).state is RunState.DONE
    assert dict(await tables.get(TENANTS, CONTOSO, "state")) == damaged
    (entry,) = [entry async for entry in world.ports.operator_log.list_entries()]
    assert (entry.code, entry.tenant, entry.body) == ("unreadable_row", CONTOSO, "Tenants contoso state")
    (check,) = [check for check in (await world.app.doctor()).checks if check.id == "rows"]
    assert (check.status, "Tenants contoso state" in check.detail) == ("warn", True)
    await tables.put(TENANTS, before)
    world.clock.advance(1_000)
    await world.app.watchdog(RequestCounters())
    await world.drain()
    assert (await world.newest(CONTOSO)).state is RunState.DONE


async def test_the_overview_shows_the_tenant_of_an_unreadable_run() -> None:
    """It may be held, so the overview says so, and shows all other tenants."""
    world, tables = await _planned()
    await world.drain()
    state, etag = await world.ports.sync_states.get(CONTOSO)
    held = RunId("8204576261968-0000000a")
    summary = msgspec.structs.replace(state.summary, held=held)
    await world.ports.sync_states.replace(CONTOSO, msgspec.structs.replace(state, summary=summary), etag)
    await tables.put(RUNS, {"PartitionKey": CONTOSO, "RowKey": held, **DAMAGED["no packed value"]})
    lines, _ = await world.app.overview("", Sort.NAME, descending=False, after=None, limit=10)
    assert [(line.id, line.held_run) for line in lines] == [(CONTOSO, held), (FABRIKAM, None)]


async def test_an_unreadable_run_or_user_is_missing_in_its_list() -> None:
    """The others are shown. The guard, which counts what each run deactivated, waits until the run can be read."""
    tables = MemoryTables()
    world = World(ports_on(tables))
    await world.tenant("contoso", PEOPLE, FULL, {"berlin": []})
    first, second = await world.sync("contoso", "first"), await world.sync("contoso", "second")
    for table, name in ((RUNS, first.id), (USERS, "damaged")):
        await tables.put(table, {"PartitionKey": CONTOSO, "RowKey": name, **DAMAGED["a version far ahead"]})
    assert [run.id for run in (await world.app.run_history.list_runs(CONTOSO))[0]] == [second.id]
    assert await world.app.sso_users.product_users(CONTOSO) == []
    recorded = {(entry.tenant, entry.body) async for entry in world.ports.operator_log.list_entries()}
    assert recorded == {(CONTOSO, f"Runs contoso {first.id}"), (CONTOSO, "Users contoso damaged")}
    with pytest.raises(Unreadable):
        await world.app.recent_losses.count(CONTOSO, [LocationId("berlin")], None)


async def test_a_job_whose_row_is_unreadable_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """However often it is delivered, it does not become a dead letter."""
    world, tables = await _planned()
    monkeypatch.setattr(queues, "app", lambda: world.app)
    await _damage(tables, DAMAGED["an unknown value"])
    body = '{"tenant": "contoso", "request": "second"}'
    await queues._process(SyncRequest.queue, Message(body, dequeue_count=5))
    (waiting,) = world.queue.messages
    assert isinstance(waiting, SyncRequest)
    assert (waiting.request, world.queue.last_delay_s) == ("second", UNREADABLE.first_wait_s)
    assert [entry async for entry in world.ports.operator_log.list_entries()] == []
    with pytest.raises(Unreadable):
        await deliver(world.app, waiting)


async def test_a_message_of_a_later_version_is_put_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """With its text unchanged; a message of the next version is worked off without what is unknown in it."""
    world, _ = await _planned()
    monkeypatch.setattr(queues, "app", lambda: world.app)
    run = await world.newest(CONTOSO)
    text = f'{{"tenant":"contoso","run":"{run.id}","source":"main:users","later":1,"schema":{READABLE + 1}}}'
    await queues._process(FetchJob.queue, Message(text, dequeue_count=5))
    assert (world.queue.unread, world.queue.last_delay_s) == ([(FetchJob.queue, text)], UNREADABLE.first_wait_s)
    assert [entry async for entry in world.ports.operator_log.list_entries()] == []
    await queues._process(FetchJob.queue, Message(text.replace(str(READABLE + 1), str(READABLE))))
    await world.drain()
    assert (await world.run(CONTOSO, run.id)).state is RunState.DONE


@contextmanager
def _next_version(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Write rows as the next version of the app would: with another number, and with a field that is unknown here."""
    compressed = packing._compressed

    def newer(value: object) -> bytes:
        fields = msgspec.msgpack.decode(msgspec.msgpack.encode(value))
        return compressed({**fields, "field_of_the_next_version": [1]} if isinstance(fields, dict) else fields)

    with monkeypatch.context() as patched:
        patched.setattr(packing, "SCHEMA", SCHEMA + 1)
        patched.setattr(packing, "_compressed", newer)
        yield


async def _second_sync(world: World) -> None:
    directory = await world.tenant("contoso", PEOPLE, FULL, {"berlin": [], "munich": []})
    await world.sync("contoso", "first")
    directory.put(user(10), user(1, display_name="New Name"))
    directory.remove(person(3))
    world.clock.advance(60)
    await world.request("contoso", "second")


@pytest.mark.parametrize("first", [0, 1], ids=["the newer first", "the older first"])
async def test_two_versions_work_over_one_store(monkeypatch: pytest.MonkeyPatch, first: int) -> None:
    """The next version, and this one after a rollback, take turns at the messages of one run."""
    undisturbed = World(ports_on(MemoryTables()))
    await _second_sync(undisturbed)
    await undisturbed.drain()
    tables = MemoryTables()
    world = World(ports_on(tables))
    with _next_version(monkeypatch):
        await _second_sync(world)
    turn = first
    while world.queue.messages:
        message = world.queue.messages.pop(0)
        if turn % 2:
            await deliver(world.app, message)
        else:
            with _next_version(monkeypatch):
                await deliver(world.app, message)
        turn += 1
    assert await world.everything("contoso") == await undisturbed.everything("contoso")
    run, expected = await world.newest("contoso"), await undisturbed.newest("contoso")
    assert (run.state, run.counts, run.locations) == (expected.state, expected.counts, expected.locations)
    rows = (row for table in tables._tables.values() for partition in table.values() for row, _ in partition.values())
    versions = {row.get("schema") for row in rows} - {None}
    assert versions == {SCHEMA, SCHEMA + 1}
