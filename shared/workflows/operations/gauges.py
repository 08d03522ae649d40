"""Gauges: the state of the deployment as metrics, as of now: tenants by state, held runs, age of messages."""

import asyncio
from collections import Counter
from typing import Final

import msgspec

from shared.domain.connections.connection_health import HealthState
from shared.domain.sync.jobs import QUEUES
from shared.errors import SyncError
from shared.ports.platform import Clock
from shared.ports.queues import JobQueue
from shared.ports.tenants import ConnectionStore, SyncStateStore, TenantStore
from shared.telemetry import event, measure
from shared.telemetry.metrics import HELD_AGE, HELD_RUNS, QUEUE_AGE, TENANTS

#: State of a tenant without a connection.
_OFF: Final = "off"


class Gauges(msgspec.Struct, frozen=True, kw_only=True):
    """Measures what no single job knows. It reads four listings, whatever the number of tenants."""

    tenants: TenantStore
    connections: ConnectionStore
    sync_states: SyncStateStore
    queue: JobQueue
    clock: Clock

    async def __call__(self) -> None:
        """Report all gauges. A failure is logged, and the next call reports them again."""
        try:
            await asyncio.gather(self._tenants(), self._held_runs(), *map(self._queue, QUEUES))
        except SyncError as error:
            event("gauges_failed", code=error.code)

    async def _tenants(self) -> None:
        known = {tenant.id async for tenant in self.tenants.list_tenants()}
        health = {tenant: health.state async for tenant, health in self.connections.list_unhealthy()}
        connected = [tenant.id async for tenant in self.connections.list_connected()]
        number = Counter(health.get(tenant, HealthState.ON).value for tenant in connected)
        for state in HealthState:
            measure(TENANTS, number[state.value], state=state.value)
        measure(TENANTS, len(known.difference(connected)), state=_OFF)

    async def _held_runs(self) -> None:
        since = [summary.finished_at async for _, summary in self.sync_states.list_summaries() if summary.held]
        now = self.clock.now()
        measure(HELD_RUNS, len(since))
        measure(HELD_AGE, max(((now - at).total_seconds() for at in since if at is not None), default=0))

    async def _queue(self, queue: str) -> None:
        due = await self.queue.oldest_due(queue)
        measure(QUEUE_AGE, max(0.0, (self.clock.now() - due).total_seconds()) if due is not None else 0, queue=queue)
