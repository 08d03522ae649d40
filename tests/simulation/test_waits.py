"""A directory that interrupts a listing: what was read before is kept, and the job goes on there by a new message."""

from collections.abc import Mapping, Sequence

import msgspec
import pytest

from shared.domain.directory import ChangesPage, Existence, Source, UsersPage
from shared.domain.ids import ObjectId
from shared.domain.preferences.attribute_map import Attributes
from shared.domain.preferences.preferences import GuardLimits, Mode, Preferences
from shared.domain.reconcile.absence import EVERYONE
from shared.domain.retry_policy import DELAYED, INTERRUPTED, LOST_JOB, REFUSED, RUN_DEADLINE_S
from shared.domain.run import RunState
from shared.domain.sync.jobs import FetchJob
from shared.errors import NeedsAttention, RequestRefused, Transient
from shared.telemetry import RequestCounters
from shared.workflows.sync import resumable_check
from tests.simulation.worlds import LEADS, PEOPLE, STAFF, TEMPS, full_world, groups_world
from tests.support.builders import person, user
from tests.support.fakes import FakeDirectory
from tests.support.world import World, deliver

LENIENT = Preferences(mode=Mode.FULL, guard=GuardLimits(max_share=1, max_people=1_000_000, small_max_share=1))
WAIT = Transient("429", code="throttled", retry_after_s=11)
FAILURE = Transient("502", code="graph_failing")
REFUSAL = RequestRefused("424", code="424")


class Interrupted:
    """Pages of a directory, of which every `every`-th request of a worker is refused with an error."""

    def __init__(
        self,
        directory: FakeDirectory,
        monkeypatch: pytest.MonkeyPatch,
        error: Transient | NeedsAttention,
        every: int = 3,
    ) -> None:
        self.pages: list[str] = []
        self.refused = 0
        self._asked = 0
        self._every, self._error = every, error
        users, changes = directory.users, directory.changes

        async def page(source: Source, cursor: str | None = None, *, managers: bool = False) -> UsersPage:
            self._ask(f"{source.id} {cursor}")
            return await users(source, cursor, managers=managers)

        async def round_page(cursor: str) -> ChangesPage:
            self._ask(cursor)
            return await changes(cursor)

        monkeypatch.setattr(directory, "users", page)
        monkeypatch.setattr(directory, "changes", round_page)

    def _ask(self, page: str) -> None:
        self._asked += 1
        if self._asked % self._every == 0:
            self.refused += 1
            raise self._error
        self.pages.append(page)

    @property
    def no_page_twice(self) -> bool:
        """Whether no page was read twice."""
        return len(self.pages) == len(set(self.pages))


async def last_deliveries(world: World) -> list[float]:
    """Process all messages, each as its last delivery, at its time; return the delays of jobs that wait."""
    delays = []
    while world.queue.messages:
        world.queue.last_delay_s = 0.0
        await deliver(world.app, world.queue.messages.pop(0), last_delivery=True)
        if world.queue.last_delay_s:
            delays.append(world.queue.last_delay_s)
            world.clock.advance(world.queue.last_delay_s)
    return delays


