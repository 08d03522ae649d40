"""The workflows in this process, on a Table service in another process, with in-memory queues like the host's."""

import asyncio
import dataclasses
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final

from shared.adapters.clock import SystemClock
from shared.adapters.entra.sessions import EntraSessions
from shared.adapters.id_source import RandomIdSource
from shared.adapters.stores import (
    TableConnectionStore,
    TableRecipientStore,
    TableRunStore,
    TableSettingsStore,
    TableSnapshotStore,
    TableSyncStateStore,
    TableTenantStore,
)
from shared.adapters.tables.client import Tables
from shared.bootstrap import App, Ports
from shared.domain.connections.entra.credentials import Credentials
from shared.domain.ids import ObjectId, TenantId
from shared.domain.preferences.preferences import Mode, Preferences
from shared.domain.run import Run, RunMode, RunState
from shared.domain.sync.jobs import Job, SyncRequest
from shared.errors import Conflict, Transient
from shared.runtime.gc_control import gc_paused
from shared.telemetry import RequestCounters, count_requests
from tests.bench.tables import service
from tests.support.fakes import FakeDirectory, FakeJobQueue, directories_of, entra_providers, fake_ports
from tests.support.world import SETTINGS, World, work_off

#: Messages in flight in one worker. Source: host.json (batchSize and newBatchThreshold)
CONCURRENT: Final = 24
TENANT: Final = "contoso"


class DelayingQueue(FakeJobQueue):
    """In-memory queues that keep a message invisible for its delay, as the real ones do."""

    def __init__(self) -> None:
        super().__init__()
        self.invisible: set[asyncio.Task[None]] = set()

    def _put(self, message: Job, delay_s: float) -> None:
        if delay_s:
            self.invisible.add(asyncio.create_task(self._show(message, delay_s)))
        else:
            super()._put(message, delay_s)

    async def _show(self, message: Job, delay_s: float) -> None:
        await asyncio.sleep(delay_s)
        super()._put(message, delay_s)


@dataclass(slots=True)
class Product:
    """A deployment with one worker."""

    world: World
    #: Total cost of all jobs so far.
    spent: RequestCounters = field(default_factory=RequestCounters)
    #: Number of deliveries.
    messages: int = 0
    #: Number of messages that were put back on their queue with a delay.
    put_back: int = 0
    _runs: int = 0

    async def onboard(
        self, directory: FakeDirectory, locations: int, mapping: Mapping[str, Sequence[ObjectId]] | None = None
    ) -> None:
        """Create a tenant with this directory.

        It has full mode with this number of locations, or groups mode with its mapping.
        """
        directories = directories_of(self.world.ports)
        mode = Mode.GROUPS if mapping else Mode.FULL
        wanted = mapping or {f"location-{number}": [] for number in range(locations)}
        made = await self.world.tenant(TENANT, [], Preferences(mode=mode), dict(wanted))
        directory.azure_tenant_id = made.azure_tenant_id
        directories.by_azure_tenant[made.azure_tenant_id] = directory

    async def connect(self, credentials: Credentials, locations: int) -> None:
        """Create a tenant in full mode that reads a directory in another process."""
        wanted: dict[str, Sequence[ObjectId]] = {f"location-{number}": [] for number in range(locations)}
        await self.world.connected(TENANT, credentials, Preferences(mode=Mode.FULL), wanted)

    async def sync(
        self, mode: RunMode = RunMode.INCREMENTAL, concurrent: int = CONCURRENT
    ) -> tuple[Run, RequestCounters]:
        """Run a sync to its end; return the run and its cost. Raises AssertionError unless it is done."""
        before = dataclasses.replace(self.spent)
        self._runs += 1
        request = SyncRequest(tenant=TenantId(TENANT), mode=mode, request=f"bench-{self._runs}", requested_by="queue")
        await self.world.ports.queue.send([request])
        await self._drain(concurrent)
        run = await self.world.newest(TENANT)
        assert run.state is RunState.DONE, run
        cost = RequestCounters(
            self.spent.directory_requests - before.directory_requests,
            self.spent.storage_requests - before.storage_requests,
        )
        return run, cost

    @property
    def queue(self) -> DelayingQueue:
        """The queues of the deployment."""
        assert isinstance(self.world.queue, DelayingQueue)
        return self.world.queue

    async def _drain(self, concurrent: int) -> None:
        running: set[asyncio.Task[None]] = set()
        while self.world.queue.messages or running or self.queue.invisible:
            while self.world.queue.messages and len(running) < concurrent:
                running.add(asyncio.create_task(self._deliver(self.world.queue.messages.pop(0))))
            done, _ = await asyncio.wait(running | self.queue.invisible, return_when=asyncio.FIRST_COMPLETED)
            running -= done
            self.queue.invisible -= done
            for task in done:
                task.result()

    async def _deliver(self, message: Job) -> None:
        self.messages += 1
        with count_requests() as counters:
            try:
                await work_off(self.world.app, message, counters)
            except (Transient, Conflict) as error:
                delay_s = error.retry_after_s if isinstance(error, Transient) else None
                self.put_back += 1
                await self.queue.send([message], delay_s=delay_s or 0.0)
        self.spent.directory_requests += counters.directory_requests
        self.spent.storage_requests += counters.storage_requests


def ports_on(tables: Tables) -> Ports:
    """Return ports on a Table service, with the machine's clock and all other services in memory."""
    clock = SystemClock()
    return dataclasses.replace(
        fake_ports(),
        queue=DelayingQueue(),
        tenants=TableTenantStore(tables),
        connections=TableConnectionStore(tables),
        settings=TableSettingsStore(tables),
        sync_states=TableSyncStateStore(tables),
        runs=TableRunStore(tables),
        snapshots=TableSnapshotStore(tables),
        recipients=TableRecipientStore(tables),
        clock=clock,
        ids=RandomIdSource(clock),
    )


@asynccontextmanager
async def product(*options: str, factory: EntraSessions | None = None) -> AsyncIterator[Product]:
    """Yield a new deployment with these options of the Table service.

    Without a `factory`, directories are generated.
    """
    with service(*options) as (_, settings):
        tables = Tables(settings)
        ports = dataclasses.replace(ports_on(tables), providers=entra_providers(factory))
        world = World(ports)
        world.app = App(ports, SETTINGS)
        with gc_paused():  # as in the deployed app
            found = Product(world)
        yield found
        await tables.close()
