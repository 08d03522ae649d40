"""What all stores of tenants' data have in common: the deletion of a tenant."""

from collections.abc import Awaitable, Callable
from typing import Final, Protocol

from shared.domain.ids import TenantId

#: Limit of a deletion without one.
ALL_ROWS: Final = 2**31
#: Function that returns whether the rows that were just listed may be deleted.
Allowed = Callable[[], Awaitable[bool]]


class TenantData(Protocol):
    """Any store of tenants' data, as used by the deletion of a tenant."""

    async def delete_all(self, tenant: TenantId, limit: int = ALL_ROWS) -> int:
        """Delete up to `limit` rows of the tenant, and return their number; fewer than `limit` are all of them.

        A row that is changed at the same time counts, and may stay.
        """
