"""Schedule: requests a run for every connected tenant that is due."""

import asyncio
from datetime import datetime
from typing import Final

import msgspec

from shared.domain.access.idempotency import KEPT_FOR
from shared.domain.access.tenants import ConnectedTenant
from shared.domain.connections.connection_health import Health, passed_threshold
from shared.domain.run import RunMode
from shared.domain.sync.jobs import SyncRequest
from shared.domain.sync.queue_messages import SCHEDULE
from shared.errors import SyncError
from shared.ports.platform import Clock, IdempotencyStore, LimitStore
from shared.ports.queues import JobQueue
from shared.ports.tenants import ConnectionStore
from shared.telemetry import event, new_trace
from shared.workflows.connections.connection_health import ConnectionHealth

#: Maximum number of tenants whose requests are sent concurrently.
AT_ONCE: Final = 16


class Schedule(msgspec.Struct, frozen=True, kw_only=True):
    """Requests the scheduled runs, sends due notices about secrets, and purges expired rows."""

    connections: ConnectionStore
    queue: JobQueue
    health: ConnectionHealth
    limits: LimitStore
    idempotency: IdempotencyStore
    clock: Clock

    async def __call__(self, tick: datetime) -> int:
        """Enqueue one request per connected tenant whose health allows it, and return the number of requests.

        A tick that fires twice enqueues the same requests again, and each starts one run. If the request of a tenant
        cannot be sent, the failure is logged and does not affect the other tenants. Operators are notified of secrets
        that expire soon.
        """
        name = f"schedule-{tick:%Y%m%dT%H%M}"
        unhealthy = {tenant: health async for tenant, health in self.connections.list_unhealthy()}
        slots = asyncio.Semaphore(AT_ONCE)
        connected = [tenant async for tenant in self.connections.list_connected()]
        requested = sum(
            await asyncio.gather(
                *(self._try(slots, tenant, unhealthy.get(tenant.id, Health()), name) for tenant in connected)
            )
        )
        await self.limits.purge(self.clock.now())
        await self.idempotency.purge(self.clock.now() - KEPT_FOR)
        event("scheduled", tick=name, tenants=requested)
        return requested

    async def _try(self, slots: asyncio.Semaphore, tenant: ConnectedTenant, health: Health, name: str) -> bool:
        async with slots:
            with new_trace("schedule tenant", tenant=tenant.id):
                try:
                    return await self._request(tenant, health, name)
                except SyncError as error:
                    event("request_failed", code=error.code)
                    return False

    async def _request(self, tenant: ConnectedTenant, health: Health, name: str) -> bool:
        now = self.clock.now()
        await self._notify(tenant, health, now)
        if not health.due(now):
            return False
        request = SyncRequest(tenant=tenant.id, mode=RunMode.INCREMENTAL, request=name, requested_by=SCHEDULE)
        await self.queue.send([request])
        return True

    async def _notify(self, tenant: ConnectedTenant, health: Health, now: datetime) -> None:
        ends = tenant.secret_expires_on
        if ends is not None and passed_threshold(ends, now) is not None:
            await self.health.warn_of_expiry(tenant.id, ends)
        elif health.notices:
            await self.health.send_notices(tenant.id)
