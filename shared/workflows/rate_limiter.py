"""Distributed rate limiter (GCRA) backed by storage. Limits apply across instances and survive restarts."""

import asyncio
from collections.abc import AsyncIterator, Callable, MutableMapping
from contextlib import asynccontextmanager
from datetime import datetime
from weakref import WeakValueDictionary

import msgspec

from shared.domain.access.rate_limit import RateLimit
from shared.errors import Contended, RateLimited, SyncError
from shared.ports.platform import Clock, LimitStore
from shared.runtime.optimistic_update import optimistic_update


class RateLimiter(msgspec.Struct, frozen=True, kw_only=True):
    """Counts actions against rate limits, and takes back those that turn out not to count."""

    limits: LimitStore
    clock: Clock
    #: Locks by key: the requests of one process update a row one after the other, so that they never conflict.
    locks: MutableMapping[str, asyncio.Lock] = msgspec.field(default_factory=WeakValueDictionary)

    async def take(self, limit: RateLimit, subject: str) -> None:
        """Count one action of the subject. Raises RateLimited with the seconds to wait."""
        key = f"{limit.name}:{subject}"
        try:
            async with self._lock(key):
                await self._take(limit, key)
        except Contended as error:  # requests of many processes for one allowance
            raise _limited(error.retry_after_s or 1.0) from error

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

    async def give_back(self, limit: RateLimit, subject: str) -> None:
        """Take back one counted action of the subject."""
        key = f"{limit.name}:{subject}"
        async with self._lock(key):
            await self._give_back(limit, key)

    @optimistic_update
    async def _take(self, limit: RateLimit, key: str) -> None:
        used, etag = await self.limits.find(key)
        following = limit.take(used, self.clock.now())
        if not isinstance(following, datetime):
            raise _limited(following)
        await self.limits.replace(key, following, etag)

    @optimistic_update
    async def _give_back(self, limit: RateLimit, key: str) -> None:
        used, etag = await self.limits.find(key)
        if used is not None:
            await self.limits.replace(key, limit.give_back(used), etag)

    def _lock(self, key: str) -> asyncio.Lock:
        lock = self.locks.get(key)
        if lock is None:
            lock = self.locks[key] = asyncio.Lock()
        return lock


def _limited(wait_s: float) -> RateLimited:
    return RateLimited(
        f"Too many requests in a short time. Wait {wait_s:.0f} seconds, then try again.",
        code="rate_limited",
        retry_after_s=wait_s,
    )
