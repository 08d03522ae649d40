"""The emergency stop: after its answer nothing is written to recipients, and after its end nothing is missing."""

import contextlib
import dataclasses
import inspect
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from shared.bootstrap import App
from shared.domain.ids import LocationId, TenantId
from shared.domain.imports.import_record import ImportState
from shared.domain.pause import PauseScope
from shared.domain.preferences.group_mapping import GroupMapping
from shared.domain.preferences.preferences import GuardLimits, Preferences
from shared.domain.recipient import Recipient, Status
from shared.domain.run import RunMode, RunState
from shared.domain.sync.queue_messages import encode
from shared.errors import Paused, SyncError
from shared.telemetry import RequestCounters
from shared.triggers import queues
from tests.simulation.importing import imports_world, look, people, start, uploaded
from tests.simulation.worlds import FULL, PEOPLE, full_world
from tests.support.builders import person, user
from tests.support.delivery import Message
from tests.support.world import SETTINGS, Crash, Fuse, World

CONTOSO, BERLIN = TenantId("contoso"), LocationId("berlin")
_PORTS = ("tenants", "connections", "settings", "sync_states", "runs", "snapshots", "recipients", "imports", "queue")


class Pausing:
    """Ports with which an operator pauses the tenant before the n-th call of a worker."""

    def __init__(self, world: World, calls: int) -> None:
        self._world = world
        self._left = calls
        #: The recipients when the operator got the answer; None before.
        self.seen: dict[str, list[Recipient]] | None = None
        weak: Any = {name: _Pausing(getattr(world.ports, name), self) for name in _PORTS}
        self.app = App(dataclasses.replace(world.ports, **weak), SETTINGS)

    async def count(self) -> None:
        """Count a call."""
        self._left -= 1
        if self._left == 0:
            await self._world.app.emergency_stop.pause(CONTOSO, "operator")
            self.seen = await self._world.everything("contoso")


class _Pausing:
    def __init__(self, port: object, pausing: Pausing) -> None:
        self._port = port
        self._pausing = pausing

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - stands for any port
        found = getattr(self._port, name)
        if inspect.isasyncgenfunction(found):

            async def iterate(*args: object, **words: object) -> AsyncIterator[object]:
                await self._pausing.count()
                async for item in found(*args, **words):
                    yield item

            return iterate
        if inspect.iscoroutinefunction(found):

            async def call(*args: object, **words: object) -> object:
                await self._pausing.count()
                return await found(*args, **words)

            return call
        return found


