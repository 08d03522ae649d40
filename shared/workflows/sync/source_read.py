"""Source read: builds the snapshot of a source from a listing or a round of changes, over one or more messages."""

from hashlib import sha256

import msgspec

from shared.domain.directory import Capability
from shared.domain.retry_policy import LISTING, UNCLEAR
from shared.domain.run import Plan, RunMode
from shared.domain.snapshots.collector import Collector
from shared.domain.snapshots.delta import RoundUnusable
from shared.domain.snapshots.snapshot import SnapshotManifest
from shared.domain.sync.fingerprints import snapshot_scope
from shared.domain.sync.full_read import failed_now
from shared.domain.sync.jobs import BUDGET_SHARE, FetchCheckpoint, FetchJob, FetchOutcome, FetchResult
from shared.errors import (
    Conflict,
    DeltaLinkExpired,
    NeedsAttention,
    PageTokenExpired,
    SnapshotIncomplete,
    SyncError,
    TooLarge,
    Transient,
)
from shared.ports.directory import Directory
from shared.ports.platform import Clock, IdSource
from shared.ports.runs import RunStore
from shared.ports.snapshots import SnapshotStore
from shared.runtime.fair_scheduler import cpu_slice
from shared.telemetry import event, measure
from shared.telemetry.metrics import PEOPLE_READ
from shared.workflows.snapshots.merger import SnapshotMerger
from shared.workflows.sync.confirmation import Confirmation, UnclearAnswer
from shared.workflows.sync.fetch_message import FetchMessage
from shared.workflows.sync.source_listing import Bounds, SourceListing


class HandOver(Exception):
    """The time of the message is up: the job continues at its checkpoint, in a new message."""


