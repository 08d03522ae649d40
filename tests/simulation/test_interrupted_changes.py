"""A change of settings whose worker dies: completed by the same request, by the next run, or by the watchdog."""

import contextlib
import dataclasses
from collections.abc import Awaitable, Callable

import msgspec
import pytest

from shared.bootstrap import App
from shared.domain.ids import LocationId, TenantId
from shared.domain.preferences.group_mapping import GroupMapping
from shared.domain.preferences.preferences import GuardLimits, Mode, Preferences
from shared.domain.recipient import Change, ChangeKind, Reason, Recipient, Status
from shared.domain.reconcile.write import Write
from shared.domain.run import RunState
from shared.errors import Conflict, NotFound, Rejected, Superseded
from shared.telemetry import RequestCounters
from shared.workflows.recipients.fenced_writer import FencedWriter
from tests.simulation.importing import Interrupting
from tests.simulation.worlds import STAFF, TEMPS
from tests.support.builders import person, user
from tests.support.world import SETTINGS, Crash, Fuse, World, deliver

CONTOSO, BERLIN, MUNICH = TenantId("contoso"), LocationId("berlin"), LocationId("munich")
PEOPLE = [user(number) for number in range(10)]
LENIENT = GuardLimits(max_share=1, max_people=1_000, small_max_share=1)
GROUPS = Preferences(mode=Mode.GROUPS, guard=LENIENT)


class Old:
    """A run on the previous settings, whose worker holds the fence of a location and is about to write."""

    def __init__(self, world: World) -> None:
        self.world = world

    async def begin(self) -> None:
        """Sync once; then let a second run get as far as its writers."""
        world = self.world
        directory = await world.tenant(
            "contoso", PEOPLE, GROUPS, {"berlin": [STAFF], "munich": [STAFF, TEMPS], "paris": [TEMPS]}
        )
        directory.members = {STAFF: [person(n) for n in range(6)], TEMPS: [person(n) for n in range(4, 10)]}
        await world.sync("contoso", "first")
        world.clock.advance(60)
        directory.put(user(1, display_name="New Name"))
        await world.request("contoso", "second")
        while (await world.newest("contoso")).state is not RunState.RECONCILING:
            await deliver(world.app, world.queue.messages.pop(0))
        self.run = (await world.newest("contoso")).id
        self.messages, world.queue.messages[:] = list(world.queue.messages), []
        plan = await world.ports.runs.get_plan(CONTOSO, self.run)
        self.writer = await FencedWriter.acquire(
            world.ports.recipients, CONTOSO, MUNICH, fencing_token=plan.fencing_token, attempt="old"
        )
        world.clock.advance(1)

    async def require_over(self) -> None:
        """Verify that neither the worker nor its messages can write any more."""
        recipients = await self.world.everything("contoso")
        for stored in recipients.get("munich", [])[:1]:
            gone = msgspec.structs.replace(stored, status=Status.DEACTIVATED_BY_SYNC)
            change = Change(kind=ChangeKind.DEACTIVATED, reason=Reason.LEFT_GROUP, recipient=stored.id, object_id=None)
            with pytest.raises(Superseded):
                await self.writer.write(
                    [Write(recipient=gone, change=change)], run=self.run, actor="sync", at=self.world.clock.now()
                )
        for message in self.messages:
            await deliver(self.world.app, message)
        assert await self.world.everything("contoso") == recipients
        assert (await self.world.run("contoso", self.run)).state is RunState.SUPERSEDED


async def prefer(app: App) -> None:
    """Read the whole directory instead of groups."""
    await app.preferences.put(CONTOSO, Preferences(mode=Mode.FULL, guard=LENIENT))


async def map_group(app: App) -> None:
    """Map another group."""
    await app.locations.put_mapping(CONTOSO, BERLIN, [GroupMapping(id=TEMPS)])


async def delete(app: App) -> None:
    """Delete a location; a repeated request may find that it is gone."""
    with contextlib.suppress(NotFound):
        await app.locations.delete(CONTOSO, MUNICH)


async def disconnect(app: App) -> None:
    """Switch the directory off."""
    await app.connect.disconnect(CONTOSO)


Action = Callable[[App], Awaitable[None]]


async def repeated(world: World, action: Action) -> None:
    """Send the same request again."""
    await action(world.app)


