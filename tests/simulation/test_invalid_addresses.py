"""E-mail addresses of a directory that are not valid: kept as sent, not used for matching, and counted."""

import pytest

from shared.domain.ids import LocationId, TenantId
from shared.domain.preferences.preferences import Mode, Preferences
from shared.domain.run import Run, RunMode
from tests.support.builders import user
from tests.support.world import World

CONTOSO = TenantId("contoso")
BERLIN = LocationId("berlin")
WRONG = ("Ann Lee", "ann at example.com")


async def world_of(*mails: str) -> World:
    """Return a world whose directory has people with these addresses, before its first sync."""
    world = World()
    people = [user(number, mail=mail) for number, mail in enumerate(mails, start=1)]
    await world.tenant(CONTOSO, people, Preferences(mode=Mode.FULL), {BERLIN: []})
    return world


def counted(run: Run) -> int:
    """Return how many invalid addresses a run reports."""
    return run.locations[BERLIN].invalid_addresses


async def preview(world: World) -> Run:
    """Preview an incremental run, and return it."""
    world.clock.advance(60)
    asked = await world.app.request_run.preview(CONTOSO, RunMode.INCREMENTAL, None)
    await world.drain()
    return await world.run(CONTOSO, asked.id)


@pytest.mark.parametrize("mode", RunMode)
async def test_invalid_addresses_are_kept_and_counted(mode: RunMode) -> None:
    """In every run, whether it compares all people, those who changed, or none."""
    world = await world_of(*WRONG, "ann@example.com", "ben@example.com")
    assert counted(await preview(world)) == 2
    assert counted(await world.sync(CONTOSO, "first", RunMode.FULL)) == 2
    kept = await world.recipients(CONTOSO, BERLIN)
    assert sorted(row.profile.mail or "" for row in kept) == sorted([*WRONG, "ann@example.com", "ben@example.com"])
    assert counted(await world.sync(CONTOSO, "unchanged", mode)) == 2
    directory = world.directory()
    directory.put(user(1, mail="fixed@example.com"), user(3, mail="broken"), user(4, mail="nowhere"))
    assert counted(await preview(world)) == 3
    assert counted(await world.sync(CONTOSO, "changed", mode)) == 3
    directory.remove(user(2).id)
    await world.sync(CONTOSO, "left", mode)
    assert counted(await world.sync(CONTOSO, "after", mode)) == 2


async def test_people_who_change_are_counted_too() -> None:
    """An edit corrects the count, and a deactivated recipient does not count."""
    world = await world_of(*WRONG)
    await world.sync(CONTOSO, "first", RunMode.FULL)
    first, second = await world.recipients(CONTOSO, BERLIN)
    await world.app.edit_recipient(CONTOSO, BERLIN, first.id, {"mail": "right@example.com"}, active=None, by="anna")
    assert counted(await world.sync(CONTOSO, "edited")) == 1
    await world.app.edit_recipient(CONTOSO, BERLIN, second.id, {}, active=False, by="anna")
    assert counted(await world.sync(CONTOSO, "deactivated")) == 0
