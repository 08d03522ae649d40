"""The answer of one write is lost in a worker that lives on: what follows is as if it had come."""

import io
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

import pytest

from shared.domain.access.idempotency import IdempotentRequest
from shared.domain.ids import LocationId, TenantId
from shared.domain.imports.import_record import ImportState
from shared.domain.imports.row_decisions import ImportMode
from shared.domain.optimistic_locking import Condition
from shared.domain.preferences.preferences import Mode, Preferences
from shared.domain.run import RunMode, RunState
from tests.simulation.importing import start, uploaded
from tests.support.builders import person, user
from tests.support.fakes.lossy_tables import LossyTables
from tests.support.fakes.on_tables import ports_on
from tests.support.world import World, deliver

CONTOSO, BERLIN = TenantId("contoso"), LocationId("berlin")
PEOPLE = [user(number) for number in range(30)]
FILE = b"name,mail,department\nAda,ada@example.com,IT\nBob,bob@example.com,HR\n"


async def synced(world: World) -> None:
    """Sync for the first time; then a join, a change and a leave wait for the second sync."""
    directory = await world.tenant("contoso", PEOPLE, Preferences(mode=Mode.FULL), {"berlin": [], "munich": []})
    await world.sync("contoso", "first")
    directory.put(user(30), user(1, display_name="New Name"))
    directory.remove(person(3))
    world.clock.advance(60)


async def requested(world: World) -> None:
    """Request the second sync."""
    await synced(world)
    await world.request("contoso", "second")


async def running(world: World) -> None:
    """Plan the second sync, and read its source."""
    await requested(world)
    await deliver(world.app, world.queue.messages.pop(0))
    await deliver(world.app, world.queue.messages.pop(0))


async def held(world: World) -> None:
    """Let the second sync hold what it would deactivate."""
    await synced(world)
    world.directory().remove(*(person(number) for number in range(4, 28)))
    assert (await world.sync("contoso", "second")).state is RunState.HELD


async def sync(world: World) -> None:
    """Work off what was requested."""
    await world.drain()


async def approve(world: World) -> None:
    """Approve what the run holds."""
    run = await world.newest("contoso")
    approved = await world.app.review_held.approve(CONTOSO, run.id, run.held_digest or "", "anna")
    assert approved.state is RunState.DEACTIVATING
    await world.drain()


async def reject(world: World) -> None:
    """Reject what the run holds."""
    await world.app.review_held.reject(CONTOSO, (await world.newest("contoso")).id, "anna")


async def join(world: World) -> None:
    """Request a run that waits for the end of the active one."""
    await world.app.request_run(CONTOSO, RunMode.FULL, "anna")
    world.clock.advance(1)
    await world.drain()


async def prefer(world: World) -> None:
    """Change the preferences that the active run uses, if they are those that were read."""
    tagged = await world.app.preferences.get(CONTOSO)
    changed = Preferences(mode=Mode.FULL, include_guests=False)
    await world.app.preferences.put(CONTOSO, changed, Condition(tags=frozenset({tagged.tag})))
    world.clock.advance(1)
    await world.drain()


async def delete_location(world: World) -> None:
    """Delete a location that the active run uses."""
    await world.app.locations.delete(CONTOSO, BERLIN)
    world.clock.advance(1)
    await world.drain()


async def disconnect(world: World) -> None:
    """Switch the connection off."""
    await world.app.connect.disconnect(CONTOSO)
    await world.drain()


async def import_in_request(world: World) -> None:
    """Import a small file with an idempotency key."""
    once = IdempotentRequest.of("anna", "import", "key", FILE)
    report = await world.app.import_csv(CONTOSO, BERLIN, io.BytesIO(FILE), ImportMode.MERGE, "", "anna", once)
    assert report.counts.created == 2


async def import_upload(world: World) -> None:
    """Import an uploaded file."""
    ref = await uploaded(world, FILE)
    await start(world, ref, FILE)
    await world.drain()
    assert (await world.ports.imports.get(ref)).value.state is ImportState.DONE


async def edit_and_undo(world: World) -> None:
    """Change a recipient, and undo it."""
    recipient = (await world.recipients("contoso", "berlin"))[5].id
    edited = await world.app.edit_recipient(CONTOSO, BERLIN, recipient, {"department": "HR"}, active=None, by="anna")
    assert edited.profile.department == "HR"
    world.clock.advance(60)
    await world.app.undo(CONTOSO, (await world.newest("contoso")).id, "anna")


class Scenario(NamedTuple):
    """What happens before, and while, an answer is lost."""

    before: Callable[[World], Awaitable[None]]
    action: Callable[[World], Awaitable[None]]


SCENARIOS = [
    Scenario(requested, sync),
    Scenario(held, approve),
    Scenario(held, reject),
    Scenario(running, join),
    Scenario(running, prefer),
    Scenario(running, delete_location),
    Scenario(running, disconnect),
    Scenario(synced, import_in_request),
    Scenario(synced, import_upload),
    Scenario(synced, edit_and_undo),
]


async def _seen(world: World) -> dict[str, Any]:
    """Return all that a customer or a later run notices."""
    state = (await world.ports.sync_states.get(CONTOSO)).value
    runs = [run async for run in world.ports.runs.list_runs(CONTOSO)]
    return {
        "recipients": await world.everything("contoso"),
        "runs": [(run.kind, run.mode, run.state, run.requested_by, run.counts, run.problems) for run in runs],
        "state": (state.active_run, state.pending, state.fencing_token, state.config_version, state.announced),
        "summary": (state.summary.state, state.summary.recipients, state.summary.held),
        "messages": len(world.queue.messages),
        "log": [entry async for entry in world.ports.operator_log.list_entries()],
    }


async def _played(scenario: Scenario, lost: int) -> tuple[dict[str, Any], bool]:
    """Return what is seen afterwards, and whether an answer was lost."""
    tables = LossyTables()
    world = World(ports_on(tables))
    await scenario.before(world)
    tables.lose(lost)
    await scenario.action(world)
    return await _seen(world), tables.lost


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.action.__name__)
async def test_a_lost_answer_changes_nothing(scenario: Scenario) -> None:
    """Whichever write it is of; neither the watchdog nor a second request is needed."""
    expected, _ = await _played(scenario, -2)
    points = 0
    while True:
        seen, lost = await _played(scenario, points)
        if not lost:
            break
        assert seen == expected, f"the answer of write {points} was lost"
        points += 1
    assert points > 1
