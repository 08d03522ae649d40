"""Update of a tenant's summary by compare-and-swap on the tenant's state, which contains it."""

from collections.abc import Callable

import msgspec

from shared.domain.ids import TenantId
from shared.domain.run import Summary
from shared.ports.tenants import SyncStateStore
from shared.runtime.optimistic_update import optimistic_update


@optimistic_update
async def revise(sync_states: SyncStateStore, tenant: TenantId, revised: Callable[[Summary], Summary]) -> None:
    """Replace the stored summary with the result of `revised`, which may be called several times."""
    state, etag = await sync_states.get(tenant)
    summary = revised(state.summary)
    if summary != state.summary:
        await sync_states.replace(tenant, msgspec.structs.replace(state, summary=summary), etag)
