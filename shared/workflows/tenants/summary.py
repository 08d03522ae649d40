"""A tenant's summary, moved on by compare-and-swap with the state that it is kept in."""

from collections.abc import Callable

import msgspec

from shared.domain.ids import TenantId
from shared.domain.run import Summary
from shared.ports.tenants import SyncStateStore
from shared.workflows.optimistic_update import optimistic_update


@optimistic_update
async def revise(sync_states: SyncStateStore, tenant: TenantId, revised: Callable[[Summary], Summary]) -> None:
    """Replace the summary by what `revised` returns for the stored one."""
    state, etag = await sync_states.get(tenant)
    summary = revised(state.summary)
    if summary != state.summary:
        await sync_states.replace(tenant, msgspec.structs.replace(state, summary=summary), etag)
