"""Jobs: the work of one queue message, the queue of every kind of job, and the results of jobs.

A message carries only ids. The outcome of a job is its result, a row that is inserted once and never changed. The first
insert wins, so a second delivery of a message changes nothing.
"""

from datetime import datetime
from enum import StrEnum
from typing import ClassVar, Final, get_args

import msgspec

from shared.domain.directory import Existence
from shared.domain.ids import ImportId, LocationId, ObjectId, RunId, SourceId, TenantId
from shared.domain.problem import Problem
from shared.domain.recipient import Change, Counts
from shared.domain.reconcile.candidate import Candidate
from shared.domain.reconcile.relink import Relink
from shared.domain.run import RunMode
from shared.domain.snapshots.snapshot import ChangedUsers, SnapshotManifest

#: Share of a job's time budget after which the job continues in a new message.
BUDGET_SHARE: Final = 0.6
#: Maximum writing time of one message, in seconds, after equally long reading; host.json ends a function at 600.
MAX_WRITING_S: Final = 240.0


def writing_time_s(budget_s: float, overhead_s: float) -> float:
    """Return the writing time of one message, in seconds: the budget, or the time of its other work if that is longer.

    The next message repeats the other work, which therefore takes at most as long as the writing. Beyond the budget,
    the writing time is limited to `MAX_WRITING_S`.
    """
    return max(budget_s, min(overhead_s, MAX_WRITING_S))


class SyncRequest(msgspec.Struct, frozen=True, kw_only=True):
    """Start a run. `request` is the same on every delivery of the message."""

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
    #: Number of earlier messages of this job to which the directory did not respond.
    attempts_without_response: int = 0
    #: Whether the directory refused an earlier message of this job.
    refused: bool = False
    #: When the login service refused the credentials of an earlier message, for the first time since a success.
    login_refused_at: datetime | None = None
    #: Number of earlier messages that read a round of changes, and got no clear answer about some of its people.
    unclear_rounds: int = 0

    @property
    def after_progress(self) -> "FetchJob":
        """The job after a message that has read and stored pages: earlier failures no longer count."""
        return FetchJob(tenant=self.tenant, run=self.run, source=self.source, unclear_rounds=self.unclear_rounds)


class ReconcileJob(msgspec.Struct, frozen=True, kw_only=True):
    """Update the recipients of one location from the snapshots."""

    queue: ClassVar[str] = "reconcile-jobs"

    tenant: TenantId
    run: RunId
    location: LocationId
    #: Number of requests that earlier messages of this job have sent before they ran out of time.
    storage_requests: int = 0
    #: Number of people to compare, if an earlier message found too few free slots for so large a comparison.
    large: int = 0


class DeactivateJob(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="step", tag="deactivate"):
    """Verify the candidates of all locations, apply the guard, deactivate, and finish the run.

    It shares the queue of reconcile jobs, because both write recipients. Its message names its `step`; theirs do not.
    """

    queue: ClassVar[str] = ReconcileJob.queue

    tenant: TenantId
    run: RunId
    #: Whether the directory refused an earlier message of this job.
    refused: bool = False
    #: When the login service refused the credentials of an earlier message, for the first time since a success.
    login_refused_at: datetime | None = None
    #: Ids of the `ExistenceAnswers` that earlier messages of this job have stored before they were interrupted.
    answers: tuple[str, ...] = ()

    def after_answers(self, stored: str) -> "DeactivateJob":
        """Return the job after a message that has stored answers: earlier failures no longer count."""
        return DeactivateJob(tenant=self.tenant, run=self.run, answers=(*self.answers, stored))


class ImportJob(msgspec.Struct, frozen=True, kw_only=True):
    """Apply the rows of an uploaded file to one location."""

    queue: ClassVar[str] = "import-jobs"

    tenant: TenantId
    run: RunId
    location: LocationId
    import_id: ImportId


#: The content of a queue message.
Job = SyncRequest | FetchJob | ReconcileJob | DeactivateJob | ImportJob
#: The queues of jobs. Each has a trigger.
QUEUES: Final[tuple[str, ...]] = tuple(dict.fromkeys(kind.queue for kind in get_args(Job)))
#: Suffix of the queue to which the host moves messages that failed on every delivery. The watchdog empties it.
POISON_SUFFIX: Final = "-poison"
#: All queues that can contain job messages.
ALL_QUEUES: Final = (*QUEUES, *(f"{queue}{POISON_SUFFIX}" for queue in QUEUES))