async def _process(world: World, app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    """Process each message that is in the queues at this moment once, as the queue triggers do."""
    monkeypatch.setattr(queues, "app", lambda: app)
    messages, world.queue.messages[:] = list(world.queue.messages), []
    for message in messages:
        try:
            await queues._process(message.queue, Message(encode(message)))
        except SyncError:  # delivered again by the host
            world.queue.messages.append(message)


async def _settle(world: World, app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(50):
        if not world.queue.messages:
            return
        await _process(world, app, monkeypatch)
    raise AssertionError("the queues never run empty")


async def _syncing() -> World:
    """A sync with joiners, leavers and changes."""
    world = await full_world()
    await world.sync("contoso", "first")
    world.directory().put(user(3, department="New"), user(40))
    world.directory().remove(person(5))
    world.clock.advance(60)
    await world.request("contoso", "second", RunMode.FULL)
    return world


async def _importing() -> World:
    """An uploaded file that overwrites."""
    world = await imports_world()
    content = people(0, 245, "HR")
    await start(world, await uploaded(world, content), content)
    return world


@pytest.mark.parametrize("begin", [_syncing, _importing])
async def test_a_pause_at_any_point(begin: Callable[[], Awaitable[World]], monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is written after its answer; messages wait; afterwards the result is that of an undisturbed twin."""
    twin = await begin()
    await _settle(twin, twin.app, monkeypatch)
    expected = await twin.everything("contoso")
    calls, paused = 0, True
    while paused:
        calls += 1
        world = await begin()
        pausing = Pausing(world, calls)
        for _ in range(12):
            await _process(world, pausing.app, monkeypatch)
        paused = pausing.seen is not None
        if paused:
            for _ in range(3):
                world.clock.advance(4 * 3_600)
                await world.app.watchdog(RequestCounters())
                await _process(world, world.app, monkeypatch)
            assert await world.everything("contoso") == pausing.seen
            assert await world.app.emergency_stop.resume(CONTOSO, "operator") == ()
        await _settle(world, world.app, monkeypatch)
        assert await world.everything("contoso") == expected, f"paused before call {calls}"
        assert not (await world.ports.sync_states.get(CONTOSO)).value.is_busy
    assert calls > 20


async def test_an_edit_during_a_pause() -> None:
    """It is either written before the answer, or refused with a code of its own, whole."""
    refused = 0
    for calls in range(1, 60):
        world = await imports_world()
        before = (await world.recipients("contoso", "berlin"))[0]
        pausing = Pausing(world, calls)
        try:
            await pausing.app.edit_recipient(CONTOSO, BERLIN, before.id, {"department": "HR"}, active=None, by="anna")
        except Paused:
            refused += 1
        if pausing.seen is None:
            break
        assert await world.everything("contoso") == pausing.seen
        with pytest.raises(Paused):
            await world.app.edit_recipient(CONTOSO, BERLIN, before.id, {"department": "Sales"}, active=None, by="anna")
        await world.app.watchdog(RequestCounters())
        await world.app.emergency_stop.resume(CONTOSO, "operator")
        await world.app.edit_recipient(CONTOSO, BERLIN, before.id, {"department": "HR"}, active=None, by="anna")
        stored = await world.ports.recipients.get(CONTOSO, BERLIN, before.id)
        assert stored.profile.department == "HR"
    else:
        raise AssertionError("the edit never ended")
    assert refused > 3


async def test_undo_imports_and_deleted_locations_are_refused() -> None:
    """Also what would erase recipients; previews, settings and uploads are not."""
    world = await full_world()
    run = await world.sync("contoso", "first")
    await world.app.emergency_stop.pause(CONTOSO, "operator")
    before = await world.everything("contoso")
    with pytest.raises(Paused):
        await world.app.undo(CONTOSO, run.id, "anna")
    with pytest.raises(Paused):
        await world.app.locations.delete(CONTOSO, BERLIN)
    await world.app.locations.put_mapping(CONTOSO, BERLIN, [GroupMapping(id=person(900))])
    preview = await world.app.request_run.preview(CONTOSO, RunMode.FULL, None)
    await world.drain()
    assert (await world.run("contoso", preview.id)).state is RunState.DONE
    assert await world.everything("contoso") == before


async def test_a_held_run_stays_held(monkeypatch: pytest.MonkeyPatch) -> None:
    """It can be read, and be approved once the pause has ended."""
    world = World()
    preferences = Preferences(mode=FULL.mode, guard=GuardLimits(max_people=2))
    directory = await world.tenant("contoso", PEOPLE, preferences, {"berlin": []})
    await world.sync("contoso", "first")
    for number in range(5):
        directory.remove(person(number))
    held = await world.sync("contoso", "second")
    assert held.state is RunState.HELD
    digest = held.held_digest or ""
    await world.app.emergency_stop.pause(CONTOSO, "operator")
    with pytest.raises(Paused):
        await world.app.review_held.approve(CONTOSO, held.id, digest, "anna")
    assert (await world.run("contoso", held.id)).state is RunState.HELD
    await world.app.emergency_stop.resume(CONTOSO, "operator")
    await world.app.review_held.approve(CONTOSO, held.id, digest, "anna")
    await _settle(world, world.app, monkeypatch)
    active = [stored for stored in await world.recipients("contoso", "berlin") if stored.status is Status.ACTIVE]
    assert (len(active), (await world.run("contoso", held.id)).state) == (25, RunState.DONE)


async def test_requests_of_a_long_pause_are_one_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """They wait in the tenant's state, so their number does not matter; an import does not expire."""
    world = await imports_world()
    await world.app.preferences.put(CONTOSO, FULL)
    content = people(0, 250, "HR")
    ref = await uploaded(world, content)
    await start(world, ref, content)
    await world.app.emergency_stop.pause(CONTOSO, "operator")
    requested = await world.app.request_run(CONTOSO, RunMode.INCREMENTAL, "anna")
    for hour in range(50):
        await world.request("contoso", f"schedule-{hour}")
        await _process(world, world.app, monkeypatch)
        world.clock.advance(3_600)
        await world.app.watchdog(RequestCounters())
    assert len(world.queue.messages) == 1
    await world.app.emergency_stop.resume(CONTOSO, "operator")
    await world.app.watchdog(RequestCounters())
    await _settle(world, world.app, monkeypatch)
    assert (await world.run("contoso", requested.id)).state is RunState.DONE
    assert (await look(world, ref)).state is ImportState.DONE
    runs = [run async for run in world.ports.runs.list_runs(CONTOSO)]
    assert sum(run.kind.value == "sync" for run in runs) == 1


async def _tenants() -> World:
    world = await full_world()
    for name in ("fabrikam", "tailspin"):
        await world.tenant(name, PEOPLE, FULL, {"berlin": []})
    return world


async def _paused(world: World) -> dict[str, list[PauseScope]]:
    return {
        tenant.id: [pause.scope for pause in await world.app.emergency_stop.get(tenant.id)]
        async for tenant in world.ports.tenants.list_tenants()
    }


async def test_all_tenants_in_one_call() -> None:
    """New ones included; a tenant that was paused on its own stays paused afterwards."""
    world, tailspin = await _tenants(), TenantId("tailspin")
    stop = world.app.emergency_stop
    await stop.pause(tailspin, "operator")
    first = await stop.pause_all("operator")
    assert await stop.pause_all("another") == first
    await world.app.tenants.put(TenantId("new"), "New")
    everywhere = [PauseScope.ALL]
    assert await _paused(world) == {
        "contoso": everywhere,
        "fabrikam": everywhere,
        "new": everywhere,
        "tailspin": [PauseScope.TENANT, *everywhere],
    }
    assert [pause.scope for pause in await stop.resume(tailspin, "operator")] == everywhere
    await stop.pause(tailspin, "operator")
    await stop.resume_all("operator")
    await stop.resume_all("operator")
    assert await stop.find_of_all() is None
    assert await _paused(world) == {"contoso": [], "fabrikam": [], "new": [], "tailspin": [PauseScope.TENANT]}
    codes = {(entry.code, entry.tenant) async for entry in world.ports.operator_log.list_entries()}
    assert codes == {
        ("paused", None),
        ("resumed", None),
        ("paused", tailspin),
        ("resumed", tailspin),
    }


@pytest.mark.parametrize("after", [False, True])
async def test_a_call_that_dies_is_completed(after: bool) -> None:  # noqa: FBT001 - a parameter of the test
    """The watchdog pauses the tenants that are left, and resumes them likewise."""
    for calls in range(200):
        world, fuse = await _tenants(), Fuse(calls, after=after)
        with contextlib.suppress(Crash):
            await world.fragile(fuse).emergency_stop.pause_all("operator")
        begun = await world.app.emergency_stop.find_of_all() is not None
        await world.app.watchdog(RequestCounters())
        assert all(scopes == ([PauseScope.ALL] if begun else []) for scopes in (await _paused(world)).values())
        await world.app.emergency_stop.pause_all("operator")
        fuse_2 = Fuse(calls, after=after)
        with contextlib.suppress(Crash):
            await world.fragile(fuse_2).emergency_stop.resume_all("operator")
        stored = await world.app.emergency_stop.find_of_all()
        await world.app.watchdog(RequestCounters())
        still = stored is not None and not stored.lifting
        assert all(bool(scopes) == still for scopes in (await _paused(world)).values())
        assert (await world.app.emergency_stop.find_of_all() is not None) == still
        if not fuse.blown and not fuse_2.blown:
            return
    raise AssertionError("the calls never end")
