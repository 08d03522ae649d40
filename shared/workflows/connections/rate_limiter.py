"""Distributed rate limiter (GCRA) backed by storage. Limits apply across instances and survive restarts."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime

import msgspec

from shared.domain.access.rate_limit import RateLimit
from shared.errors import RateLimited, SyncError
from shared.ports.platform import Clock, LimitStore
from shared.runtime.optimistic_update import optimistic_update


class RateLimiter(msgspec.Struct, frozen=True, kw_only=True):
    """Counts actions against rate limits, and takes back those that turn out not to count."""

    limits: LimitStore
    clock: Clock

    @optimistic_update
    async def take(self, limit: RateLimit, subject: str) -> None:
        """Count one action of the subject. Raises RateLimited with the seconds to wait."""
        used, etag = await self.limits.find(_key(limit, subject))
        following = limit.take(used, self.clock.now())
        if not isinstance(following, datetime):
            raise RateLimited(
                f"Too many checks in a short time. Wait {following:.0f} seconds, then check again.",
                code="rate_limited",
                retry_after_s=following,
            )
        await self.limits.replace(_key(limit, subject), following, etag)

    @asynccontextmanager
    async def reserved(
        self, limit: RateLimit, subject: str, counts: Callable[[SyncError], bool]
    ) -> AsyncIterator[None]:
        """Count the action of the `with` block, and take it back unless it fails with an error that `counts`.

        If the process crashes during the action, it stays counted. Raises RateLimited with the seconds to wait before
        the action begins.
        """
        await self.take(limit, subject)
        try:
            yield
        except SyncError as error:
            if not counts(error):
                await self.give_back(limit, subject)
            raise
        await self.give_back(limit, subject)

    @optimistic_update
    async def give_back(self, limit: RateLimit, subject: str) -> None:
        """Take back one counted action of the subject."""
        used, etag = await self.limits.find(_key(limit, subject))
        if used is not None:
            await self.limits.replace(_key(limit, subject), limit.give_back(used), etag)


def _key(limit: RateLimit, subject: str) -> str:
    return f"{limit.name}:{subject}"
