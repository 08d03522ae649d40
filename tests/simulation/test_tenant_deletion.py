"""Deleted tenants under crashes: everything goes, nothing of it comes back, and the id can be used again."""

from contextlib import suppress
from itertools import count

import pytest

from shared.domain.directory import Source
from shared.domain.ids import ObjectId, RunId, SourceId, TenantId
from shared.domain.preferences.preferences import Mode, Preferences
from shared.domain.sync.jobs import FetchJob, FetchResult
from shared.errors import BeingErased, NotFound, Superseded
from shared.telemetry import RequestCounters
from shared.workflows.tenants import deletion
from shared.workflows.tenants.deletion import SETTLED_AFTER
from tests.support.builders import person, user
from tests.support.fakes import FakeSecretStore
from tests.support.fakes.on_tables import ports_on
from tests.support.fakes.table_service import MemoryTables
from tests.support.world import Crash, Fuse, World, deliver

FABRIKAM = TenantId("fabrikam")
GROUP, OTHER = ObjectId(person(100)), ObjectId(person(101))


async def filled_world() -> tuple[World, MemoryTables]:
    """Return a world with a tenant that has synced, on real stores, and its tables."""
    tables = MemoryTables()
    world = World(ports_on(tables))
    directory = await world.tenant("fabrikam", [user(1), user(2)], Preferences(mode=Mode.GROUPS), {"desk": [GROUP]})
    directory.members = {GROUP: [person(1), person(2)]}
    await world.sync("fabrikam", "first")
    return world, tables


def rows_of(tables: MemoryTables) -> list[tuple[str, str, str]]:
    """Return table and keys of the rows that name the tenant."""
    return sorted(
        (table, *key) for table, rows in tables.copied().items() for key in rows if "fabrikam" in f"{key} {rows[key]}"
    )


def secrets_of(world: World) -> list[str]:
    """Return the names of the tenant's entries in the vault."""
    assert isinstance(world.ports.secrets, FakeSecretStore)
    return [name for name in world.ports.secrets.names() if "fabrikam" in name]


async def exists(world: World) -> bool:
    """Return whether the tenant exists."""
    try:
        await world.ports.tenants.get(FABRIKAM)
    except NotFound:
        return False
    return True


@pytest.mark.parametrize("after", [False, True])
async def test_a_deletion_that_dies_anywhere_is_finished(*, after: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """At every call, before or after its effect. If nothing was begun, nothing was deleted."""
    monkeypatch.setattr(deletion, "STEP_ROWS", 10)
    for calls in count():
        world, tables = await filled_world()
        before = rows_of(tables)
        fuse = Fuse(calls, after=after)
        with suppress(Crash):
            await world.fragile(fuse).tenants.delete(FABRIKAM)
        if (await world.ports.tenants.find_deletion(FABRIKAM)).value is None:
            assert (rows_of(tables), await exists(world)) == (before, True), calls
            continue
        with pytest.raises(BeingErased):
            await world.app.deletion.require_none(FABRIKAM)
        for _ in range(2):
            world.clock.advance(SETTLED_AFTER.total_seconds())
            await world.app.watchdog(RequestCounters())
            await world.drain()
        assert (rows_of(tables), secrets_of(world)) == ([], []), calls
        assert (await world.app.tenants.put(FABRIKAM, "Another customer"))[1]
        world.clock.advance(SETTLED_AFTER.total_seconds())
        await world.app.watchdog(RequestCounters())
        assert await exists(world), calls
        if not fuse.blown:
            return
    raise AssertionError("it never ends")


@pytest.mark.parametrize("after", [False, True])
async def test_a_watchdog_that_dies_anywhere_does_not_lose_the_deletion(
    *, after: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The record stays until nothing was found when nothing could be written any more."""
    for calls in count():
        world, tables = await filled_world()
        with monkeypatch.context() as slow:
            slow.setattr(deletion, "STEP_ROWS", 10)
            await world.app.deletion.begin(FABRIKAM)
        fuse = Fuse(calls, after=after)
        world.clock.advance(SETTLED_AFTER.total_seconds())
        with suppress(Crash):
            await world.fragile(fuse).deletion.sweep()
        if (await world.ports.tenants.find_deletion(FABRIKAM)).value is None:
            assert (rows_of(tables), secrets_of(world)) == ([], []), calls
        for _ in range(2):
            await world.app.watchdog(RequestCounters())
            world.clock.advance(SETTLED_AFTER.total_seconds())
        await world.app.watchdog(RequestCounters())
        assert (rows_of(tables), secrets_of(world)) == ([], []), calls
        if not fuse.blown:
            return
    raise AssertionError("it never ends")


async def test_a_deletion_that_begins_late_waits_as_long() -> None:
    """A worker dies before it deletes anything. What runs when the watchdog deletes the tenant may still write."""
    world, tables = await filled_world()
    await world.app.deletion.begin(FABRIKAM)
    world.clock.advance(3 * SETTLED_AFTER.total_seconds())
    await world.app.watchdog(RequestCounters())
    assert not await exists(world)
    await world.ports.snapshots.put(FABRIKAM, Source().id, {"0000:late": b"a page of the old customer"})
    with pytest.raises(BeingErased):
        await world.app.tenants.put(FABRIKAM, "Another customer")
    world.clock.advance(SETTLED_AFTER.total_seconds())
    await world.app.watchdog(RequestCounters())
    assert rows_of(tables) == []


async def test_what_a_worker_writes_late_never_becomes_the_next_tenants() -> None:
    """A page that is stored after the deletion is found before the id is free, however long that takes."""
    world, tables = await filled_world()
    await world.app.tenants.delete(FABRIKAM)
    assert rows_of(tables) == [("Tenants", "!deletions", "deletion:fabrikam")]
    for minutes in (5, 9):
        world.clock.advance(minutes * 60)
        await world.ports.snapshots.put(FABRIKAM, Source().id, {"0000:late": b"a page of the old customer"})
        await world.app.watchdog(RequestCounters())
        with pytest.raises(BeingErased):
            await world.app.tenants.put(FABRIKAM, "Another customer")
    world.clock.advance(60)
    await world.app.watchdog(RequestCounters())
    assert rows_of(tables) == []
    await world.app.tenants.put(FABRIKAM, "Another customer")
    assert {table for table, _, _ in rows_of(tables)} == {"Tenants"}


async def test_a_fetch_whose_results_are_being_deleted_stops(monkeypatch: pytest.MonkeyPatch) -> None:
    """The deletion comes between its look whether every source has a result, and the reading of these."""
    world = World()
    directory = await world.tenant("fabrikam", [user(1)], Preferences(mode=Mode.GROUPS), {"desk": [GROUP, OTHER]})
    directory.members = {GROUP: [person(1)], OTHER: [person(1)]}
    await world.request("fabrikam", "first")
    await deliver(world.app, world.queue.messages.pop(0))
    first, last = [message for message in world.queue.messages if isinstance(message, FetchJob)]
    await deliver(world.app, first)

    async def none(_tenant: TenantId, _run: RunId) -> dict[SourceId, FetchResult]:
        return {}

    monkeypatch.setattr(world.ports.runs, "list_fetch_results", none)
    with pytest.raises(Superseded):
        await world.app.fetch(last, RequestCounters(), last_delivery=False)
