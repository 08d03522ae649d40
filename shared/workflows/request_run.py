"""Request a run: what the API and the button "Fetch Directory" do."""

from collections.abc import Callable
from dataclasses import dataclass

from shared.domain.ids import TenantId, new_run_id
from shared.domain.job import SyncRequest
from shared.domain.run import Run, RunMode, RunState
from shared.errors import Rejected
from shared.ports import Clock, JobQueue, RunStore, TenantStore


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestRun:
    """Announces a run and asks for it."""

    tenants: TenantStore
    runs: RunStore
    queue: JobQueue
    clock: Clock
    entropy: Callable[[], int]

    async def __call__(self, tenant: TenantId, mode: RunMode, requested_by: str = "api") -> Run:
        """Leave the run announced and its request in the queue; the run's id is the request's.

        Raises: NotFound for an unknown tenant; Rejected (`not_connected`) while its connection is off.
        """
        await self.tenants.get(tenant)
        if await self.tenants.connection(tenant) is None:
            raise Rejected(
                f"The directory connection of {tenant!r} is off; switch it on before syncing.", code="not_connected"
            )
        now = self.clock.now()
        run = Run(
            id=new_run_id(int(now.timestamp() * 1000), self.entropy()),
            tenant=tenant,
            mode=mode,
            state=RunState.PLANNING,
            requested_at=now,
            requested_by=requested_by,
        )
        # the request first: if it cannot be sent, no run is announced that never comes; if the run is planned before it
        # is announced, what is stored stays
        await self.queue.request(SyncRequest(tenant=tenant, mode=mode, request=run.id, requested_by=requested_by))
        await self.runs.insert(run)
        return run
