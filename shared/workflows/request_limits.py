"""Limits of requests to the API: of those that are allowed, for each caller and tenant, and of those that are not."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Final

import msgspec

from shared.domain.access.callers import Caller, name_of
from shared.domain.access.rate_limit import REFUSALS, Expense, RateLimit, of_caller
from shared.domain.ids import TenantId
from shared.errors import Forbidden, Unauthenticated
from shared.workflows.rate_limiter import RateLimiter

#: Refusals because of the sender.
_REFUSED: Final = (Unauthenticated, Forbidden)


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


class RefusalLimit(msgspec.Struct, frozen=True, kw_only=True):
    """Counts refused requests in the process, for each sender alone: no sender is refused because of another one."""

    in_process: RateLimiter

    @asynccontextmanager
    async def checked(self, sender: str) -> AsyncIterator[None]:
        """Let the `with` block find out whether a sender is allowed, and count a refusal.

        Raises RateLimited before the block after too many of them.
        """
        async with self.in_process.reserved(REFUSALS, sender, lambda error: isinstance(error, _REFUSED)):
            yield

    async def count(self, sender: str) -> None:
        """Count a refusal. Raises RateLimited if there were too many."""
        await self.in_process.take(REFUSALS, sender)
