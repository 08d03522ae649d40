"""Missing group: what a 404 for a mapped group means. It counts as empty only once it is certain that it is gone."""

import msgspec

from shared.domain.directory import Source
from shared.domain.problem import ErrorCategory, Problem
from shared.domain.run import Plan, RunMode
from shared.domain.snapshots.collector import Collector
from shared.domain.snapshots.snapshot import SnapshotManifest
from shared.domain.sync.fingerprints import snapshot_scope
from shared.domain.sync.jobs import FetchJob, FetchOutcome, FetchResult
from shared.domain.unread_source import UnreadSource
from shared.errors import NotFound, SyncError
from shared.ports.directory import Directory
from shared.ports.platform import Clock
from shared.workflows.snapshots.draft import believe
from shared.workflows.snapshots.merger import SnapshotMerger


class MissingGroup(msgspec.Struct, frozen=True, kw_only=True):
    """Decides what a group that was not found means."""

    merger: SnapshotMerger
    clock: Clock

    async def __call__(
        self,
        plan: Plan,
        job: FetchJob,
        directory: Directory,
        current: SnapshotManifest | None,
        known: UnreadSource | None,
        error: NotFound,
    ) -> FetchResult | None:
        """Return the result of a group that the directory does not have; None if it may have it.

        The group is unread at first. If it was missing for `GONE_AFTER`, and is missing again, it no longer exists: it
        is read as empty. Both times another request must succeed, one that looks for the group in the list of groups.
        If that fails, or finds the group, the `error` is not believed.
        """
        source = plan.sources[job.source]
        if source.group is None or not await _is_missing(directory, source):
            return None
        if known is None or not known.is_gone(self.clock.now()):
            problem = Problem(concerns=source.subject, code=error.code, detail=str(error), category=ErrorCategory.OURS)
            return FetchResult(
                source=job.source, outcome=FetchOutcome.FAILED, problem=problem, refused=True, missing=True
            )
        new = SnapshotManifest(source=job.source, attempt="", conclusive=True)
        manifest, changed = await self.merger.built(
            job.tenant, new, Collector(job.source), current, believe, every_row=plan.mode is RunMode.FULL
        )
        return FetchResult(
            source=job.source,
            outcome=FetchOutcome.COMPLETE,
            snapshot=msgspec.structs.replace(manifest, scope=snapshot_scope(plan)),
            since=current.fingerprint if current is not None else None,
            changed=changed,
            missing=True,
            warnings=(_gone(source),),
        )


async def _is_missing(directory: Directory, source: Source) -> bool:
    """Return whether the directory answers that it does not have the group, in another way than by a 404."""
    try:
        return source.group is not None and not await directory.groups_by_id([source.group])
    except SyncError:
        return False


def _gone(source: Source) -> Problem:
    return Problem(
        concerns=source.subject,
        code="group_gone",
        detail="The directory has not had this group for more than a day, so it counts as empty. Remove it from the "
        "mapping.",
        category=ErrorCategory.OURS,
    )
