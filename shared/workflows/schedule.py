"""Schedule: one request for every tenant whose directory is connected."""

from dataclasses import dataclass
from datetime import datetime

from shared.domain.job import SyncRequest
from shared.domain.run import RunMode
from shared.errors import SyncError
from shared.ports import JobQueue, TenantStore
from shared.telemetry import event


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """Asks for the scheduled runs."""

    tenants: TenantStore
    queue: JobQueue

    async def __call__(self, tick: datetime) -> int:
        """Leave one request per connected tenant in the queue, and return how many that are.

        A tick that fires twice asks for the same requests, which start one run each. A tenant whose request cannot
        be sent is logged, and does not keep the others from theirs.
        """
        requested = 0
        name = f"schedule-{tick:%Y%m%dT%H%M}"
        async for tenant in self.tenants.connected():
            request = SyncRequest(tenant=tenant, mode=RunMode.INCREMENTAL, request=name, requested_by="schedule")
            try:
                await self.queue.request(request)
            except SyncError as error:
                event("request_failed", tenant=tenant, code=error.code)
            else:
                requested += 1
        event("scheduled", tick=name, tenants=requested)
        return requested
