"""Refused requests: an occasional one is retried by a later message, and only a second one counts."""

import pytest

from shared.domain.connections.connection_health import HealthState
from shared.domain.directory import Source
from shared.domain.ids import TenantId
from shared.domain.retry_policy import REFUSED
from shared.domain.run import RunState
from shared.errors import RequestRefused
from tests.simulation.worlds import TEMPS, full_world, groups_world
from tests.support.builders import person
from tests.support.world import World, deliver

CONTOSO = TenantId("contoso")
REFUSAL = RequestRefused("424", code="424")


async def delays(world: World) -> list[tuple[str, float]]:
    """Process all messages; return the delay with which each message was put back on its queue."""
    seen = []
    while world.queue.messages:
        message = world.queue.messages.pop(0)
        world.queue.last_delay_s = 0.0
        await deliver(world.app, message)
        if world.queue.last_delay_s:
            seen.append((type(message).__name__, world.queue.last_delay_s))
    return seen


async def test_one_refusal_of_a_listing_is_retried_by_a_later_message() -> None:
    """The run is done, and the schedule does not wait."""
    world = await full_world()
    world.directory().broken[Source().id] = (1, REFUSAL)
    await world.request("contoso", "first")
    assert await delays(world) == [("FetchJob", REFUSED.first_wait_s)]
    run = await world.newest("contoso")
    assert (run.state, run.problems) == (RunState.DONE, ())
    assert (await world.ports.connections.get_health(CONTOSO)).value.state is HealthState.ON


async def test_a_second_refusal_counts() -> None:
    """The source is recorded as failed, without a third attempt."""
    world = await full_world()
    await world.sync("contoso", "first")
    world.directory().unreadable_changes = REFUSAL
    world.clock.advance(60)
    await world.request("contoso", "second")
    assert await delays(world) == [("FetchJob", REFUSED.first_wait_s)]
    run = await world.newest("contoso")
    assert (run.state, [problem.code for problem in run.problems]) == (RunState.FAILED, ["424"])
    assert (await world.ports.connections.get_health(CONTOSO)).value.state is HealthState.FAILING


async def test_one_refusal_of_a_group_keeps_no_departure_waiting() -> None:
    """Its members leave in the same run."""
    world = await groups_world()
    await world.sync("fabrikam", "first")
    world.directory().members[TEMPS].remove(person(20))
    world.directory().broken[Source(group=TEMPS).id] = (0, REFUSAL)
    run = await world.sync("fabrikam", "second")
    assert (run.state, run.problems) == (RunState.DONE, ())
    assert run.counts.deactivated == 1


@pytest.mark.parametrize(("refusals", "deactivated"), [(1, 2), (2, 0)])
async def test_a_refused_existence_check(monkeypatch: pytest.MonkeyPatch, refusals: int, deactivated: int) -> None:
    """After one refusal the next message asks again; after two the run ends without deactivations."""
    world = await full_world()
    await world.sync("contoso", "first")
    world.directory().remove(person(1))
    check_existence, errors = world.directory().check_existence, [REFUSAL] * refusals

    async def refused(*asked: object) -> object:
        if errors:
            raise errors.pop()
        return await check_existence(*asked)  # type: ignore[arg-type] # as it was called

    monkeypatch.setattr(world.directory(), "check_existence", refused)
    world.clock.advance(60)
    await world.request("contoso", "second")
    assert await delays(world) == [("DeactivateJob", REFUSED.first_wait_s)]
    run = await world.newest("contoso")
    assert (run.state, run.counts.deactivated) == (RunState.DONE, deactivated)
    assert [problem.code for problem in run.problems] == (["424"] if refusals > 1 else [])
