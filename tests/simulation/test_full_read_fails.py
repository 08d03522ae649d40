"""The daily full read is not a gate: while it fails, a working change feed is followed, and every run says so."""

from collections.abc import Sequence

import pytest

from shared.domain.connections.connection_health import HealthState
from shared.domain.directory import ChangesPage, Source, UsersPage
from shared.domain.ids import TenantId
from shared.domain.reconcile.absence import EVERYONE
from shared.domain.retry_policy import FULL_READ, NO_RESPONSE
from shared.domain.run import Run, RunMode, RunState
from shared.errors import Conflict, NeedsAttention, PageTokenExpired, RequestRefused, SyncError, Transient
from tests.simulation.worlds import PEOPLE, full_world
from tests.support.builders import person, user
from tests.support.world import World, deliver

TENANT = TenantId("contoso")
BROKEN = Transient("502", code="graph_failing")


async def scheduled(world: World, hours: float) -> Run:
    """Return the run of a tick that many hours later. Each message is delivered for the last time."""
    world.clock.advance(hours * 3600)
    await world.app.schedule(world.clock.now())
    while world.queue.messages:
        await deliver(world.app, world.queue.messages.pop(0), last_delivery=True)
    return await world.newest("contoso")


def break_listing(world: World, monkeypatch: pytest.MonkeyPatch, error: SyncError, page: str | None = "page:3") -> None:
    """Let one page of the listing fail whenever it is requested; changes work."""
    users = world.directory().users

    async def broken(source: Source, cursor: str | None = None, *, managers: bool = False) -> UsersPage:
        if cursor == page:
            raise error
        return await users(source, cursor, managers=managers)

    monkeypatch.setattr(world.directory(), "users", broken)


def problems(run: Run) -> Sequence[tuple[str, str]]:
    """Return what the run reports."""
    return [(problem.concerns, problem.code) for problem in run.problems]


@pytest.mark.parametrize(
    "error",
    [BROKEN, PageTokenExpired("expired"), Conflict("loop", code="link_loop"), RequestRefused("400", code="400")],
)
async def test_changes_are_followed_while_a_page_is_broken(error: SyncError, monkeypatch: pytest.MonkeyPatch) -> None:
    """Newcomers come, changes are written, departures leave, and the connection counts as healthy."""
    world = await full_world()
    await scheduled(world, 1)
    with monkeypatch.context() as broken:
        break_listing(world, broken, error)
        world.directory().put(user(50), user(2, department="New"))
        world.directory().remove(person(1))
        run = await scheduled(world, 24)
        assert (run.mode, run.state, problems(run)) == (RunMode.FULL, RunState.DONE, [("users", "full_read_failed")])
        assert (run.counts.created, run.counts.updated, run.counts.deactivated) == (2, 2, 2)
        assert str(error) in run.problems[0].detail
        assert (await world.ports.connections.get_health(TENANT)).value.state is HealthState.ON
    run = await scheduled(world, 24)
    assert (run.mode, run.state, problems(run)) == (RunMode.FULL, RunState.DONE, [])


