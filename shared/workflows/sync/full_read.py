"""Full read: builds the snapshot of a source from a complete listing, over one or more messages."""

from typing import Final

import msgspec

from shared.domain.directory import Capability, Source
from shared.domain.retry_policy import LISTING
from shared.domain.run import Plan, RunMode
from shared.domain.snapshots.snapshot import SnapshotDigest, SnapshotManifest
from shared.domain.sync.fingerprints import snapshot_scope
from shared.domain.sync.jobs import BUDGET_SHARE, FetchCheckpoint, FetchJob, FetchOutcome, FetchResult
from shared.errors import DeltaLinkExpired, PageTokenExpired, SnapshotIncomplete, Transient
from shared.ports.directory import Directory
from shared.ports.platform import Clock, IdSource
from shared.ports.runs import RunStore
from shared.ports.snapshots import SnapshotStore
from shared.runtime.adaptive_timeout import FirstResponseGuard
from shared.workflows.snapshots.patcher import load_page_index, once_each
from shared.workflows.snapshots.writer import Staging
from shared.workflows.sync.directory_listing import Listing, LoopGuard

#: Maximum ratio of the pages of a stored snapshot to those of a listing with the same content. Above it, the snapshot
#: is replaced. The ratio grows because patches add new users on pages of their own, and pages shrink as users leave.
_MAX_PAGE_RATIO: Final = 4


class OutOfTime(Exception):
    """The job has used up its time budget, and continues at the checkpoint."""

    def __init__(self, checkpoint: FetchCheckpoint) -> None:
        super().__init__()
        self.checkpoint = checkpoint


class FullRead(msgspec.Struct, frozen=True, kw_only=True):
    """Lists a source from its first page to its last."""

    runs: RunStore
    snapshots: SnapshotStore
    clock: Clock
    ids: IdSource
    budget_s: float

    async def __call__(
        self,
        plan: Plan,
        job: FetchJob,
        directory: Directory,
        first: FirstResponseGuard,
        current: SnapshotManifest | None,
    ) -> FetchResult:
        """Return the result of a complete listing, continued at its checkpoint if there is one.

        An expired listing begins again, up to `LISTING.attempts` times in a message.

        Raises:
            OutOfTime: The time budget is used up; the error has the checkpoint at which the next message continues.
            Transient: The listing expired at the last attempt, or the directory did not respond.
            SyncError: As the directory raises.
        """
        checkpoint = await self.runs.find_checkpoint(job)
        if checkpoint and checkpoint.digest.outdated:
            checkpoint = None
        for _ in range(LISTING.retries + 1):
            try:
                manifest = await self._pages(plan, job, directory, first, checkpoint, current)
            except (PageTokenExpired, DeltaLinkExpired, SnapshotIncomplete):
                # SnapshotIncomplete: two deliveries continued from one checkpoint, and each replaced pages of the other
                checkpoint = None  # begin again with a new attempt id
                await self.runs.save_checkpoint(job, None)
            else:
                return FetchResult(
                    source=job.source,
                    outcome=FetchOutcome.COMPLETE,
                    snapshot=manifest,
                    directory_requests=checkpoint.directory_requests if checkpoint else 0,
                    storage_requests=checkpoint.storage_requests if checkpoint else 0,
                )
        raise Transient(f"The listing expired {LISTING.attempts} times while it was read.", code="page_expired")

    async def _pages(
        self,
        plan: Plan,
        job: FetchJob,
        directory: Directory,
        first: FirstResponseGuard,
        checkpoint: FetchCheckpoint | None,
        current: SnapshotManifest | None,
    ) -> SnapshotManifest:
        started_s = self.clock.monotonic_s()
        source = plan.sources[job.source]
        cursor: str | None = None
        listing = Listing(directory=directory, source=source, managers=_with_managers(plan, source, directory))
        if checkpoint:
            staging = Staging(job, self.snapshots, checkpoint.attempt, checkpoint.digest)
            listing.change_cursor, cursor = checkpoint.change_cursor, checkpoint.next_cursor
            listing.removed.update(checkpoint.removed)
            listing.conclusive = checkpoint.digest.conclusive
        else:
            staging = Staging(job, self.snapshots, self.ids.new_attempt_id())
            await first.await_response(listing.begin())
        loop = LoopGuard()
        while True:
            users, cursor = await first.await_response(listing.page(cursor))
            await staging.add(users)
            if not listing.conclusive:
                staging.digest = msgspec.structs.replace(staging.digest, conclusive=False)
            if cursor is None:
                manifest = None
                if listing.managers or listing.removed:
                    manifest = await once_each(staging, listing.removed, self.ids.new_attempt_id())
                manifest = manifest or await self._stored_or_new(plan, staging, current)
                return msgspec.structs.replace(
                    manifest, change_cursor=listing.change_cursor, scope=snapshot_scope(plan)
                )
            loop.require_new(cursor)
            if self.clock.monotonic_s() - started_s > BUDGET_SHARE * self.budget_s:
                await staging.flush()
                raise OutOfTime(
                    FetchCheckpoint(
                        attempt=staging.attempt,
                        next_cursor=cursor,
                        digest=staging.digest,
                        change_cursor=listing.change_cursor,
                        removed=tuple(sorted(listing.removed)),
                        directory_requests=checkpoint.directory_requests if checkpoint else 0,
                        storage_requests=checkpoint.storage_requests if checkpoint else 0,
                    )
                )

    async def _stored_or_new(self, plan: Plan, staging: Staging, current: SnapshotManifest | None) -> SnapshotManifest:
        """Return the manifest of a listing with all pages stored, or that of the current snapshot if it is as good."""
        if current and staging.untouched and await self._is_as_good(plan, current, staging.digest):
            return current
        await staging.flush()
        return staging.ref

    async def _is_as_good(self, plan: Plan, stored: SnapshotManifest, listed: SnapshotDigest) -> bool:
        """Return whether a stored snapshot can replace a listing: it has the same content and not too many pages.

        A full run also verifies that every page is stored.
        """
        if not stored.digest.same_content(listed) or stored.digest.pages > _MAX_PAGE_RATIO * max(1, listed.pages):
            return False
        if plan.mode is RunMode.FULL:
            try:
                await load_page_index(self.snapshots, plan.tenant, stored)
            except SnapshotIncomplete:
                return False
        return True


def _with_managers(plan: Plan, source: Source, directory: Directory) -> bool:
    is_needed = source.group is None and plan.preferences.attributes.manager
    return is_needed and Capability.MANAGERS in directory.capabilities
