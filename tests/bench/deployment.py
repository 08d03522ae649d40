"""A deployment that counts every request: the product on its real adapters for Table Storage and Graph.

Table Storage and Graph are stand-ins in other processes, so that the measured CPU time is that of the product. Queues
and Key Vault are in memory: their cost follows from the numbers of messages and reads.
"""

import logging
import time
import tracemalloc
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Final

from infra.capacity.work import Work
from infra.local.demo.simulator import Simulator
from shared.adapters.entra import GraphDirectoryFactory
from shared.adapters.stores import (
    TableConnectionStore,
    TableIdempotencyStore,
    TableImportStore,
    TableLimitStore,
    TableOperatorLog,
    TableRecipientStore,
    TableRunStore,
    TableSettingsStore,
    TableSnapshotStore,
    TableSyncStateStore,
    TableTenantStore,
    TableUserStore,
    table_names,
)
from shared.bootstrap import App
from shared.domain.access.tenants import TenantSummary
from shared.domain.connections.entra.credentials import Endpoints
from shared.domain.ids import LocationId, ObjectId, TenantId
from shared.domain.preferences.group_mapping import GroupMapping
from shared.domain.preferences.preferences import Mode, Preferences
from shared.domain.run import RunMode
from shared.domain.sync.jobs import DeactivateJob, FetchJob, ReconcileJob, SyncRequest
from shared.settings import Settings
from shared.telemetry import RequestCounters, count_requests
from tests.bench.counting import CountingQueue, CountingSecrets, CountingTables
from tests.bench.entra import Directory, directories, directory
from tests.bench.tables import service
from tests.support.fakes import FakeClock, entra_connection, entra_providers, fake_ports, stored_secret
from tests.support.world import SETTINGS, work_off

#: Also the name of the directory.
TENANT: Final = TenantId("bench")
_FUNCTIONS: Final[dict[type, str]] = {
    SyncRequest: "plan",
    FetchJob: "fetch",
    ReconcileJob: "reconcile",
    DeactivateJob: "deactivate",
}


class _LogLines(logging.Handler):
    """Counts log lines of the product."""

    def __init__(self) -> None:
        super().__init__()
        self.work = Work()

    def emit(self, record: logging.LogRecord) -> None:
        """Count a line."""
        self.work.log_lines += 1
        self.work.log_bytes += len(record.getMessage().encode())


@dataclass(slots=True)
class Deployment:
    """The product with one tenant. `tick` runs its functions."""

    app: App
    tables: CountingTables
    queue: CountingQueue
    secrets: CountingSecrets
    clock: FakeClock
    simulator: Simulator
    directories: GraphDirectoryFactory
    #: Ids of the mapped groups; empty in full mode.
    groups: tuple[str, ...] = ()
    log: _LogLines = field(default_factory=_LogLines)

    async def tick(self) -> dict[str, Work]:
        """Run the schedule, process all messages, and return the work of each function."""
        spent = {"schedule": await self.counted(lambda _: self.app.schedule(self.clock.now()))}
        while self.queue.messages:
            message = self.queue.messages.pop(0)
            name = _FUNCTIONS[type(message)]
            spent[name] = spent.get(name, Work()) + await self.counted(partial(work_off, self.app, message))
        return spent

    async def click(self) -> Work:
        """Start a run through the API's workflow, process all messages, and return the work of the request."""
        spent = await self.counted(lambda _: self.app.request_run(TENANT, RunMode.INCREMENTAL))
        while self.queue.messages:
            await self.counted(partial(work_off, self.app, self.queue.messages.pop(0)))
        return spent

    async def watchdog(self) -> Work:
        """Return the work of the watchdog when it has nothing to do."""

        async def look(counters: RequestCounters) -> None:
            await self.app.watchdog(counters)
            await self.app.gauges()
            await self.app.dead_letters.collect(counters)

        return await self.counted(look)

    async def peaks(self) -> dict[str, int]:
        """As `tick`, but return the peak memory of one invocation of each function, in bytes. This is slow."""
        peaks: dict[str, int] = {}
        await self.app.schedule(self.clock.now())
        while self.queue.messages:
            message = self.queue.messages.pop(0)
            tracemalloc.start()
            await self.counted(partial(work_off, self.app, message))
            name = _FUNCTIONS[type(message)]
            peaks[name] = max(peaks.get(name, 0), tracemalloc.get_traced_memory()[1])
            tracemalloc.stop()
        return peaks

    async def counted(self, invoke: Callable[[RequestCounters], Awaitable[object]]) -> Work:
        """Run one invocation, and return its work."""
        for each in (self.tables, self.queue, self.secrets, self.log):
            each.work = Work()
        with count_requests() as counters:
            began_s = time.process_time()
            await invoke(counters)
            cpu_s = time.process_time() - began_s
        requests = Work(
            executions=1,
            cpu_s=cpu_s,
            table_requests=counters.storage_requests,
            directory_requests=counters.directory_requests,
        )
        return requests + self.tables.work + self.queue.work + self.secrets.work + self.log.work

    async def stored_bytes(self) -> dict[str, int]:
        """Return the size of each table, by the documented size of a row.

        Source: https://learn.microsoft.com/rest/api/storageservices/understanding-the-table-service-data-model
        """
        sizes = {}
        for table in table_names.ALL_TABLES:
            sizes[table] = sum([_bytes_of(row) async for row in self.tables.query(table)])
        return sizes


