"""A write whose sender was not answered arrives after the change that it belongs to was closed: it is refused."""

import io
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from functools import partial
from hashlib import sha256
from typing import Any

import pytest

from shared.adapters.stores import keys
from shared.adapters.stores.table_names import RECIPIENTS
from shared.adapters.tables.packing import unpack
from shared.bootstrap import App
from shared.domain.ids import LocationId, TenantId
from shared.domain.imports.row_decisions import ImportMode
from shared.domain.preferences.preferences import Mode, Preferences
from shared.domain.recipient import Counts
from shared.domain.reconcile.fence import Fence, JournalEntry
from shared.domain.run import RunState
from shared.domain.sync.queue_messages import encode
from shared.domain.versioned import Versioned
from shared.errors import ETagConflict, Superseded, Transient
from shared.telemetry import RequestCounters
from shared.workflows.recipients.fenced_writer import prepare_for_manual_change
from tests.support.builders import user
from tests.support.fakes import FakeJobQueue
from tests.support.fakes.on_tables import ports_on
from tests.support.fakes.table_service import MemoryTables
from tests.support.world import World, deliver

CONTOSO, BERLIN = TenantId("contoso"), LocationId("berlin")
FILE = b"mail,department\n" + b"".join(b"csv%d@example.com,IT\n" % number for number in range(5))


class SlowTables(MemoryTables):
    """`MemoryTables` that keeps a batch of recipients, and does not answer it."""

    def __init__(self) -> None:
        super().__init__()
        self.is_slow = False
        #: The batch that is under way.
        self.late: Callable[[], Awaitable[str]] | None = None

    async def transact(self, table: str, operations: Iterable[Any]) -> str:
        """Do operations on one partition. Raises: Transient for the first batch of recipients while it is slow."""
        listed = list(operations)
        if self.is_slow and table == RECIPIENTS:
            self.is_slow, self.late = False, partial(super().transact, table, listed)
            raise Transient("The service did not answer.", code="storage_unreachable")
        return await super().transact(table, listed)

    async def let_arrive(self) -> None:
        """Let the batch arrive. Raises: ETagConflict if it is refused."""
        assert self.late is not None
        await self.late()


async def _world(tables: SlowTables) -> World:
    world = World(ports_on(tables))
    people = [user(number) for number in range(3)]
    await world.tenant(CONTOSO, people, Preferences(mode=Mode.FULL), {"berlin": []})
    await world.sync(CONTOSO, "first")
    world.clock.advance(60)
    tables.is_slow = True
    return world


async def edit(app: App) -> None:
    """Change a recipient."""
    recipient = await anext(app.ports.recipients.list_recipients(CONTOSO, BERLIN))
    await app.edit_recipient(CONTOSO, BERLIN, recipient.id, {"department": "Research"}, active=None, by="anna")


async def import_file(app: App) -> None:
    """Import a file."""
    await app.import_csv(CONTOSO, BERLIN, io.BytesIO(FILE), ImportMode.MERGE, "", "anna")


async def undo(app: App) -> None:
    """Undo the sync."""
    run = await anext(app.ports.runs.list_runs(CONTOSO))
    await app.undo(CONTOSO, run.id, "anna")


async def _require_history(world: World, tables: SlowTables) -> None:
    """Verify that the history has every run of the journals, with its counts."""
    rows = tables.query(RECIPIENTS, partition=keys.location(CONTOSO, BERLIN), rows=keys.JOURNALS)
    written = {unpack(row, JournalEntry).run async for row in rows}
    runs = [run async for run in world.ports.runs.list_runs(CONTOSO)]
    assert written == {run.id for run in runs if run.counts != Counts()}
    for run in runs:
        assert run.counts == await world.ports.recipients.get_journal_counts(CONTOSO, BERLIN, run.id)


@pytest.mark.parametrize("change", [edit, import_file, undo])
async def test_a_manual_change_that_was_not_answered_writes_nothing_later(
    change: Callable[[App], Awaitable[None]],
) -> None:
    """Whether it failed or was written again, the history is what the journals say."""
    tables = SlowTables()
    world = await _world(tables)
    with suppress(Transient):
        await change(world.app)
    with pytest.raises(ETagConflict):
        await tables.let_arrive()
    await _require_history(world, tables)
    await change(world.app)
    await _require_history(world, tables)


async def test_an_import_that_is_given_up_writes_nothing_later() -> None:
    """Its report has everything that it wrote."""
    tables = SlowTables()
    world = await _world(tables)
    before = await world.everything(CONTOSO)
    upload, queue = world.app.upload_import, world.ports.queue
    created = await upload.create(CONTOSO, BERLIN, ImportMode.MERGE, "anna")
    await upload.put_part(created.ref, 1, FILE)
    await upload.start(created.ref, 1, sha256(FILE).hexdigest(), "")
    assert isinstance(queue, FakeJobQueue)
    job = queue.messages.pop()
    with pytest.raises(Transient):
        await deliver(world.app, job)
    await world.app.dead_letters.record(job.queue, "message", encode(job), RequestCounters())
    with pytest.raises(ETagConflict):
        await tables.let_arrive()
    await _require_history(world, tables)
    assert await world.everything(CONTOSO) == before
    run = await world.newest(CONTOSO)
    assert (run.state, run.counts) == (RunState.FAILED, Counts())


async def test_an_edit_gives_way_to_a_sync_that_begins_while_it_reads_the_fence(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The sync has not acquired the fence then, so the fence does not tell that it has begun."""
    world = World(ports_on(MemoryTables()))
    await world.tenant("contoso", [user(1)], Preferences(mode=Mode.FULL), {"berlin": []})
    await world.sync("contoso", "first")
    recipients, states = world.ports.recipients, world.ports.sync_states
    get_fence = recipients.get_fence

    async def begun(tenant: TenantId, location: LocationId) -> Versioned[Fence]:
        fence = await get_fence(tenant, location)
        monkeypatch.setattr(recipients, "get_fence", get_fence)
        await world.request("contoso", "second")
        await deliver(world.app, world.queue.messages.pop(0))
        return fence

    monkeypatch.setattr(recipients, "get_fence", begun)
    with pytest.raises(Superseded):
        await prepare_for_manual_change(states, recipients, CONTOSO, BERLIN, "edit")
    assert (await states.get(CONTOSO)).value.active_run is not None
