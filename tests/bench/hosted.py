"""A deployment as Azure runs it: one worker process per scale group, on a Table service in another process.

This process has the queues, the directories and the counters, and stores what tenants and settings there are.
"""

import asyncio
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from time import perf_counter
from typing import Final

from infra.local.functions_host.channel import Handler
from shared.adapters.tables.client import Tables
from shared.bootstrap import App
from shared.domain.ids import TenantId
from shared.domain.run import RunMode, RunState
from shared.domain.sync.jobs import SyncRequest
from shared.domain.sync.queue_messages import encode
from tests.bench.ailing import Ailing, Ailment
from tests.bench.host import MemoryHost
from tests.bench.product import ports_on
from tests.bench.tables import service
from tests.bench.worker import TABLES
from tests.support.fakes import directories_of
from tests.support.world import SETTINGS, World

#: Maximum duration of a wait for tenants, in seconds; after it, their runs count as stuck.
_STUCK_S: Final = 600.0


@dataclass(slots=True)
class Hosted:
    """The deployment, and when each tenant's run ended."""

    world: World
    connection: str
    #: The tenants that the schedule sees.
    shown: Collection[TenantId] = ()
    free_at_s: dict[TenantId, float] = field(default_factory=dict)
    ended: dict[TenantId, RunState | None] = field(default_factory=dict)
    host: MemoryHost = field(init=False)
    _waiting: set[TenantId] = field(default_factory=set)
    _all_free: asyncio.Event = field(default_factory=asyncio.Event)
    _requests: int = 0

    def __post_init__(self) -> None:
        """Create the host, whose workers call back."""
        handlers: dict[str, Handler] = {"shown": self._shown, "free": self._free, "directory": self._directory}
        self.host = MemoryHost(handlers, {TABLES: self.connection})

    def expect(self, tenants: Collection[TenantId]) -> None:
        """Start waiting for the end of these tenants' runs."""
        self._waiting = set(tenants)
        self.free_at_s.clear()
        self.ended.clear()
        self._all_free.clear()

    async def all_free(self) -> None:
        """Wait until the expected runs have ended. Raises TimeoutError if one is stuck."""
        await asyncio.wait_for(self._all_free.wait(), _STUCK_S)

    async def sync(self, tenant: TenantId, mode: RunMode = RunMode.FULL) -> float:
        """Run a tenant's sync to its end while the host runs, and return its duration in seconds."""
        self._requests += 1
        self.expect({tenant})
        request = SyncRequest(tenant=tenant, mode=mode, request=f"bench-{self._requests}", requested_by="queue")
        began_s = perf_counter()
        self.host.put(SyncRequest.queue, [encode(request)], 0)
        await self.all_free()
        assert self.ended == {tenant: RunState.DONE}, self.ended
        return self.free_at_s[tenant] - began_s

    async def schedule(self, at: datetime) -> int:
        """Run the schedule in its worker, and return the number of requested runs."""
        asked: int = await (await self.host.channel("schedule")).call("schedule", at)
        return asked

    async def _shown(self) -> set[TenantId]:
        return set(self.shown)

    async def _free(self, tenant: TenantId, ended: RunState | None, at_s: float) -> None:
        if tenant in self._waiting:
            self.free_at_s[tenant] = at_s
            self.ended[tenant] = ended
            self._waiting.discard(tenant)
            if not self._waiting:
                self._all_free.set()

    async def _directory(self, azure_tenant_id: str, method: str, *arguments: object) -> tuple[Ailment | None, object]:
        directory = directories_of(self.world.ports).by_azure_tenant[azure_tenant_id]
        if isinstance(directory, Ailing) and directory.ailment is not None:
            return directory.ailment, None
        return None, await getattr(directory, method)(*arguments)


@asynccontextmanager
async def hosted() -> AsyncIterator[Hosted]:
    """Yield a new deployment without tenants. Its host does not run yet."""
    with service() as (connection, settings):
        tables = Tables(settings)
        world = World(ports_on(tables))
        world.app = App(world.ports, SETTINGS)
        yield Hosted(world, connection)
        await tables.close()