class SourceRead(msgspec.Struct, frozen=True, kw_only=True):
    """Reads a source: the changes since its snapshot where possible, otherwise from the first page to the last."""

    runs: RunStore
    snapshots: SnapshotStore
    merger: SnapshotMerger
    clock: Clock
    ids: IdSource
    budget_s: float

    async def __call__(
        self,
        plan: Plan,
        message: FetchMessage,
        directory: Directory,
        current: SnapshotManifest | None,
    ) -> FetchResult:
        """Return the result of a source that was read completely, continued at its checkpoint if there is one.

        Changes that cannot be used lead to a complete listing, unless they are followed because that failed. An
        expired listing begins again, up to `LISTING.attempts` times in a message. If the directory is out of order,
        asks to wait or refuses a request, what was read before is kept in the checkpoint.

        Raises:
            HandOver: The next message continues at the checkpoint.
            UnclearAnswer: The next message repeats the round of changes; after `UNCLEAR.attempts` it lists the source.
            Transient: The listing expired at the last attempt, or the directory did not respond.
            SyncError: As the directory raises.
        """
        job, checkpoint = message.job, await self._start(plan, message, current)
        for _ in range(LISTING.attempts + (checkpoint.base is not None)):
            if checkpoint.base is None and plan.mode is RunMode.INCREMENTAL and current and current.change_cursor:
                event("full_listing", tenant=job.tenant, run=job.run, source=job.source)
            try:
                return await self._read(plan, message, directory, current, checkpoint)
            except UnclearAnswer as error:
                if checkpoint.instead_of is None:
                    await self.runs.save_checkpoint(job, message.forgotten())
                elif job.unclear_rounds >= UNCLEAR.retries:
                    raise Conflict(checkpoint.instead_of.detail, code=checkpoint.instead_of.code) from error
                raise
            except (PageTokenExpired, DeltaLinkExpired, SnapshotIncomplete, RoundUnusable, TooLarge) as error:
                if checkpoint.instead_of is not None:
                    raise Conflict(checkpoint.instead_of.detail, code=checkpoint.instead_of.code) from error
                if isinstance(error, SnapshotIncomplete):
                    current = None  # do not compare with it either
                if checkpoint.pages:
                    await self.runs.save_checkpoint(job, None)
                checkpoint = message.checkpoint = message.restarted(FetchCheckpoint())  # begin a complete listing
        raise Transient(f"The listing expired {LISTING.attempts} times while it was read.", code="page_expired")

    async def _start(self, plan: Plan, message: FetchMessage, current: SnapshotManifest | None) -> FetchCheckpoint:
        """Return where the message starts: at the job's checkpoint, or with the changes, or with a listing."""
        job = message.job
        checkpoint = message.checkpoint = await self.runs.find_checkpoint(job) or FetchCheckpoint()
        follows = plan.mode is RunMode.INCREMENTAL and job.unclear_rounds < UNCLEAR.attempts
        begin = (changes_since(plan, current) if follows else None) or FetchCheckpoint()
        if checkpoint.instead_of is None and (not checkpoint.pages or checkpoint.base not in {None, begin.base}):
            checkpoint = message.checkpoint = message.restarted(begin)
        return checkpoint

    async def _read(
        self,
        plan: Plan,
        message: FetchMessage,
        directory: Directory,
        current: SnapshotManifest | None,
        checkpoint: FetchCheckpoint,
    ) -> FetchResult:
        job = message.job
        source, capabilities = plan.sources[job.source], directory.capabilities
        managers = source.group is None and plan.preferences.attributes.manager and Capability.MANAGERS in capabilities
        listing = SourceListing(directory=directory, source=source, managers=managers, position=checkpoint)
        collector = await self._collected(message, listing, current.users if current is not None else 0)
        if checkpoint.segments:
            collector = await self._with_segments(job, checkpoint, collector)
        confirmation = Confirmation(directory, source)
        try:
            if current is not None and checkpoint.base is not None:
                manifest, changed = await self.merger.patched(job.tenant, current, collector, confirmation.of_changes)
            else:
                new = SnapshotManifest(source=job.source, attempt="", conclusive=listing.position.conclusive)
                manifest, changed = await self.merger.built(
                    job.tenant, new, collector, current, confirmation.of_listing, every_row=plan.mode is RunMode.FULL
                )
        except (Transient, NeedsAttention) as error:  # the directory fails while people are read by id
            if not (isinstance(error, UnclearAnswer) or checkpoint.is_read) and collector.is_whole:
                await self._store(
                    message, msgspec.structs.replace(listing.position, segments=(), users=0), collector, 1
                )
            raise
        cause = checkpoint.instead_of
        return FetchResult(
            source=job.source,
            outcome=FetchOutcome.COMPLETE,
            snapshot=msgspec.structs.replace(
                manifest, change_cursor=listing.position.change_cursor, scope=snapshot_scope(plan)
            ),
            since=current.fingerprint if current else None,
            changed=changed,
            warnings=(*confirmation.warnings, *([] if cause is None else [failed_now(cause)])),
            full_read_failed=cause is not None,
            directory_requests=checkpoint.directory_requests,
            storage_requests=checkpoint.storage_requests,
        )

    async def _collected(self, message: FetchMessage, listing: SourceListing, snapshot_users: int) -> Collector:
        """Return the items of all further pages. Raises HandOver if another message has to continue."""
        started_s, first, before = self.clock.monotonic_s(), message.first, listing.position
        bounds, collector, pages = Bounds(before, snapshot_users), Collector(message.job.source), 0
        interruption: SyncError | None = None
        if before.is_read:
            return collector
        if before.next_cursor is None:
            await first.await_response(listing.begin())
        while self.clock.monotonic_s() - started_s <= BUDGET_SHARE * self.budget_s or not pages:
            try:
                items = await first.await_response(listing.page())
            except (Transient, NeedsAttention) as error:
                if not pages:
                    raise
                interruption = error
                break
            known = collector.items
            async with cpu_slice():
                collector.add(items)
            measure(PEOPLE_READ, collector.items - known)
            pages += 1
            if listing.position.next_cursor is None:
                return collector
            bounds.require_new(listing.position.next_cursor, collector.items)
        await self._store(message, listing.position, collector, pages)
        raise interruption or HandOver

    async def _store(self, message: FetchMessage, position: FetchCheckpoint, collector: Collector, pages: int) -> None:
        """Store what was read, and the checkpoint at which the next message continues."""
        job = message.job
        # The segments have an attempt id of their own, so two deliveries that continue from one checkpoint never mix.
        attempt, start = self.ids.new_attempt_id(), len(position.segments)
        rows = {f"segment:{start + n:06d}:{attempt}": segment for n, segment in enumerate(collector.segments())}
        await self.snapshots.put(job.tenant, job.source, rows)
        checkpoint = msgspec.structs.replace(
            position,
            pages=position.pages + pages,
            users=position.users + collector.items,
            segments=(*position.segments, *((key, sha256(segment).digest()) for key, segment in rows.items())),
            waits_until=None,
        )
        counted = message.counted(checkpoint)
        await self.runs.save_checkpoint(job, counted)
        message.checkpoint, message.has_progress = counted, True

    async def _with_segments(self, job: FetchJob, checkpoint: FetchCheckpoint, own: Collector) -> Collector:
        """Return the items of the checkpoint's segments, and then its own. Raises SnapshotIncomplete."""
        collector, digests = Collector(job.source), dict(checkpoint.segments)
        async for key, segment in self.snapshots.read(job.tenant, job.source, list(digests)):
            async with cpu_slice():
                if sha256(segment).digest() == digests[key]:
                    collector.load(segment)
                    del digests[key]
        if digests:
            raise SnapshotIncomplete(f"segments of {job.source} are missing or damaged")
        for segment in own.segments():
            collector.load(segment)
        return collector


def changes_since(plan: Plan, current: SnapshotManifest | None) -> FetchCheckpoint | None:
    """Return where the changes since the current snapshot begin; None if they cannot be followed."""
    cursor = current.change_cursor if current is not None and current.scope == snapshot_scope(plan) else None
    if current is None or cursor is None:
        return None
    return FetchCheckpoint(
        base=current.attempt, next_cursor=cursor, change_cursor=cursor, conclusive=current.conclusive
    )