@pytest.mark.parametrize("attributes", [Attributes(), Attributes(manager=True)])
async def test_a_listing_that_is_told_to_wait_goes_on_where_it_was(
    attributes: Attributes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Seven times and more, of which none is a failed delivery: no page is read twice, and the run is done."""
    world = World()
    preferences = msgspec.structs.replace(LENIENT, attributes=attributes)
    directory = await world.tenant("contoso", PEOPLE, preferences, {"berlin": []})
    interrupted = Interrupted(directory, monkeypatch, WAIT)
    await world.request("contoso", "first")
    delays = await last_deliveries(world)
    run = await world.newest("contoso")
    assert (run.state, run.problems, run.counts.created) == (RunState.DONE, (), len(PEOPLE))
    assert interrupted.no_page_twice
    assert delays == [11] * interrupted.refused
    assert interrupted.refused >= 7


async def test_members_of_groups_that_are_told_to_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same for every group of a location."""
    world = await groups_world()
    interrupted = Interrupted(world.directory(), monkeypatch, WAIT)
    await world.request("fabrikam", "first")
    await last_deliveries(world)
    run = await world.newest("fabrikam")
    assert (run.state, run.problems) == (RunState.DONE, ())
    assert interrupted.no_page_twice
    assert {page.split()[0] for page in interrupted.pages} == {Source(group=id_).id for id_ in (STAFF, TEMPS, LEADS)}


async def test_a_round_of_changes_that_is_told_to_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    """It goes on where it was as well."""
    world = await full_world()
    await world.sync("contoso", "first")
    world.directory().put(*(user(number, department="New") for number in range(30)))
    interrupted = Interrupted(world.directory(), monkeypatch, WAIT)
    world.clock.advance(60)
    await world.request("contoso", "second")
    assert await last_deliveries(world) == [11] * interrupted.refused
    run = await world.newest("contoso")
    assert (run.state, run.problems, run.counts.updated) == (RunState.DONE, (), 60)
    assert interrupted.no_page_twice
    assert interrupted.refused >= 6


@pytest.mark.parametrize(("error", "wait_s"), [(FAILURE, INTERRUPTED.first_wait_s), (REFUSAL, REFUSED.first_wait_s)])
async def test_other_interruptions_of_a_listing(
    error: Transient | NeedsAttention, wait_s: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Failures and refusals between good answers do not add up: each message that reads a page begins the count."""
    world = await full_world()
    interrupted = Interrupted(world.directory(), monkeypatch, error)
    await world.request("contoso", "first")
    assert await last_deliveries(world) == [wait_s] * interrupted.refused
    run = await world.newest("contoso")
    assert (run.state, run.problems, run.counts.created) == (RunState.DONE, (), 60)
    assert interrupted.no_page_twice
    assert interrupted.refused >= 7


@pytest.mark.parametrize(
    ("error", "wait_s"), [(WAIT, 11), (FAILURE, INTERRUPTED.first_wait_s), (REFUSAL, REFUSED.first_wait_s), (None, 0)]
)
async def test_an_existence_check_that_is_interrupted(
    error: Transient | NeedsAttention | None, wait_s: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It goes on after the answers so far: no one is asked about twice. So it does when its time is up."""
    world = World()
    directory = await world.tenant("contoso", PEOPLE, LENIENT, {"berlin": [], "munich": []})
    await world.sync("contoso", "first")
    directory.remove(*(person(number) for number in range(24)))
    monkeypatch.setattr(resumable_check, "_AT_A_TIME", 4)
    check_existence, asked, interrupted = directory.check_existence, list[ObjectId](), list[int]()

    async def check(people: Sequence[ObjectId], groups: Sequence[Source]) -> Mapping[ObjectId, Existence]:
        world.clock.advance(0 if error else 50)
        if error is not None and (len(asked) // 4 + len(interrupted)) % 2:
            interrupted.append(len(asked))
            raise error
        asked.extend(people)
        return await check_existence(people, groups)

    monkeypatch.setattr(directory, "check_existence", check)
    world.clock.advance(60)
    await world.request("contoso", "second")
    assert await last_deliveries(world) == [wait_s] * len(interrupted)
    run = await world.newest("contoso")
    assert (run.state, run.problems, run.counts.deactivated) == (RunState.DONE, (), 48)
    assert len(asked) == len(set(asked)) == 24
    assert len(interrupted) == (5 if error is not None else 0)


async def test_a_wait_beyond_the_deadline_fails_the_source_only() -> None:
    """The other sources of the run are used."""
    world = await groups_world()
    await world.sync("fabrikam", "first")
    world.clock.advance(60)
    await world.request("fabrikam", "second")
    source, a_day = Source(group=TEMPS).id, Transient("429", code="throttled", retry_after_s=86_400)
    world.directory().broken[source] = (0, a_day)
    while source in world.directory().broken:
        await deliver(world.app, world.queue.messages.pop(0))
    assert world.queue.last_delay_s == DELAYED.max_wait_s
    world.clock.advance(RUN_DEADLINE_S - DELAYED.max_wait_s)
    world.directory().broken[source] = (0, a_day)
    await world.drain()
    run = await world.newest("fabrikam")
    assert run.state is RunState.DONE
    assert [(problem.concerns, problem.code) for problem in run.problems] == [(f"group:{TEMPS}", "throttled")]


async def test_the_watchdog_lets_a_job_wait() -> None:
    """It sends no second message while the directory asks for more time than a lost job has, and does so afterwards."""
    world = await full_world()
    world.directory().broken[EVERYONE] = (0, Transient("429", code="throttled", retry_after_s=3_000))
    await world.request("contoso", "first")
    await deliver(world.app, world.queue.messages.pop(0))
    await deliver(world.app, world.queue.messages.pop(0))
    (waiting,) = world.queue.messages
    world.queue.messages.clear()
    for _ in range(2):
        world.clock.advance(LOST_JOB.first_wait_s + 60)
        await world.app.watchdog(RequestCounters())
        assert world.queue.messages == []
    world.clock.advance(LOST_JOB.first_wait_s + 1_200)
    await world.app.watchdog(RequestCounters())
    assert world.queue.messages == [waiting]
    await world.drain()
    assert (await world.newest("contoso")).state is RunState.DONE


async def test_requests_of_messages_that_wait_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether they had read something or not: here each message sends one request."""
    world = await full_world()
    Interrupted(world.directory(), monkeypatch, WAIT, every=2)
    await world.request("contoso", "first")
    await deliver(world.app, world.queue.messages.pop(0))
    messages = 0
    while world.queue.messages:
        message = world.queue.messages.pop(0)
        if isinstance(message, FetchJob):
            messages += 1
            await world.app.fetch(message, RequestCounters(directory_requests=1), last_delivery=False)
        else:
            await deliver(world.app, message)
    assert messages >= len(PEOPLE) / 2
    assert (await world.newest("contoso")).directory_requests == messages