async def next_run(world: World, action: Action) -> None:
    """Let a manual message request a run, and plan it. It is rejected if the directory is off by then."""
    del action
    await world.request("contoso", "third")
    with contextlib.suppress(Rejected):
        await deliver(world.app, world.queue.messages.pop())


async def watched(world: World, action: Action) -> None:
    """Let the watchdog look."""
    del action
    await world.app.watchdog(RequestCounters())


@pytest.mark.parametrize("after", [False, True], ids=["before the effect", "after the effect"])
@pytest.mark.parametrize("completed", [repeated, next_run, watched])
@pytest.mark.parametrize("action", [prefer, map_group, delete, disconnect])
async def test_an_interrupted_change_is_completed(
    action: Action,
    completed: Callable[[World, Action], Awaitable[None]],
    after: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    """Old work is over, every run ends, and the recipients are those of the settings that are stored."""
    calls = 0
    while True:
        world = World()
        old = Old(world)
        await old.begin()
        before = (await world.ports.sync_states.get(CONTOSO)).value.config_version
        fuse = Fuse(calls, after=after)
        with contextlib.suppress(Crash):
            await action(world.fragile(fuse))
        begun = (await world.ports.sync_states.get(CONTOSO)).value.config_version > before
        if not begun:
            world.queue.messages += old.messages
        await completed(world, action)
        if begun or completed is repeated:
            await old.require_over()
        await _settled(world)
        await _require_right(world, action, f"killed at call {calls}")
        if not fuse.blown:
            break
        calls += 1
    assert calls > 5, "the fuse has been everywhere"


async def _settled(world: World) -> None:
    """Work everything off, with the watchdog."""
    for _ in range(3):
        while world.queue.messages:
            with contextlib.suppress(Conflict):
                await deliver(world.app, world.queue.messages.pop(0))
        world.clock.advance(1_000)
        await world.app.watchdog(RequestCounters())


async def _require_right(world: World, action: Action, where: str) -> None:
    state = (await world.ports.sync_states.get(CONTOSO)).value
    assert (state.is_busy, world.queue.messages) == (False, []), where
    assert all([run.state.ended async for run in world.ports.runs.list_runs(CONTOSO)]), where
    found = await world.everything("contoso")
    if action is delete:
        assert set(found) in ({"berlin", "paris"}, {"berlin", "munich", "paris"}), where
        if "munich" not in found:
            assert await world.recipients("contoso", "munich") == [], where
            fence = (await world.ports.recipients.get_fence(CONTOSO, MUNICH)).value
            assert (fence.active, fence.attempt, fence.input_fingerprint) == (0, "", None), where
    if await world.ports.connections.find(CONTOSO) is None:
        return
    await world.sync("contoso", "last")
    again = await world.everything("contoso")
    assert {name: _active(each) for name, each in again.items()} == {
        name: _active(each) for name, each in found.items()
    }


def _active(recipients: list[Recipient]) -> list[Recipient]:
    return [recipient for recipient in recipients if recipient.status is Status.ACTIVE]


async def test_a_run_does_not_begin_while_another_change_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    """It completes an interrupted one. Before that is over, a location is deleted, which is interrupted as well."""
    world = World()
    await world.tenant("contoso", PEOPLE, Preferences(mode=Mode.FULL), {"berlin": [], "munich": []})

    async def interrupted(change: Awaitable[object]) -> None:
        with monkeypatch.context() as patch, contextlib.suppress(Crash):
            patch.setattr(world.ports.recipients, "get_fence", _crash)
            await change

    await interrupted(world.app.preferences.put(CONTOSO, Preferences(mode=Mode.FULL, include_guests=False)))
    await world.request("contoso", "first")
    request = world.queue.messages.pop()
    deletes = Interrupting(
        world.ports.sync_states, "replace", 1, lambda: interrupted(world.app.locations.delete(CONTOSO, MUNICH))
    )
    await deliver(App(dataclasses.replace(world.ports, sync_states=deletes), SETTINGS), request)
    state = (await world.ports.sync_states.get(CONTOSO)).value
    assert state.active_run is not None
    assert state.change is None
    assert (await world.ports.runs.get_plan(CONTOSO, state.active_run)).locations.keys() == {BERLIN}


async def _crash(*_: object) -> None:
    raise Crash
