"""Restart of a tenant's sync although its settings are unchanged."""

from shared.domain.ids import TenantId
from shared.ports.tenants import SyncStateStore
from shared.workflows.connections.connect import RunningWork


async def restart_runs(running_work: RunningWork, sync_states: SyncStateStore, tenant: TenantId) -> None:
    """Complete an interrupted change, or else raise the config version while a run is active.

    An unchanged setting may be the repeat of a request that crashed. The active run may then use the previous setting.
    """
    if await running_work.complete(tenant):
        return
    if (await sync_states.get(tenant)).value.active_run is not None:
        await running_work.invalidate_running_work(tenant)
