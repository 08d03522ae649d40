"""Requests that may be sent again: the first makes a run, every other one finds what that was.

A key is claimed by inserting its row, with the id of the run to come; of two at once one does. The answer is put into
the row afterwards. A claim without an answer is of somebody who is at work, or has died: then another takes it over.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

import msgspec

from shared.domain.access.idempotency import Repeatable, Use
from shared.domain.ids import RunId, TenantId, new_run_id
from shared.errors import Conflict, Rejected, SyncError, Transient
from shared.ports.platform import Clock, UseStore


@dataclass(slots=True)
class Claim:
    """A key that is in use: by this request, or by an earlier one."""

    use: Use
    #: Whether this request is the one that claimed it.
    mine: bool

    @property
    def run(self) -> RunId:
        """The id of the run."""
        return self.use.run

    def answered(self, answer: bytes) -> None:
        """Keep what to answer whoever sends the request again."""
        self.use = msgspec.structs.replace(self.use, answer=answer)


@dataclass(frozen=True, slots=True, kw_only=True)
class Once:
    """Remembers keys for a day."""

    uses: UseStore
    clock: Clock
    entropy: Callable[[], int]

    @asynccontextmanager
    async def claim(self, tenant: TenantId, request: Repeatable) -> AsyncIterator[Claim]:
        """Give the key's claim, and keep its answer afterwards. Where the request is refused, the key is free again.

        Raises: Rejected (`idempotency_key_reused`) if it was used for something else.
        """
        use, etag, mine = await self._claimed(tenant, request)
        claim = Claim(use, mine)
        try:
            yield claim
        except SyncError:
            if mine:
                await self.uses.forget(tenant, request.name, etag)
            raise
        if mine:
            with suppress(Conflict, Transient):  # what was asked for is done; the row only saves doing it again
                await self.uses.swap(tenant, request.name, claim.use, etag)

    async def _claimed(self, tenant: TenantId, request: Repeatable) -> tuple[Use, str, bool]:
        while True:
            now = self.clock.now()
            known, etag = await self.uses.find(tenant, request.name)
            if known is not None and not known.expired(now):
                if known.digest != request.digest:
                    raise Rejected(
                        "This Idempotency-Key was used for another request; send a new key with a new request.",
                        code="idempotency_key_reused",
                    )
                if etag is not None and not known.left(now):
                    return known, etag, False
            fresh = Use(digest=request.digest, run=new_run_id(int(now.timestamp() * 1000), self.entropy()), at=now)
            try:
                return fresh, await self.uses.swap(tenant, request.name, fresh, etag), True
            except Conflict:
                continue  # somebody else has just claimed it: look whose it is
