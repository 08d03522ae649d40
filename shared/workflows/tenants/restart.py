"""Restarts a tenant's sync after its settings have changed."""

from shared.domain.ids import TenantId
from shared.ports.tenants import SyncStateStore
from shared.workflows.connections.connect import RunningWork


async def restart_runs(
    running_work: RunningWork, sync_states: SyncStateStore, tenant: TenantId, *, changed: bool
) -> None:
    """Raise the config version after a change, and also without a change while a run is active.

    That run may have begun before the same change, whose first request died between storing and raising.
    """
    if changed or (await sync_states.get(tenant)).value.active_run is not None:
        await running_work.invalidate_running_work(tenant)
