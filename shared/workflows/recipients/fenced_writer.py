"""Fenced writer: the only way to write to the recipients of a location.

Every batch also replaces the location's fence row under its ETag, so a location has one writer at a time. Acquiring
the fence makes every later batch of the previous writer fail, and an older run cannot acquire it again.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from datetime import datetime

import msgspec

from shared.domain.ids import LocationId, RecipientId, RunId, TenantId
from shared.domain.recipient import Change
from shared.domain.reconcile.fence import Fence, JournalEntry
from shared.domain.reconcile.write import Write, added_invalid_addresses
from shared.domain.reconcile.write_batches import MAX_BATCH_RECIPIENTS, Batcher, batches
from shared.domain.run import TenantState
from shared.domain.versioned import Versioned
from shared.errors import ETagConflict, Superseded, TooLarge, Transient
from shared.ports.recipients import RecipientStore
from shared.ports.tenants import SyncStateStore
from shared.runtime.optimistic_update import optimistic_update

OutOfTime = Callable[[], bool]


class FencedOff(Superseded):
    """The fence has a newer fencing token than the writer: `token`."""

    def __init__(self, location: LocationId, token: int) -> None:
        super().__init__(f"{location} is fenced with token {token}")
        self.token = token


class FencedWriter:
    """Writer of a location whose fence this attempt has acquired. Create it with `acquire`."""

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
        #: The fence as it was before this attempt acquired it.
        self.previous = previous

    @property
    def invalid_addresses(self) -> int:
        """Number of active recipients of the location with an invalid e-mail address, after what was written."""
        return self._fence.value.invalid_addresses

    @classmethod
    @optimistic_update
    async def acquire(
        cls,
        store: RecipientStore,
        tenant: TenantId,
        location: LocationId,
        *,
        fencing_token: int,
        attempt: str,
        compares: bool = False,
        closes: bool = False,
    ) -> "FencedWriter":
        """Acquire the fence, and fence off its previous holder.

        What `closes` it gives the comparison of the location up: no job that `compares` it acquires it with the same
        token afterwards.

        Raises:
            FencedOff: The fence has a newer fencing token.
            Superseded: The comparison was given up.
            Contended: Another attempt changed the fence at every try.
        """
        stored = await store.get_fence(tenant, location)
        acquired = _acquired(stored.value, location, fencing_token, attempt)
        if compares and acquired.closed:
            raise Superseded(f"The comparison of {location} was given up.", code="superseded")
        acquired = msgspec.structs.replace(acquired, closed=closes or acquired.closed)
        etag = await store.replace_fence(tenant, location, acquired, stored.etag)
        return cls(store, tenant, location, Versioned(acquired, etag), stored.value)

    @classmethod
    async def prepare(
        cls, store: RecipientStore, tenant: TenantId, location: LocationId, *, fencing_token: int, attempt: str
    ) -> "FencedWriter":
        """Return a writer that acquires the fence together with its first batch.

        Until then the previous holder can still write. Of several prepared writers, the first that writes succeeds, and
        the others lose the race. Raises FencedOff if the fence has a newer fencing token.
        """
        stored = await store.get_fence(tenant, location)
        acquired = _acquired(stored.value, location, fencing_token, attempt)
        return cls(store, tenant, location, Versioned(acquired, stored.etag), stored.value)

    async def write(
        self,
        writes: Iterable[Write],
        *,
        run: RunId,
        actor: str,
        at: datetime,
        out_of_time: OutOfTime = lambda: False,
    ) -> bool:
        """Write in batches, each with its journal row, and return whether everything was written.

        Writing stops early, after a complete batch, once `out_of_time` returns True.

        Raises:
            Superseded: Another attempt holds the fence. Batches written before stay, and are correct.
            Transient: Storage did not respond.
        """
        for batch in batches(writes):
            await self._write(batch, run, actor, at)
            if out_of_time():
                return False
        return True

    async def write_as_decided(
        self, decided: AsyncIterator[Sequence[Write]], *, run: RunId, actor: str, at: datetime, out_of_time: OutOfTime
    ) -> bool:
        """Write like `write`, from a stream of decisions. A batch may span several items of the stream."""
        batcher = Batcher()
        async for writes in decided:
            for batch in batcher.add(writes):
                await self._write(batch, run, actor, at)
                if out_of_time():
                    return False
        if rest := batcher.rest():
            await self._write(rest, run, actor, at)
        return True

    async def _write(self, batch: Sequence[Write], run: RunId, actor: str, at: datetime) -> None:
        """Write a batch, and split it in halves if it is larger than the store accepts."""
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
        held = self._fence.value
        fence = msgspec.structs.replace(
            held,
            operation=held.operation + 1,
            sequence=held.sequence + 1,
            invalid_addresses=max(0, held.invalid_addresses + added_invalid_addresses(batch)),
        )
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

    async def erase(
        self, recipients: Sequence[RecipientId], changes: Sequence[Change], *, run: RunId, actor: str, at: datetime
    ) -> None:
        """Delete at most `MAX_BATCH_RECIPIENTS` recipients, with their journal row. Raises as `write`."""
        held = self._fence.value
        fence = msgspec.structs.replace(
            held,
            operation=held.operation + 1,
            sequence=held.sequence + 1,
            asked_to=None if held.asked_to in recipients else held.asked_to,
        )
        await self._erase(recipients, JournalEntry(run=run, actor=actor, at=at, changes=tuple(changes)), fence)

    async def delete(self, recipients: Sequence[RecipientId]) -> None:
        """Delete recipients that exist and are not active, in batches. Raises Superseded or Transient as `write`.

        A deletion is not a change of people: the journal names only who was deactivated before.
        """
        for start in range(0, len(recipients), MAX_BATCH_RECIPIENTS):
            batch = recipients[start : start + MAX_BATCH_RECIPIENTS]
            fence = msgspec.structs.replace(self._fence.value, operation=self._fence.value.operation + 1)
            await self._erase(batch, None, fence)

    async def _erase(self, recipients: Sequence[RecipientId], journal: JournalEntry | None, fence: Fence) -> None:
        etag: str | None
        versioned = Versioned(fence, self._fence.etag)
        try:
            etag = await self._store.erase(self._tenant, self._location, recipients, journal, versioned)
        except (ETagConflict, Transient) as error:
            etag = await self._was_committed(fence, error)
        self._fence = Versioned(fence, etag)

    async def commit_fingerprint(
        self,
        *,
        input_fingerprint: str | None,
        active: int,
        only_directory: bool = False,
        asked_to: RecipientId | None = None,
    ) -> None:
        """Store the input fingerprint and what is known of the location's recipients in the fence.

        Raises Superseded or Transient as `write` does.
        """
        fence = msgspec.structs.replace(
            self._fence.value,
            operation=self._fence.value.operation + 1,
            input_fingerprint=input_fingerprint,
            active=active,
            only_directory=only_directory,
            asked_to=asked_to,
        )
        etag: str | None
        try:
            etag = await self._store.replace_fence(self._tenant, self._location, fence, self._fence.etag)
        except (ETagConflict, Transient) as error:
            etag = await self._was_committed(fence, error)
        self._fence = Versioned(fence, etag)

    async def _was_committed(self, fence: Fence, error: ETagConflict | Transient) -> str | None:
        """Return the fence's ETag if the write was committed despite the error; otherwise raise.

        A lost response, or the SDK's retry after one, looks like a failure. The stored fence shows what happened.
        Raises Superseded if another attempt holds the fence, or its token was raised, also if the write was committed
        before: under the new ETag, the next batch would take the fence back.
        """
        stored = await self._store.get_fence(self._tenant, self._location)
        if (stored.value.attempt, stored.value.fencing_token) != (fence.attempt, fence.fencing_token):
            raise Superseded(f"Another attempt holds the fence of {self._location}.", code="superseded") from error
        if stored.value.operation != fence.operation:
            raise error
        return stored.etag


def _acquired(fence: Fence, location: LocationId, fencing_token: int, attempt: str) -> Fence:
    """Return the fence as an attempt acquires it. Raises FencedOff if it has a newer fencing token."""
    if fence.fencing_token > fencing_token:
        raise FencedOff(location, fence.fencing_token)
    return msgspec.structs.replace(
        fence,
        fencing_token=fencing_token,
        attempt=attempt,
        operation=0,
        input_fingerprint=None,
        only_directory=False,
        closed=fence.closed and fence.fencing_token == fencing_token,
    )


async def acquire_for_manual_change(
    sync_states: SyncStateStore, recipients: RecipientStore, tenant: TenantId, location: LocationId, attempt: str
) -> FencedWriter:
    """Acquire the fence of a location for a manual change, and return its writer.

    The next run compares the location even if its inputs are unchanged.

    Raises:
        Superseded: A run is active, or a run or a change of configuration began during the call.
        Paused: An operator has paused writing.
    """
    return await _for_manual_change(FencedWriter.acquire, sync_states, recipients, tenant, location, attempt)


async def prepare_for_manual_change(
    sync_states: SyncStateStore, recipients: RecipientStore, tenant: TenantId, location: LocationId, attempt: str
) -> FencedWriter:
    """Return a writer for a manual change, which acquires the fence with its first batch. Raises as above."""
    return await _for_manual_change(FencedWriter.prepare, sync_states, recipients, tenant, location, attempt)


async def _for_manual_change(
    begin: Callable[..., Awaitable[FencedWriter]],
    sync_states: SyncStateStore,
    recipients: RecipientStore,
    tenant: TenantId,
    location: LocationId,
    attempt: str,
) -> FencedWriter:
    state = await _clear_up_to_date(sync_states, tenant, location)
    fenced = await begin(recipients, tenant, location, fencing_token=state.fencing_token, attempt=attempt)
    # Checked after the fence was acquired or read: a run that begins later has to replace the fence, too.
    current = (await sync_states.get(tenant)).value
    current.require_writing()
    if (current.active_run, current.fencing_token) != (None, state.fencing_token):
        raise _in_use(location)
    return fenced


@optimistic_update
async def _clear_up_to_date(sync_states: SyncStateStore, tenant: TenantId, location: LocationId) -> TenantState:
    """Clear `up_to_date`, so that the next run compares, and return the state before.

    Raises Paused, or Superseded while a run is active.
    """
    state, etag = await sync_states.get(tenant)
    state.require_writing()
    if state.active_run is not None:
        raise _in_use(location)
    if state.up_to_date is not None:
        await sync_states.replace(tenant, msgspec.structs.replace(state, up_to_date=None), etag)
    return state


def _in_use(location: LocationId) -> Superseded:
    return Superseded(f"A sync or a change of settings is using {location}.", code="superseded")
