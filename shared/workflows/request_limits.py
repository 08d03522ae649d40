"""Limits of requests to the API, for each person or key and tenant."""

from collections.abc import Mapping

import msgspec

from shared.domain.access.callers import Caller, name_of
from shared.domain.access.rate_limit import Expense, RateLimit, of_caller
from shared.domain.ids import TenantId
from shared.workflows.rate_limiter import RateLimiter


class RequestLimits(msgspec.Struct, frozen=True, kw_only=True):
    """Counts the requests of authorized callers: expensive ones in storage, all others in the process."""

    stored: RateLimiter
    in_process: RateLimiter
    #: What one person may do for one tenant.
    allowances: Mapping[Expense, RateLimit]

    async def spend(self, expense: Expense, caller: Caller, tenant: TenantId | None) -> None:
        """Count a request of an authorized caller for a tenant, or for none. Raises RateLimited.

        A process forgets the requests that it counts by itself when it ends, and no other process knows them.
        """
        limiter = self.in_process if expense is Expense.OTHER else self.stored
        await limiter.take(of_caller(self.allowances[expense], caller), f"{name_of(caller)}@{tenant or ''}")
