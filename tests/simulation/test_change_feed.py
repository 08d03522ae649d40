"""A directory that refuses its change feed is listed in full each time, and asked again weekly."""

from datetime import timedelta

import pytest

from shared.domain.ids import LocationId, TenantId
from shared.domain.preferences.attribute_map import Attributes
from shared.domain.preferences.preferences import Mode, Preferences
from shared.domain.run import Run, RunMode, RunState
from tests.support.builders import person, user
from tests.support.world import World

CONTOSO, DESK = TenantId("contoso"), LocationId("desk")


async def world_of(*, no_feed: bool = True, managers: bool = False) -> World:
    """Return a connected tenant in full mode."""
    world = World()
    preferences = Preferences(mode=Mode.FULL, attributes=Attributes(manager=managers))
    directory = await world.tenant(CONTOSO, [user(number) for number in range(5)], preferences, {DESK: []})
    directory.no_feed = no_feed
    return world


def codes(run: Run) -> list[tuple[str, str]]:
    """Return what the problems of a run concern, and their codes."""
    return [(problem.concerns, problem.code) for problem in run.problems]


async def test_every_sync_lists_everything() -> None:
    """Also incremental ones; joins, changes and departures arrive, and each run says how."""
    world = await world_of()
    for request in ("first", "second", "third"):
        run = await world.sync(CONTOSO, request)
        assert (run.state, codes(run)) == (RunState.DONE, [("users", "delta_unsupported")])
    directory = world.directory()
    directory.put(user(9), user(1, display_name="New Name"))
    directory.remove(person(2))
    run = await world.sync(CONTOSO, "changed")
    assert (run.counts.created, run.counts.updated, run.counts.deactivated) == (1, 1, 1)


async def test_it_is_asked_again_after_a_week() -> None:
    """Once a week; when it answers, changes are followed and nothing is reported any more."""
    world = await world_of()
    directory = world.directory()
    await world.sync(CONTOSO, "first")
    world.clock.advance(timedelta(days=6).total_seconds())
    await world.sync(CONTOSO, "six days later", RunMode.FULL)
    assert directory.feed_requests == 1
    world.clock.advance(timedelta(days=1).total_seconds())
    assert codes(await world.sync(CONTOSO, "a week later")) == [("users", "delta_unsupported")]
    assert directory.feed_requests == 2
    await world.sync(CONTOSO, "soon after", RunMode.FULL)
    assert directory.feed_requests == 2
    directory.no_feed = False
    world.clock.advance(timedelta(days=7).total_seconds())
    assert codes(await world.sync(CONTOSO, "two weeks later")) == []
    requests = directory.requests
    directory.put(user(1, display_name="New Name"))
    run = await world.sync(CONTOSO, "by changes")
    assert (run.counts.updated, directory.requests - requests, codes(run)) == (1, 1, [])


async def test_a_feed_that_is_taken_away() -> None:
    """A snapshot that was kept by changes is listed again, and no one leaves."""
    world = await world_of(no_feed=False)
    assert codes(await world.sync(CONTOSO, "first")) == []
    before = await world.recipients(CONTOSO, DESK)
    world.directory().no_feed = True
    run = await world.sync(CONTOSO, "taken away")
    assert (run.state, codes(run)) == (RunState.DONE, [("users", "delta_unsupported")])
    assert await world.recipients(CONTOSO, DESK) == before


async def test_a_listing_that_takes_several_messages() -> None:
    """The message that ends it remembers what the first one was told."""
    world = await world_of()
    directory = world.directory()
    listing = directory.users

    async def slowly(*arguments: object, **options: object) -> object:
        world.clock.advance(1_000)
        return await listing(*arguments, **options)  # type: ignore[arg-type] # passed on as they came

    directory.users = slowly  # type: ignore[method-assign,assignment]
    for request in ("first", "second"):
        assert codes(await world.sync(CONTOSO, request)) == [("users", "delta_unsupported")]
    assert directory.feed_requests == 1


@pytest.mark.parametrize("mode", RunMode)
async def test_managers_are_listed_by_the_feed(mode: RunMode) -> None:
    """Without it people are listed without their managers."""
    world = await world_of(managers=True)
    run = await world.sync(CONTOSO, "first", mode)
    assert (run.state, run.counts.created, codes(run)) == (RunState.DONE, 5, [("users", "delta_unsupported")])


async def test_managers_that_were_known_are_not_wiped() -> None:
    """A feed that is taken away withholds them: the source is unreadable until that is accepted."""
    world = await world_of(no_feed=False, managers=True)
    directory = world.directory()
    directory.put(*(user(number, manager=person(0)) for number in range(1, 15)))
    await world.sync(CONTOSO, "first")
    before = await world.recipients(CONTOSO, DESK)
    directory.no_feed = True
    run = await world.sync(CONTOSO, "taken away")
    assert codes(run) == [("users", "properties_withheld")]
    assert run.problems[0].properties == ("manager",)
    assert await world.recipients(CONTOSO, DESK) == before
