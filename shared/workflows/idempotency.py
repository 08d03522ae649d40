"""Idempotent requests: the first request with a given `Idempotency-Key` starts a run; repeats return that run.

A key is reserved by inserting its row with the id of the run to come; of two concurrent requests one succeeds. The
answer is stored in the row afterwards. A reservation without an answer belongs to a request that is still at work, or
whose worker crashed: after `ABANDONED_AFTER` the next request takes it over.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

import msgspec

from shared.domain.access.idempotency import IdempotencyRecord, IdempotentRequest
from shared.domain.ids import RunId, TenantId
from shared.errors import ETagConflict, Rejected, SyncError, Transient
from shared.ports.platform import Clock, IdempotencyStore, IdSource
from shared.runtime.optimistic_update import optimistic_update


@dataclass(slots=True)
class KeyReservation:
    """Reservation of a key, by this request or by an earlier one."""

    record: IdempotencyRecord
    #: Whether this request reserved the key.
    is_first: bool

    @property
    def run(self) -> RunId:
        """The id of the run."""
        return self.record.run

    def keep_answer(self, answer: bytes) -> None:
        """Set the answer that repeats of the request get."""
        self.record = msgspec.structs.replace(self.record, answer=answer)


class Idempotency(msgspec.Struct, frozen=True, kw_only=True):
    """Reserves idempotency keys. A key expires after 24 hours."""

    records: IdempotencyStore
    clock: Clock
    ids: IdSource

    @asynccontextmanager
    async def reserve(self, tenant: TenantId, request: IdempotentRequest) -> AsyncIterator[KeyReservation]:
        """Yield the reservation of the request's key, and store its answer afterwards.

        If the request is refused inside the context, the key becomes free again. Raises Rejected
        (`idempotency_key_reused`) if the key was used for another request.
        """
        record, etag, is_first = await self._reserved(tenant, request)
        reservation = KeyReservation(record, is_first)
        try:
            yield reservation
        except SyncError:
            if is_first:
                await self.records.delete(tenant, request.name, etag)
            raise
        if is_first:
            with suppress(ETagConflict, Transient):  # the request is done; the row only saves doing it again
                await self.records.replace(tenant, request.name, reservation.record, etag)

    @optimistic_update
    async def _reserved(self, tenant: TenantId, request: IdempotentRequest) -> tuple[IdempotencyRecord, str, bool]:
        now = self.clock.now()
        record, etag = await self.records.find(tenant, request.name)
        if record is not None and not record.is_expired(now):
            if record.digest != request.digest:
                raise Rejected(
                    "This Idempotency-Key was already used for a different request: use a new key.",
                    code="idempotency_key_reused",
                )
            if etag is not None and not record.is_abandoned(now):
                return record, etag, False
        run = self.ids.new_run_id()
        fresh = IdempotencyRecord(digest=request.digest, run=run, at=now)
        return fresh, await self.records.replace(tenant, request.name, fresh, etag), True
