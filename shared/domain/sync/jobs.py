"""Jobs: one queue message's worth of work, the queue of each kind, and the results that say how each ended.

A message carries ids only. What a job found is in its result, a row that is inserted once and never changed: the
first attempt to insert wins, so a message delivered twice changes nothing.
"""

from enum import StrEnum
from typing import ClassVar, Final, get_args

import msgspec

from shared.domain.ids import ImportId, LocationId, ObjectId, RunId, SourceId, TenantId
from shared.domain.problem import Problem
from shared.domain.recipient import Change, Counts
from shared.domain.reconcile.candidate import Candidate
from shared.domain.run import RunMode
from shared.domain.snapshots.changeset import Changes
from shared.domain.snapshots.snapshot import SnapshotDigest, SnapshotManifest

#: Part of a job's time budget after which it goes on in a new message.
BUDGET_SHARE: Final = 0.6
#: Longest time of writing in one message, in seconds, where reading took as long; host.json ends a function at 600.
MAX_WRITING_S: Final = 240.0


def writing_time_s(budget_s: float, else_s: float) -> float:
    """Return how long one message may write, in seconds: a budget, and at least as long as all else took.

    The next message does all else once more, which so costs at most as much as the work; up to `MAX_WRITING_S`.
    """
    return max(budget_s, min(else_s, MAX_WRITING_S))


class SyncRequest(msgspec.Struct, frozen=True, kw_only=True):
    """Start a run. `request` is the same however often the message is delivered."""

    queue: ClassVar[str] = "sync-requests"

    tenant: TenantId
    mode: RunMode
    request: str
    requested_by: str


class FetchJob(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Read one source."""

    queue: ClassVar[str] = "fetch-jobs"

    tenant: TenantId
    run: RunId
    source: SourceId
    #: How many earlier messages of this job got no answer of the directory.
    attempts_without_response: int = 0


class ReconcileJob(msgspec.Struct, frozen=True, kw_only=True):
    """Bring one location in line with the snapshots."""

    queue: ClassVar[str] = "reconcile-jobs"

    tenant: TenantId
    run: RunId
    location: LocationId
    #: Requests that this job has sent in earlier messages, which ran out of time.
    storage_requests: int = 0


class DeactivateJob(msgspec.Struct, frozen=True, kw_only=True):
    """Verify, guard and deactivate the candidates of all locations, then finish the run."""

    queue: ClassVar[str] = "retire-jobs"

    tenant: TenantId
    run: RunId


class ImportJob(msgspec.Struct, frozen=True, kw_only=True):
    """Apply the rows of an uploaded file to one location."""

    queue: ClassVar[str] = "import-jobs"

    tenant: TenantId
    run: RunId
    location: LocationId
    import_id: ImportId


#: What a message says.
Job = SyncRequest | FetchJob | ReconcileJob | DeactivateJob | ImportJob
#: The queue of every kind of job.
QUEUES: Final[tuple[str, ...]] = tuple(kind.queue for kind in get_args(Job))
#: Ends the name of the queue to which the host moves messages that failed on every delivery.
POISON_SUFFIX: Final = "-poison"
#: The queues that messages of jobs can be in. Each has a trigger.
ALL_QUEUES: Final = (*QUEUES, *(f"{queue}{POISON_SUFFIX}" for queue in QUEUES))


class FetchCheckpoint(msgspec.Struct, frozen=True, kw_only=True):
    """Where a fetch that ran out of its time budget goes on, in a new message."""

    attempt: str
    next_cursor: str
    digest: SnapshotDigest
    #: The delta token that was taken before the first page.
    change_cursor: str | None = None
    #: Who was listed and then taken back.
    removed: tuple[ObjectId, ...] = ()
    directory_requests: int = 0
    storage_requests: int = 0


class FetchOutcome(StrEnum):
    """How reading a source ended."""

    COMPLETE = "complete"
    FAILED = "failed"


class FetchResult(msgspec.Struct, frozen=True, kw_only=True):
    """How reading a source ended. `snapshot` is set when, and only when, the outcome is `complete`."""

    source: SourceId
    outcome: FetchOutcome
    snapshot: SnapshotManifest | None = None
    #: What has changed since the snapshot before, where that is known and little.
    changes: Changes | None = None
    problem: Problem | None = None
    directory_requests: int = 0
    storage_requests: int = 0


class ReconcileResult(msgspec.Struct, frozen=True, kw_only=True):
    """What reconciling a location found and wrote."""

    location: LocationId
    counts: Counts
    #: Active recipients of origin `directory` before anybody was deactivated: the baseline of the guard.
    baseline: int
    active: int
    candidates: tuple[Candidate, ...] = ()
    #: How many candidates there are beyond those named; a later run finds them again.
    unnamed_candidates: int = 0
    #: Whether a source of the location was not read completely, so that nobody can be called absent there.
    partial: bool = False
    compared: bool = True
    #: Hash of everything the decision depended on; None when it was partial.
    input_fingerprint: str | None = None
    #: The first of those skipped, with their reasons; `counts.skipped` has their number.
    skipped: tuple[Change, ...] = ()
    #: In a preview, the first of what a run would write; `counts` has their numbers.
    previewed: tuple[Change, ...] = ()
    problem: Problem | None = None
    storage_requests: int = 0

    @property
    def is_up_to_date(self) -> bool:
        """Whether the location's recipients are what follows from its inputs."""
        return self.input_fingerprint is not None and not self.candidates and not self.unnamed_candidates
