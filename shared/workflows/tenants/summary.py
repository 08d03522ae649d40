"""A tenant's summary, moved on by compare-and-swap with the state that it is kept in."""

from collections.abc import Callable

import msgspec

from shared.domain.ids import TenantId
from shared.domain.run import Summary
from shared.errors import ETagConflict
from shared.ports.tenants import TenantStore


async def revise(tenants: TenantStore, tenant: TenantId, revised: Callable[[Summary], Summary]) -> None:
    """Leave the summary as `revised` makes it of whatever it is then."""
    while True:
        state, etag = await tenants.state(tenant)
        summary = revised(state.summary)
        if summary == state.summary:
            return
        try:
            await tenants.swap_state(tenant, msgspec.structs.replace(state, summary=summary), etag)
        except ETagConflict:
            continue
        return
