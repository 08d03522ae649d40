"""Restart of a tenant's sync after a change of its settings."""

from shared.domain.ids import TenantId
from shared.ports.tenants import SyncStateStore
from shared.workflows.connections.connect import RunningWork


async def restart_runs(
    running_work: RunningWork, sync_states: SyncStateStore, tenant: TenantId, *, changed: bool
) -> None:
    """Raise the config version after a change, and also without a change while a run is active.

    An unchanged setting may be the repeat of a request that crashed after storing and before raising. The active run
    may then use the previous setting.
    """
    if changed or (await sync_states.get(tenant)).value.active_run is not None:
        await running_work.invalidate_running_work(tenant)