async def test_every_run_says_so_until_a_full_read_succeeds(monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs in between follow changes, whether there are any or not; the full read is due again after some hours."""
    world = await full_world()
    await scheduled(world, 1)
    again_h = FULL_READ.first_wait_s / 3600
    with monkeypatch.context() as broken:
        break_listing(world, broken, BROKEN)
        assert (await scheduled(world, 24)).mode is RunMode.FULL
        for number in range(3):
            if number:
                world.directory().put(user(50 + number))
            run = await scheduled(world, 1)
            assert (run.mode, run.counts.created) == (RunMode.INCREMENTAL, 2 if number else 0)
            assert problems(run) == [("users", "full_read_failed")]
            assert "UTC failed" in run.problems[0].detail
        run = await scheduled(world, again_h - 3)
        assert (run.mode, problems(run)) == (RunMode.FULL, [("users", "full_read_failed")])
    assert (await scheduled(world, 1)).mode is RunMode.INCREMENTAL
    run = await scheduled(world, again_h - 1)
    assert (run.mode, problems(run)) == (RunMode.FULL, [])
    run = await scheduled(world, 1)
    assert (run.mode, problems(run)) == (RunMode.INCREMENTAL, [])


async def test_a_listing_is_tried_as_often_as_ever_before(monkeypatch: pytest.MonkeyPatch) -> None:
    """The broken page is requested again later each time; the pages before it are not read again."""
    world = await full_world()
    await scheduled(world, 1)
    pages: list[str | None] = []
    users = world.directory().users

    async def broken(source: Source, cursor: str | None = None) -> UsersPage:
        pages.append(cursor)
        if cursor == "page:3":
            raise BROKEN
        return await users(source, cursor)

    monkeypatch.setattr(world.directory(), "users", broken)
    await scheduled(world, 24)
    assert pages == [None, "page:1", "page:2", *["page:3"] * (1 + NO_RESPONSE.attempts)]


async def test_changes_that_take_several_messages(monkeypatch: pytest.MonkeyPatch) -> None:
    """They go on where they were, although the run is a full one."""
    world = await full_world()
    await scheduled(world, 1)
    break_listing(world, monkeypatch, BROKEN)
    world.directory().put(*(user(number, department="New") for number in range(20)))
    changes, pages = world.directory().changes, list[str]()

    async def slow(cursor: str) -> ChangesPage:
        world.clock.advance(50)
        pages.append(cursor)
        return await changes(cursor)

    monkeypatch.setattr(world.directory(), "changes", slow)
    run = await scheduled(world, 24)
    assert (run.state, run.counts.updated) == (RunState.DONE, 40)
    assert len(pages) == len(set(pages)) == 10


@pytest.mark.parametrize("unusable", ["expired", "failing"])
async def test_changes_that_cannot_be_followed_either(unusable: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The run fails as before, and the next one is full again."""
    world = await full_world()
    await scheduled(world, 1)
    with monkeypatch.context() as broken:
        break_listing(world, broken, BROKEN)
        world.directory().delta_expired = unusable == "expired"
        world.directory().unreadable_changes = BROKEN if unusable == "failing" else None
        run = await scheduled(world, 24)
        assert (run.mode, run.state, problems(run)) == (RunMode.FULL, RunState.FAILED, [("users", "graph_failing")])
        assert (await world.ports.connections.get_health(TENANT)).value.state is HealthState.FAILING
    world.directory().delta_expired, world.directory().unreadable_changes = False, None
    run = await scheduled(world, 24)
    assert (run.mode, run.state, problems(run)) == (RunMode.FULL, RunState.DONE, [])


@pytest.mark.parametrize("code", ["Authorization_RequestDenied", "account_status_withheld"])
async def test_a_lost_permission_is_not_worked_around(code: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Changes would lack what the listing lacks, so nothing is written."""
    world = await full_world()
    await scheduled(world, 1)
    break_listing(world, monkeypatch, NeedsAttention("no", code=code))
    requests = world.directory().feed_requests
    run = await scheduled(world, 24)
    assert (run.mode, run.state, problems(run)) == (RunMode.FULL, RunState.FAILED, [("users", code)])
    assert world.directory().feed_requests <= requests + 2


async def test_a_first_run_has_no_changes_to_follow(monkeypatch: pytest.MonkeyPatch) -> None:
    """It fails, and creates no recipient."""
    world = await full_world()
    break_listing(world, monkeypatch, BROKEN)
    run = await scheduled(world, 1)
    assert (run.state, problems(run), run.counts.created) == (RunState.FAILED, [("users", "graph_failing")], 0)
    assert len(PEOPLE) == len(world.directory().people)
    assert await world.ports.snapshots.find_current(TENANT, EVERYONE) is None
