"""Claim: keeps other deliveries of a job away from an import. It is short, and renewed while the worker lives.

A claim only saves work: the fence ensures that there is one writer.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Final

import msgspec

from shared.domain.imports.import_record import Import, ImportState
from shared.domain.versioned import Versioned
from shared.errors import ETagConflict, Transient
from shared.ports.imports import ImportStore
from shared.ports.platform import Clock

#: Time after which the claim of a worker that died lapses.
CLAIM: Final = timedelta(seconds=45)
#: Time between two renewals, in seconds.
_RENEWED_S: Final = 15.0


def is_claimed(stored: Import, now: datetime) -> bool:
    """Return whether a worker has claimed the import.

    A claim that lasts longer than any is from a worker whose clock is ahead. It does not count: if that worker died,
    the import would wait for as long as its clock was wrong.
    """
    return stored.claimed_until is not None and now < stored.claimed_until <= now + CLAIM


class Claim:
    """A worker's claim to an import. Create it with `take`."""

    def __init__(self, imports: ImportStore, clock: Clock, stored: Versioned[Import]) -> None:
        self._imports = imports
        self._clock = clock
        #: The import with its present ETag.
        self.stored = stored

    @classmethod
    async def take(cls, imports: ImportStore, clock: Clock, stored: Versioned[Import]) -> "Claim":
        """Claim an import.

        Raises:
            Transient: Another worker has claimed it.
            ETagConflict: It changed since it was read.
        """
        until, now = stored.value.claimed_until, clock.now()
        if until is not None and is_claimed(stored.value, now):
            wait_s = (until - now).total_seconds()
            raise Transient("Another worker processes the import.", code="import_claimed", retry_after_s=wait_s)
        claim = cls(imports, clock, stored)
        await claim._extend()
        return claim

    @asynccontextmanager
    async def renewed(self) -> AsyncIterator[None]:
        """Renew the claim inside this context."""
        done = asyncio.Event()
        renewing = asyncio.create_task(self._renew(done))
        try:
            yield
        finally:
            done.set()  # instead of a cancellation, after which the ETag would not be known
            await renewing

    async def _renew(self, done: asyncio.Event) -> None:
        while True:
            try:
                await asyncio.wait_for(done.wait(), _RENEWED_S)
            except TimeoutError:
                try:
                    await self._extend()
                except Transient:
                    continue
                except ETagConflict:
                    return  # it was ended, deleted, or claimed by another worker
            else:
                return

    async def _extend(self) -> None:
        now = self._clock.now()
        claimed = msgspec.structs.replace(
            self.stored.value, state=ImportState.WORKING, begun=True, at=now, claimed_until=now + CLAIM
        )
        self.stored = Versioned(claimed, await self._imports.replace(claimed, self.stored.etag))