def _bytes_of(row: Mapping[str, Any]) -> int:
    size = 4 + 2 * (len(row["PartitionKey"]) + len(row["RowKey"]))
    for name, value in row.items():
        if name not in {"PartitionKey", "RowKey"}:
            size += 8 + 2 * len(name) + _weight(value)
    return size


def _weight(value: object) -> int:
    if isinstance(value, str):
        return 4 + 2 * len(value)
    return 4 + len(value) if isinstance(value, bytes) else 8


@asynccontextmanager
async def deployed(people: int, locations: int, groups: int = 0) -> AsyncIterator[Deployment]:
    """Yield a deployment with one connected tenant, and this number of people in its directory.

    The tenant is in groups mode if there are groups: of equal size, each mapped to one location.
    """
    with service() as (_, settings):
        async with directory(users=people, groups=groups, group_size=people // groups if groups else None) as found:
            deployment = _wired(settings, found)
            log = logging.getLogger("recipient_sync")
            log.addHandler(deployment.log)
            log.setLevel(logging.INFO)
            try:
                async with deployment.simulator:
                    deployment.groups = tuple(await deployment.simulator.groups(TENANT))[:groups]
                    await _connected(deployment, found, locations)
                    yield deployment
            finally:
                log.removeHandler(deployment.log)
                await deployment.directories.close()
                await deployment.tables.close()


def _wired(settings: Settings, found: Directory) -> Deployment:
    tables, queue, secrets, clock = CountingTables(settings), CountingQueue(), CountingSecrets(), FakeClock()
    factory = directories()
    ports = replace(
        fake_ports(),
        tenants=TableTenantStore(tables),
        connections=TableConnectionStore(tables),
        settings=TableSettingsStore(tables),
        sync_states=TableSyncStateStore(tables),
        runs=TableRunStore(tables),
        snapshots=TableSnapshotStore(tables),
        recipients=TableRecipientStore(tables),
        imports=TableImportStore(tables),
        operator_log=TableOperatorLog(tables),
        users=TableUserStore(tables),
        idempotency=TableIdempotencyStore(tables),
        limits=TableLimitStore(tables),
        queue=queue,
        secrets=secrets,
        providers=entra_providers(factory, clock=clock),
        clock=clock,
    )
    simulator = Simulator({"simulator_admin": found.admin.removesuffix("/admin")})
    return Deployment(App(ports, SETTINGS), tables, queue, secrets, clock, simulator, factory)


async def _connected(deployment: Deployment, found: Directory, locations: int) -> None:
    ports, known = deployment.app.ports, found.known
    await ports.tenants.put(TenantSummary(id=TENANT, name=TENANT))
    connection = entra_connection(
        known["azure_tenant_id"],
        known["application_id"],
        known["object_id"],
        endpoints=Endpoints(login=known["login"], graph=known["graph"]),
        secrets=await stored_secret(ports, TENANT, known["client_secret"]),
        connected_at=deployment.clock.now(),
    )
    await ports.connections.put(TENANT, connection)
    mode = Mode.GROUPS if deployment.groups else Mode.FULL
    await ports.settings.put_preferences(TENANT, Preferences(mode=mode))
    for number in range(locations):
        location = LocationId(f"floor-{number:02d}")
        await ports.settings.put_location(TENANT, location, f"Floor {number}")
        if deployment.groups:
            mapped = GroupMapping(id=ObjectId(deployment.groups[number]))
            await ports.settings.put_mapping(TENANT, location, [mapped])
