"""Schedule: one request for every tenant whose directory is connected and may be asked."""

from dataclasses import dataclass
from datetime import datetime

from shared.domain.health import Health, passed_threshold
from shared.domain.job import SyncRequest
from shared.domain.messages import SCHEDULE
from shared.domain.run import RunMode
from shared.errors import SyncError
from shared.health import ConnectionHealth
from shared.ports import Clock, ConnectedTenant, JobQueue, LimitStore, TenantStore
from shared.telemetry import event


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """Asks for the scheduled runs, and looks after what only time brings about."""

    tenants: TenantStore
    queue: JobQueue
    health: ConnectionHealth
    limits: LimitStore
    clock: Clock

    async def __call__(self, tick: datetime) -> int:
        """Leave one request in the queue per connected tenant that is well or due, and return how many that are.

        A tick that fires twice asks for the same requests, which start one run each. A tenant whose request cannot
        be sent is logged, and does not keep the others from theirs. Secrets whose end comes near are announced.
        """
        requested = 0
        name = f"schedule-{tick:%Y%m%dT%H%M}"
        ailing = {tenant: health async for tenant, health in self.tenants.ailing()}
        async for tenant in self.tenants.connected():
            try:
                requested += await self._ask(tenant, ailing.get(tenant.id, Health()), name)
            except SyncError as error:
                event("request_failed", tenant=tenant.id, code=error.code)
        await self.limits.sweep(self.clock.now())
        event("scheduled", tick=name, tenants=requested)
        return requested

    async def _ask(self, tenant: ConnectedTenant, health: Health, name: str) -> bool:
        now = self.clock.now()
        await self._tell(tenant, health, now)
        if not health.due(now):
            return False
        request = SyncRequest(tenant=tenant.id, mode=RunMode.INCREMENTAL, request=name, requested_by=SCHEDULE)
        await self.queue.request(request)
        return True

    async def _tell(self, tenant: ConnectedTenant, health: Health, now: datetime) -> None:
        ends = tenant.secret_expires_on
        if ends is not None and passed_threshold(ends, now) is not None:
            await self.health.look_at_end(tenant.id, ends)
        elif health.notices:
            await self.health.tell(tenant.id)