class FetchCheckpoint(msgspec.Struct, frozen=True, kw_only=True):
    """Checkpoint: where a fetch that hands over continues in a new message, and what it has read.

    Two deliveries that continue from one checkpoint write different segments, and a checkpoint names those of one.
    """

    #: None if no page was read (`pages` is 0), or all of them.
    next_cursor: str | None = None
    #: `SnapshotManifest.attempt` of the snapshot to which the changes belong; None for a listing.
    base: str | None = None
    #: Keys of the segments in order, each with its SHA-256.
    segments: tuple[tuple[str, bytes], ...] = ()
    #: Number of pages read; 0 in checkpoints of an earlier version, which are not used.
    pages: int = 0
    users: int = 0
    #: The change cursor that was requested before the first page.
    change_cursor: str | None = None
    conclusive: bool = True
    #: End of the wait that the directory asked for. Until then the watchdog does not send the job again.
    waits_until: datetime | None = None
    #: Why a full run could not list the source. It follows the changes since `base` instead.
    instead_of: Problem | None = None
    directory_requests: int = 0
    storage_requests: int = 0

    @property
    def is_read(self) -> bool:
        """Whether all pages were read, so that only people in doubt are left to be read by id."""
        return self.pages > 0 and self.next_cursor is None


class ExistenceAnswers(msgspec.Struct, frozen=True):
    """Answers of existence checks, by the ids of the groups that they concern, separated by spaces, and by person."""

    by_groups: dict[str, dict[ObjectId, Existence]] = msgspec.field(default_factory=dict)


class FetchOutcome(StrEnum):
    """How reading a source ended."""

    COMPLETE = "complete"
    FAILED = "failed"


class FetchResult(msgspec.Struct, frozen=True, kw_only=True):
    """The result of reading a source. `snapshot` is set if and only if the outcome is `complete`."""

    source: SourceId
    outcome: FetchOutcome
    snapshot: SnapshotManifest | None = None
    #: `SnapshotManifest.fingerprint` of the previous snapshot; None without one.
    since: str | None = None
    #: The users who differ from the previous snapshot; None if none do, or if they are unknown or too many.
    changed: ChangedUsers | None = None
    problem: Problem | None = None
    #: Whether the directory answered and did not let the source be read.
    refused: bool = False
    #: Whether the directory answered that it does not have the group. With the outcome `complete` the group is gone.
    missing: bool = False
    #: What the report names although the source could be read: lost permissions.
    warnings: tuple[Problem, ...] = ()
    #: Whether the changes of the source were followed because a full run could not list it.
    full_read_failed: bool = False
    directory_requests: int = 0
    storage_requests: int = 0


class ReconcileResult(msgspec.Struct, frozen=True, kw_only=True):
    """The result of reconciling a location: what was written, and the candidates for deactivation."""

    location: LocationId
    counts: Counts
    #: Number of active recipients of origin `directory` before deactivations: the baseline of the guard.
    baseline: int
    active: int
    candidates: tuple[Candidate, ...] = ()
    #: Number of further candidates that are not listed; a later run lists them.
    unnamed_candidates: int = 0
    #: Recipients whose account may be deleted; further ones are listed by a later run.
    relinks: tuple[Relink, ...] = ()
    #: Whether a source of the location was not read completely, so that an absence proof is missing.
    partial: bool = False
    compared: bool = True
    #: Number of active recipients whose e-mail address is not a valid one, before deactivations.
    invalid_addresses: int = 0
    #: Hash of everything the decision depended on; None if the result is partial.
    input_fingerprint: str | None = None
    #: The first skipped people, with their reasons; `counts.skipped` is their total number.
    skipped: tuple[Change, ...] = ()
    #: In a preview, the first changes that a run would write; `counts` has the total numbers.
    previewed: tuple[Change, ...] = ()
    problem: Problem | None = None
    storage_requests: int = 0

    @property
    def is_up_to_date(self) -> bool:
        """Whether the location's recipients match its inputs, with nothing left to ask the directory about."""
        return self.input_fingerprint is not None and not self.needs_directory

    @property
    def writes_later(self) -> bool:
        """Whether the deactivation stage may write at the location."""
        return bool(self.candidates or self.relinks)

    @property
    def needs_directory(self) -> bool:
        """Whether the directory has to be asked before the run can end."""
        return bool(self.candidates or self.unnamed_candidates or self.relinks)
