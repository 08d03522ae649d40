"""A run whose jobs are sent again and again ends at a limit, with a code of its own."""

import msgspec
import pytest

from shared.bootstrap import App
from shared.domain.directory import Source
from shared.domain.ids import TenantId
from shared.domain.imports.import_record import ImportState
from shared.domain.run import RunState
from shared.domain.sync.jobs import FetchJob
from shared.domain.sync.queue_messages import encode
from shared.errors import Transient
from shared.telemetry import RequestCounters, count_storage_request
from shared.triggers import queues
from tests.simulation.importing import imports_world, look, people, start, uploaded
from tests.simulation.worlds import full_world
from tests.support.delivery import Message
from tests.support.world import SETTINGS, World, deliver

CONTOSO = TenantId("contoso")


def _limited(world: World, monkeypatch: pytest.MonkeyPatch, **limits: int) -> None:
    world.app = App(world.ports, msgspec.structs.replace(SETTINGS, **limits))
    monkeypatch.setattr(queues, "app", lambda: world.app)


async def _process(world: World, times: int) -> None:
    """Work off the first message of the queue as often, as long as there is one."""
    for _ in range(times):
        if world.queue.messages:
            message = world.queue.messages.pop(0)
            await queues._process(message.queue, Message(encode(message)))


async def test_a_run_that_waits_too_often_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    """As failed; the tenant is free, nothing is left in the queue, and the next run works."""
    world = await full_world()
    _limited(world, monkeypatch, run_max_messages=3)
    await world.request("contoso", "first")
    await _process(world, 1)
    busy = Transient("busy", code="throttled", retry_after_s=60)
    source = Source().id

    async def throttled(*_: object, **__: object) -> None:
        raise busy

    with monkeypatch.context() as patched:
        patched.setattr(world.directory(), "users", throttled)
        patched.setattr(world.directory(), "change_cursor", throttled)
        await _process(world, 3)
        (message,) = world.queue.messages
        assert isinstance(message, FetchJob)
        assert message.source == source
        await _process(world, 1)
    assert world.queue.messages == []
    run = await world.newest("contoso")
    assert (run.state, run.problems[0].code) == (RunState.FAILED, "limit_reached")
    assert not (await world.ports.sync_states.get(CONTOSO)).value.is_busy
    assert (await world.sync("contoso", "second")).state is RunState.DONE


async def test_requests_count_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of every invocation that sends a job again."""
    world = await full_world()
    _limited(world, monkeypatch, run_max_requests=100)
    await world.request("contoso", "first")
    await _process(world, 1)

    async def expensive(*args: object, **words: object) -> None:
        del args, words
        for _ in range(60):
            count_storage_request()
        raise Transient("busy", code="throttled", retry_after_s=60)

    monkeypatch.setattr(world.directory(), "users", expensive)
    monkeypatch.setattr(world.directory(), "change_cursor", expensive)
    await _process(world, 1)
    assert (await world.newest("contoso")).state is RunState.FETCHING
    await _process(world, 1)
    assert (await world.newest("contoso")).problems[0].code == "limit_reached"


async def test_the_watchdog_does_not_resume_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    """A run whose messages are lost each time ends before its deadline."""
    world = await full_world()
    _limited(world, monkeypatch, run_max_messages=2)
    await world.request("contoso", "first")
    await deliver(world.app, world.queue.messages.pop())
    for _ in range(3):
        world.queue.messages.clear()
        world.clock.advance(SETTINGS.watchdog_stale_after_s)
        await world.app.watchdog(RequestCounters())
    run = await world.newest("contoso")
    assert (run.state, run.problems[0].code) == (RunState.FAILED, "limit_reached")


async def test_an_import_that_waits_too_often_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    """While a sync is active its writers cannot be fenced off, so it waits on; its next wait after that ends it."""
    world = await imports_world()
    _limited(world, monkeypatch, run_max_messages=2)
    content = people(0, 5, "HR")
    ref = await uploaded(world, content)
    await start(world, ref, content)
    state, etag = await world.ports.sync_states.get(CONTOSO)
    run = (await world.newest("contoso")).id
    taken = msgspec.structs.replace(state, active_run=run, active_since=world.clock.now())
    await world.ports.sync_states.replace(CONTOSO, taken, etag)
    await _process(world, 3)
    assert (await look(world, ref)).outcome is None
    taken, etag = await world.ports.sync_states.get(CONTOSO)
    await world.ports.sync_states.replace(CONTOSO, state, etag)

    async def busy(*_: object) -> None:
        raise Transient("busy", code="storage_busy", retry_after_s=60)

    monkeypatch.setitem(world.app.__dict__, "apply_import", busy)
    await _process(world, 1)
    found = await look(world, ref)
    assert found.outcome is not None
    assert found.outcome.problem is not None
    assert (found.state, found.outcome.problem.code) == (ImportState.FAILED, "limit_reached")
    assert world.queue.messages == []
