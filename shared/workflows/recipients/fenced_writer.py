"""Fenced writing: the only way in which anything is written to a location's recipients.

Every batch merges the location's fence under its ETag, so that there is one writer at a time: taking the fence makes
every batch of an older holder fail, and an older run cannot take it back.
"""

from collections.abc import AsyncIterator, Callable, Collection, Iterable, Sequence
from datetime import datetime

import msgspec

from shared.domain.ids import LocationId, RecipientId, RunId, TenantId
from shared.domain.reconcile.decide import Write
from shared.domain.reconcile.fence import Fence, Irregular, JournalEntry
from shared.domain.reconcile.predictable import MAX_IRREGULAR
from shared.domain.reconcile.write_batches import Batcher, batches
from shared.domain.run import TenantState
from shared.domain.versioned import Versioned
from shared.errors import ETagConflict, Superseded, TooLarge, Transient
from shared.ports.recipients import RecipientStore
from shared.ports.tenants import SyncStateStore
from shared.workflows.optimistic_update import optimistic_update

OutOfTime = Callable[[], bool]


class FencedWriter:
    """A location whose fence this attempt has taken. Build it with `take`."""

    def __init__(
        self,
        store: RecipientStore,
        tenant: TenantId,
        location: LocationId,
        fence: Versioned[Fence],
        previous: Fence,
    ) -> None:
        self._store = store
        self._tenant = tenant
        self._location = location
        self._fence = fence
        #: The fence as it was when it was taken.
        self.previous = previous

    @classmethod
    @optimistic_update
    async def acquire(
        cls, store: RecipientStore, tenant: TenantId, location: LocationId, *, fencing_token: int, attempt: str
    ) -> "FencedWriter":
        """Take the fence, from whoever has it. Raises: Superseded if that is a newer fencing token."""
        stored = await store.get_fence(tenant, location)
        if stored.value.fencing_token > fencing_token:
            raise Superseded(f"{location} is fenced with token {stored.value.fencing_token}", code="superseded")
        taken = msgspec.structs.replace(
            stored.value, fencing_token=fencing_token, attempt=attempt, operation=0, input_fingerprint=None
        )
        etag = await store.replace_fence(tenant, location, taken, stored.etag)
        return cls(store, tenant, location, Versioned(taken, etag), stored.value)

    async def write(
        self,
        writes: Iterable[Write],
        *,
        run: RunId,
        actor: str,
        at: datetime,
        out_of_time: OutOfTime = lambda: False,
    ) -> bool:
        """Write in batches, each with its journal row; return whether that was everything.

        It stops early, between two batches, once `out_of_time` says so.

        Raises: Superseded as soon as somebody else holds the fence; what was written until then stays and is correct.
        Transient when storage does not answer.
        """
        for batch in batches(writes):
            await self._write(batch, run, actor, at)
            if out_of_time():
                return False
        return True

    async def write_as_decided(
        self, decided: AsyncIterator[Sequence[Write]], *, run: RunId, actor: str, at: datetime, out_of_time: OutOfTime
    ) -> bool:
        """Write as `write` does what comes part by part; batches are filled across parts."""
        batcher = Batcher()
        async for part in decided:
            for full in batcher.add(part):
                await self._write(full, run, actor, at)
                if out_of_time():
                    return False
        if rest := batcher.rest():
            await self._write(rest, run, actor, at)
        return True

    async def _write(self, batch: Sequence[Write], run: RunId, actor: str, at: datetime) -> None:
        """Write a batch; one that is larger than the store takes, in halves."""
        try:
            await self._write_whole(batch, run, actor, at)
        except TooLarge:
            half = len(batch) // 2
            if not half:
                raise
            await self._write(batch[:half], run, actor, at)
            await self._write(batch[half:], run, actor, at)

    async def _write_whole(self, batch: Sequence[Write], run: RunId, actor: str, at: datetime) -> None:
        journal = JournalEntry(run=run, actor=actor, at=at, changes=tuple(write.change for write in batch))
        fence = msgspec.structs.replace(self._fence.value, operation=self._fence.value.operation + 1)
        etag: str | None
        try:
            etag = await self._store.write(
                self._tenant,
                self._location,
                [write.recipient for write in batch],
                journal,
                Versioned(fence, self._fence.etag),
            )
        except (ETagConflict, Transient) as error:
            etag = await self._was_committed(fence, error)
        self._fence = Versioned(fence, etag)

    async def commit_fingerprint(
        self, *, input_fingerprint: str | None, active: int, irregular: Collection[RecipientId] | None = None
    ) -> None:
        """Note in the fence what the location now corresponds to, and before that who is `irregular`, if that is known.

        Raises: Superseded, Transient as `write`.
        """
        if irregular is not None and len(irregular) <= MAX_IRREGULAR:
            known = Irregular(attempt=self._fence.value.attempt, recipients=tuple(sorted(irregular)))
            await self._store.put_irregular(self._tenant, self._location, known)
        fence = msgspec.structs.replace(
            self._fence.value,
            operation=self._fence.value.operation + 1,
            input_fingerprint=input_fingerprint,
            active=active,
        )
        etag: str | None
        try:
            etag = await self._store.replace_fence(self._tenant, self._location, fence, self._fence.etag)
        except (ETagConflict, Transient) as error:
            etag = await self._was_committed(fence, error)
        self._fence = Versioned(fence, etag)

    async def _was_committed(self, fence: Fence, error: ETagConflict | Transient) -> str | None:
        """Return the fence's ETag if the write did happen although no good answer came back.

        A lost answer, or the SDK's own second try after one, looks like a failure; the fence tells the truth.
        """
        stored = await self._store.get_fence(self._tenant, self._location)
        if (stored.value.attempt, stored.value.operation) == (fence.attempt, fence.operation):
            return stored.etag
        if stored.value.attempt != fence.attempt:
            raise Superseded(f"another attempt has taken {self._location}", code="superseded") from error
        raise error


async def acquire_for_manual_change(
    sync_states: SyncStateStore, recipients: RecipientStore, tenant: TenantId, location: LocationId, attempt: str
) -> FencedWriter:
    """Return a location that no run has; the next run will compare it, whatever it reads.

    Raises: Superseded while a run is active, or when one, or a change of configuration, comes meanwhile.
    """
    state = await _clear_up_to_date(sync_states, tenant, location)
    fenced = await FencedWriter.acquire(
        recipients, tenant, location, fencing_token=state.fencing_token, attempt=attempt
    )
    # after the fence: whoever changes things now must take it from us
    now = (await sync_states.get(tenant)).value
    if (now.active_run, now.fencing_token) != (None, state.fencing_token):
        raise _taken(location)
    return fenced


@optimistic_update
async def _clear_up_to_date(sync_states: SyncStateStore, tenant: TenantId, location: LocationId) -> TenantState:
    """Drop what the next run would compare with. Return the state before. Raises: Superseded while a run is active."""
    state, etag = await sync_states.get(tenant)
    if state.active_run is not None:
        raise _taken(location)
    if state.up_to_date is not None:
        await sync_states.replace(tenant, msgspec.structs.replace(state, up_to_date=None), etag)
    return state


def _taken(location: LocationId) -> Superseded:
    return Superseded(f"{location} is taken by a sync or a change of settings", code="superseded")
