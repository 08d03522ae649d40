"""Locations, mappings and the mode change: who comes, who goes, and what is read for it."""

import msgspec
import pytest

from shared.domain.ids import LocationId, TenantId
from shared.domain.preferences.group_mapping import GroupMapping
from shared.domain.preferences.preferences import GuardLimits, Mode, Preferences
from shared.domain.recipient import Change, ChangeKind, Counts, Reason
from shared.domain.reconcile.fence import SYNC, Fence
from shared.domain.reconcile.write import Write
from shared.domain.retry_policy import ROW_UPDATE
from shared.domain.run import RunState
from shared.errors import Contended, ETagConflict
from shared.runtime import optimistic_update
from shared.workflows.recipients.fenced_writer import FencedWriter
from tests.simulation.worlds import STAFF, TEMPS, full_world, groups_world
from tests.support.world import World, deliver

CONTOSO, FABRIKAM = TenantId("contoso"), TenantId("fabrikam")
LENIENT = GuardLimits(max_share=1, max_people=1_000, small_max_share=1)


async def reasons(world: World, tenant: str, location: str) -> dict[str, int]:
    """Return how many recipients of a location left, by reason, and how many are active."""
    found: dict[str, int] = {}
    for recipient in await world.recipients(tenant, location):
        found[recipient.reason or "active"] = found.get(recipient.reason or "active", 0) + 1
    return found


async def test_a_new_location_in_full_mode_is_filled_from_what_is_known() -> None:
    """Two requests, as for a run that finds no change, however many people there are."""
    world = await full_world()
    await world.sync("contoso", "first")
    quiet = await world.sync("contoso", "second")
    await world.app.locations.put(CONTOSO, LocationId("paris"), "Paris")
    await world.drain()
    run = await world.sync("contoso", "third")
    assert await reasons(world, "contoso", "paris") == {"active": 30}
    assert run.directory_requests == quiet.directory_requests
    assert {name for name, report in run.locations.items() if report.compared} <= {"paris"}


async def test_a_location_that_is_removed_takes_its_recipients_with_it() -> None:
    """The others stay as they are, and a sync says nothing of it any more."""
    world = await full_world()
    await world.sync("contoso", "first")
    await world.app.locations.delete(CONTOSO, LocationId("berlin"))
    run = await world.sync("contoso", "second")
    assert set(run.locations) == {"munich"}
    assert await reasons(world, "contoso", "munich") == {"active": 30}
    assert await world.recipients("contoso", "berlin") == []


@pytest.mark.parametrize(("groups", "left"), [([], "mapping_removed"), ([TEMPS], "left_group")])
async def test_a_mapping_that_is_removed(groups: list[str], left: str) -> None:
    """With the reason; whom another group holds stays. Held, where it would be everybody or too many."""
    world = await groups_world()
    await world.sync("fabrikam", "first")
    before = (await reasons(world, "fabrikam", "munich"))["active"]
    mapped = [GroupMapping(id=group) for group in (TEMPS,) if group in groups]
    await world.app.locations.put_mapping(FABRIKAM, LocationId("munich"), mapped)
    await world.drain()
    run = await world.sync("fabrikam", "second")
    staying = 17 if groups else 0
    if run.state is RunState.HELD:
        assert await reasons(world, "fabrikam", "munich") == {"active": before}
        await world.app.review_held.approve(FABRIKAM, run.id, run.held_digest or "", "somebody")
        await world.drain()
    found = await reasons(world, "fabrikam", "munich")
    assert found.pop("active", 0) == staying
    assert found == {left: before - staying}
    assert all(
        STAFF not in recipient.groups
        for recipient in await world.recipients("fabrikam", "munich")
        if not recipient.reason
    )


async def test_from_groups_to_everybody_and_back() -> None:
    """Full mode adds whoever is in no group; going back is held, and then leaves those of the groups."""
    world = await groups_world()
    await world.sync("fabrikam", "first")
    before = {name: await reasons(world, "fabrikam", name) for name in ("berlin", "munich", "paris")}
    await world.app.preferences.put(FABRIKAM, Preferences(mode=Mode.FULL, guard=LENIENT))
    await world.sync("fabrikam", "second")
    for name in before:
        assert await reasons(world, "fabrikam", name) == {"active": 30}
    await world.app.preferences.put(FABRIKAM, Preferences(mode=Mode.GROUPS))
    run = await world.sync("fabrikam", "third")
    assert run.state is RunState.HELD
    await world.app.review_held.approve(FABRIKAM, run.id, run.held_digest or "", "somebody")
    await world.drain()
    for name, known in before.items():
        found = await reasons(world, "fabrikam", name)
        assert found == {**known, "left_group": 30 - known["active"]}


async def test_a_fence_that_others_keep_changing_leaves_no_run_without_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sent again the change would change nothing: a new run is requested immediately, and the old one ends before it.

    Its report has what a worker writes until its fence is raised.
    """
    world = await full_world()
    await world.sync("contoso", "first")
    world.clock.advance(60)
    await world.request("contoso", "second")
    await deliver(world.app, world.queue.messages.pop())
    world.clock.advance(60)
    replaced_run = await world.newest("contoso")
    token = (await world.ports.sync_states.get(CONTOSO)).value.fencing_token
    store, berlin = world.ports.recipients, LocationId("berlin")
    writer = await FencedWriter.acquire(store, CONTOSO, berlin, fencing_token=token, attempt="slow", compares=True)
    replace_fence = world.ports.recipients.replace_fence

    async def replaced(tenant: TenantId, location: LocationId, fence: Fence, etag: str | None) -> str:
        if location == "berlin":
            raise ETagConflict("berlin is busy")
        return await replace_fence(tenant, location, fence, etag)

    with monkeypatch.context() as patched:
        patched.setattr(optimistic_update, "ROW_UPDATE", msgspec.structs.replace(ROW_UPDATE, attempts=2))
        patched.setattr(world.ports.recipients, "replace_fence", replaced)
        with pytest.raises(Contended):
            await world.app.preferences.put(CONTOSO, Preferences(mode=Mode.FULL, guard=LENIENT))
    first = (await world.recipients("contoso", "berlin"))[0]
    change = Change(kind=ChangeKind.UPDATED, reason=Reason.DIRECTORY_CHANGED, recipient=first.id)
    at = world.clock.now()
    await writer.write([Write(recipient=first, change=change)], run=replaced_run.id, actor=SYNC, at=at)
    state = (await world.ports.sync_states.get(CONTOSO)).value
    munich = (await world.ports.recipients.get_fence(CONTOSO, LocationId("munich"))).value
    assert munich.fencing_token == state.fencing_token
    await world.drain()
    run = await world.newest("contoso")
    assert (run.state, run.requested_by) == (RunState.DONE, "configuration")
    ended = await world.run("contoso", replaced_run.id)
    assert (ended.state, ended.locations[berlin].counts) == (RunState.SUPERSEDED, Counts(updated=1))
