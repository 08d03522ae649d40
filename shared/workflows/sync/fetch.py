"""Fetch: one source of a run, page by page, into a snapshot. Touches no recipient."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import msgspec

from shared.domain.access.tenant_context import TenantContext
from shared.domain.directory import Capability, Source
from shared.domain.ids import ObjectId, SourceId
from shared.domain.problem import Problem
from shared.domain.run import Plan, RunMode
from shared.domain.snapshots.changeset import Changes, is_few
from shared.domain.snapshots.delta import Patch, Patches, Unnamed, fields_of
from shared.domain.snapshots.snapshot import SnapshotDigest, SnapshotManifest, scope_of
from shared.domain.sync.jobs import BUDGET_SHARE, FetchCheckpoint, FetchJob, FetchOutcome, FetchResult
from shared.errors import (
    Conflict,
    Contended,
    DeltaLinkExpired,
    NeedsAttention,
    NotFound,
    PageTokenExpired,
    SnapshotIncomplete,
    Superseded,
    Transient,
)
from shared.ports.directory import Directory
from shared.ports.platform import Clock, IdSource
from shared.ports.queues import JobQueue
from shared.ports.runs import RunStore
from shared.ports.snapshots import SnapshotStore
from shared.runtime.adaptive_timeout import FirstAnswer, Patience, Unanswered
from shared.runtime.fair_scheduler import turn
from shared.telemetry import RequestCounters, event
from shared.workflows.connections.directory_access import DirectoryAccess
from shared.workflows.snapshots.patcher import Rewriting, load_page_index, looked_for, once_each
from shared.workflows.snapshots.writer import Staging
from shared.workflows.sync.directory_listing import Listing
from shared.workflows.sync.finish import RunCloser
from shared.workflows.sync.stages import StageCoordinator

#: Users on one page of a snapshot; also the directory's largest page.
#: Source: https://learn.microsoft.com/graph/api/user-list ($top)
_PAGE_USERS: Final = 999
#: Newcomers come on pages of their own, and pages shrink as people leave. Of a snapshot with the same content as a
#: listing so many times as many pages stay as they are.
_MOST_PIECES: Final = 4
#: More pages than any directory has; a listing that goes on is a loop.
_MAX_PAGES: Final = 20_000
#: How often one job starts a listing again after its page token expired.
_MAX_RESTARTS: Final = 3


class _OutOfTime(Exception):
    """No error: the fetch goes on in a new message."""

    def __init__(self, checkpoint: FetchCheckpoint) -> None:
        super().__init__()
        self.checkpoint = checkpoint


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetch:
    """Reads one source to its last page and marks it; or marks why that was not possible."""

    runs: RunStore
    snapshots: SnapshotStore
    access: DirectoryAccess
    stages: StageCoordinator
    closer: RunCloser
    queue: JobQueue
    clock: Clock
    ids: IdSource
    patience: Patience
    budget_s: float

    async def __call__(self, job: FetchJob, counters: RequestCounters, *, last_delivery: bool) -> None:
        """Leave the source marked, and the next stage enqueued if this was the last source of the run.

        If nothing that it depends on has changed since the last one, or nothing at all could be read, the run is
        finished instead. A directory that gives no answer is asked again by another message.

        Raises: Superseded when the run does not own the tenant any more; Transient when trying again may help,
        unless this is the `last_delivery`: then the source is marked as failed.
        """
        plan, context = await self.stages.current(job.tenant, job.run)
        result = await self.runs.find_fetch_result(job)
        done_before = result is not None
        if result is None:
            result = await self._result(plan, context, job, counters, last_delivery=last_delivery)
            if result is None:
                return
            spent = msgspec.structs.replace(
                result,
                directory_requests=result.directory_requests + counters.directory_requests,
                storage_requests=result.storage_requests + counters.storage_requests,
            )
            stored = await self.runs.record_fetch_result(job, spent)
            if stored != spent:  # another delivery was faster, and what it found is what counts
                result, done_before = stored, True
            event(
                "fetched",
                tenant=job.tenant,
                run=job.run,
                source=job.source,
                outcome=result.outcome,
                users=result.snapshot.digest.users if result.snapshot else 0,
                problem=result.problem.code if result.problem else None,
            )
        fetched = await self._all_fetched(plan, result)
        if fetched is not None and await self.closer.finish_early(plan, fetched, counters):
            return
        if fetched is not None or done_before:  # otherwise whoever marks the last source moves the run on
            await self.stages.advance(plan, resend=done_before)

    async def _all_fetched(self, plan: Plan, mine: FetchResult) -> Mapping[SourceId, FetchResult] | None:
        """Return the results of all sources, None while one has none.

        What the invocation of `mine` costs is not counted in it yet: it is when it ends the run.
        """
        if len(plan.sources) == 1:
            return {mine.source: mine}
        if len(await self.runs.list_fetched(plan.tenant, plan.run)) < len(plan.sources):
            return None
        return {**await self.runs.list_fetch_results(plan.tenant, plan.run), mine.source: mine}

    async def _result(
        self, plan: Plan, context: TenantContext, job: FetchJob, counters: RequestCounters, *, last_delivery: bool
    ) -> FetchResult | None:
        """Return how reading ended; None if it goes on in a new message, which is enqueued then."""
        try:
            return await self._read(plan, context, job)
        except _OutOfTime as out:
            spent = msgspec.structs.replace(
                out.checkpoint,
                directory_requests=out.checkpoint.directory_requests + counters.directory_requests,
                storage_requests=out.checkpoint.storage_requests + counters.storage_requests,
            )
            await self.runs.save_checkpoint(job, spent)
            await self.queue.fetch([job])
            return None
        except (Superseded, Contended):  # Contended: the message is put back, also at its last delivery
            raise
        except Unanswered as error:
            event("unanswered", tenant=job.tenant, run=job.run, source=job.source, code=error.code)
            if error.retry_after_s is None:
                return _failed(plan, job, error.code, str(error))
            again = msgspec.structs.replace(job, attempts_without_response=job.attempts_without_response + 1)
            await self.queue.fetch([again], delay_s=error.retry_after_s)
            return None
        except Transient as error:
            if not last_delivery:
                raise
            return _failed(plan, job, error.code, str(error))
        except (NeedsAttention, NotFound, Conflict) as error:
            return _failed(plan, job, error.code, str(error))

    async def _read(self, plan: Plan, context: TenantContext, job: FetchJob) -> FetchResult:
        first = FirstAnswer(self.patience, job.attempts_without_response)
        current = await self.snapshots.find_current(job.tenant, job.source)
        async with self.access.open_for_run(plan, context) as directory:
            if plan.mode is RunMode.INCREMENTAL and current and current.change_cursor:
                if current.scope == _scope(plan):
                    try:
                        result = await self._follow(job, directory, first, current, current.change_cursor)
                    except SnapshotIncomplete:
                        result = current = None  # nothing of it is used again
                    if result is not None:
                        return result
                event("listing_anew", tenant=job.tenant, run=job.run, source=job.source)
            return await self._list(plan, job, directory, first, current)

    async def _follow(
        self, job: FetchJob, directory: Directory, first: FirstAnswer, current: SnapshotManifest, change_cursor: str
    ) -> FetchResult | None:
        """Return the snapshot after what changed since `current`; None if only a full listing can tell.

        Raises: SnapshotIncomplete.
        """
        link: str | None = change_cursor
        seen: set[str] = set()
        latest = change_cursor
        changes: list[Patch] = []
        while link is not None:
            _guard_loop(link, seen)
            try:
                page = await first.hear(directory.changes(link))
            except DeltaLinkExpired:
                return None
            changes += page.changes
            if page.to_read:
                changes += await _read_by_id(directory, page.to_read)
            link, latest = page.next_cursor, page.change_cursor or latest
        read = FetchResult(source=job.source, outcome=FetchOutcome.COMPLETE)
        if not changes:
            return msgspec.structs.replace(read, snapshot=msgspec.structs.replace(current, change_cursor=latest))
        patches = Patches(changes)
        try:
            ref = await self._patched(job, current, patches)
        except Unnamed:
            return None
        changed = None
        if ref.attempt != current.attempt and is_few(len(patches.before) + len(patches.after), current.digest.users):
            changed = await self._changes(job, ref.attempt, current, patches)
        snapshot = msgspec.structs.replace(ref, change_cursor=latest)
        return msgspec.structs.replace(read, snapshot=snapshot, changes=changed)

    async def _changes(self, job: FetchJob, attempt: str, current: SnapshotManifest, patches: Patches) -> Changes:
        """Return what has changed, stored: swept with the pages of all snapshots but the one that becomes current."""
        pages = Staging(job, self.snapshots, f"{attempt}-changes")
        people = [*patches.before, *patches.after]
        for start in range(0, len(people), _PAGE_USERS):
            await pages.add(people[start : start + _PAGE_USERS])
        await pages.flush()
        return Changes(since=current.digest, pages=pages.ref, before=len(patches.before))

    async def _patched(self, job: FetchJob, current: SnapshotManifest, patches: Patches) -> SnapshotManifest:
        """Return a snapshot with what has changed, stored; the current one if nothing has.

        Only pages that somebody named may be on are read, and only those on which anything changes are written anew.
        Raises: Unnamed, SnapshotIncomplete.
        """
        marks = await load_page_index(self.snapshots, job.tenant, current)
        rewriting = Rewriting.of(current, marks, Staging(job, self.snapshots, self.ids.new_attempt_id()))
        touched = await rewriting.showing(await looked_for(patches.people))
        async for mark, users in rewriting.read(touched):
            async with turn():
                left, gone, come = patches.on_page(users)
            if gone:
                await rewriting.replace(mark, left, gone, come)
        newcomers = patches.newcomers()
        for start in range(0, len(newcomers), _PAGE_USERS):
            await rewriting.add(newcomers[start : start + _PAGE_USERS])
        return await rewriting.done() if patches.before or patches.after else current

    async def _list(
        self, plan: Plan, job: FetchJob, directory: Directory, first: FirstAnswer, current: SnapshotManifest | None
    ) -> FetchResult:
        checkpoint = await self.runs.find_checkpoint(job)
        if checkpoint and checkpoint.digest.outdated:
            checkpoint = None
        for _ in range(_MAX_RESTARTS):
            try:
                ref = await self._pages(plan, job, directory, first, checkpoint, current)
            except (PageTokenExpired, DeltaLinkExpired, SnapshotIncomplete):
                # SnapshotIncomplete: two deliveries continued from one checkpoint, and each replaced pages of the other
                checkpoint = None  # what was read so far does not count: begin again, under a new attempt
                await self.runs.save_checkpoint(job, None)
            else:
                return FetchResult(
                    source=job.source,
                    outcome=FetchOutcome.COMPLETE,
                    snapshot=ref,
                    directory_requests=checkpoint.directory_requests if checkpoint else 0,
                    storage_requests=checkpoint.storage_requests if checkpoint else 0,
                )
        raise Transient(f"The listing expired {_MAX_RESTARTS} times in a row while it was read.", code="page_expired")

    async def _pages(
        self,
        plan: Plan,
        job: FetchJob,
        directory: Directory,
        first: FirstAnswer,
        checkpoint: FetchCheckpoint | None,
        current: SnapshotManifest | None,
    ) -> SnapshotManifest:
        started_s = self.clock.monotonic_s()
        source = plan.sources[job.source]
        link: str | None = None
        listing = Listing(directory=directory, source=source, managers=_with_managers(plan, source, directory))
        if checkpoint:
            staging = Staging(job, self.snapshots, checkpoint.attempt, checkpoint.digest)
            listing.change_cursor, link = checkpoint.change_cursor, checkpoint.next_cursor
            listing.removed.update(checkpoint.removed)
        else:
            staging = Staging(job, self.snapshots, self.ids.new_attempt_id())
            await first.hear(listing.begin())
        seen: set[str] = set()
        while True:
            users, link = await first.hear(listing.page(link))
            await staging.add(users)
            if link is None:
                found = None
                if listing.managers:
                    found = await once_each(staging, listing.removed, self.ids.new_attempt_id())
                found = found or await self._settle(plan, staging, current)
                return msgspec.structs.replace(found, change_cursor=listing.change_cursor, scope=_scope(plan))
            _guard_loop(link, seen)
            if self.clock.monotonic_s() - started_s > BUDGET_SHARE * self.budget_s:
                await staging.flush()
                raise _OutOfTime(
                    FetchCheckpoint(
                        attempt=staging.attempt,
                        next_cursor=link,
                        digest=staging.digest,
                        change_cursor=listing.change_cursor,
                        removed=tuple(sorted(listing.removed)),
                        directory_requests=checkpoint.directory_requests if checkpoint else 0,
                        storage_requests=checkpoint.storage_requests if checkpoint else 0,
                    )
                )

    async def _settle(self, plan: Plan, staging: Staging, current: SnapshotManifest | None) -> SnapshotManifest:
        """Return a listing's pages as a snapshot, all of them stored; the current one if nothing has changed."""
        if current and staging.untouched and await self._is_as_good(plan, current, staging.digest):
            return current
        await staging.flush()
        return staging.ref

    async def _is_as_good(self, plan: Plan, stored: SnapshotManifest, listed: SnapshotDigest) -> bool:
        """Tell whether pages that are stored need not be replaced by those of a listing.

        A full run looks whether they are all there.
        """
        if not stored.digest.same_content(listed) or stored.digest.pages > _MOST_PIECES * max(1, listed.pages):
            return False
        if plan.mode is RunMode.FULL:
            try:
                await load_page_index(self.snapshots, plan.tenant, stored)
            except SnapshotIncomplete:
                return False
        return True


def _with_managers(plan: Plan, source: Source, directory: Directory) -> bool:
    wanted = source.group is None and plan.preferences.attributes.manager
    return wanted and Capability.MANAGERS in directory.capabilities


def _scope(plan: Plan) -> str:
    return scope_of(plan.connection, managers=plan.preferences.attributes.manager)


async def _read_by_id(directory: Directory, people: Sequence[ObjectId]) -> list[Patch]:
    """Return users of whom the directory said only that they changed, as they are now; None for those it lacks."""
    found = {user.id: user for user in await directory.users_by_id(people)}
    return [(person, fields_of(found[person]) if person in found else None) for person in people]


def _guard_loop(link: str, seen: set[str]) -> None:
    if link in seen or len(seen) >= _MAX_PAGES:
        raise Conflict(
            f"The directory returned the same page twice, or more than {_MAX_PAGES} pages.",
            code="link_loop",
        )
    seen.add(link)


def _failed(plan: Plan, job: FetchJob, code: str, detail: str) -> FetchResult:
    problem = Problem(concerns=plan.sources[job.source].subject, code=code, detail=detail)
    return FetchResult(source=job.source, outcome=FetchOutcome.FAILED, problem=problem)
