"""An import: one file of rows for one location, its state and its outcome; and its run in the history."""

from datetime import datetime
from enum import StrEnum
from typing import Final, NamedTuple

import msgspec

from shared.domain.ids import ImportId, LocationId, RunId, TenantId
from shared.domain.imports.csv_file import FileNotes, Reading, RowProblem
from shared.domain.imports.row_decisions import ImportMode
from shared.domain.problem import Problem
from shared.domain.run import HeldDecision, Run, RunKind, RunMode, RunState
from shared.domain.sync.jobs import ImportJob

#: Maximum size of an uploaded part, in bytes. A request's body is kept in memory.
MAX_PART_BYTES: Final = 8 * 1024 * 1024
MAX_PARTS: Final = 100
#: Maximum size of an uploaded file, in bytes. File and rows are kept in the worker's temporary directory.
MAX_FILE_BYTES: Final = 256 * 1024 * 1024
#: Maximum number of rows of an uploaded file.
MAX_ROWS: Final = 1_000_000
#: Maximum number of rows that are imported inside a request.
MAX_ROWS_IN_REQUEST: Final = 5_000
#: What to do with a file that is too large for a request.
UPLOAD_INSTEAD: Final = "Upload the file in parts instead, with POST .../imports."
#: Maximum number of row problems in a report.
MAX_NAMED: Final = 1_000


class ImportState(StrEnum):
    """State of an uploaded import. The last three are final, but a held import can be started again."""

    UPLOADING = "uploading"
    #: Started; waits for a worker, an earlier import of the location, or the end of a sync.
    WAITING = "waiting"
    WORKING = "working"
    DONE = "done"
    #: All rows are applied, and deactivations above the guard's limits await approval; or no row is applied, and
    #: look-alikes do.
    HELD = "held"
    #: Rows are invalid or the file is not CSV, so nothing was written; or the import expired.
    FAILED = "failed"

    @property
    def ended(self) -> bool:
        """Whether the import stays in this state unless it is started again."""
        return self in {ImportState.DONE, ImportState.HELD, ImportState.FAILED}

    @property
    def is_running(self) -> bool:
        """Whether the import was started and has not ended."""
        return self in {ImportState.WAITING, ImportState.WORKING}

    @property
    def has_file(self) -> bool:
        """Whether the file is stored."""
        return self not in {ImportState.DONE, ImportState.FAILED}


class ImportRef(NamedTuple):
    """Address of an import."""

    tenant: TenantId
    location: LocationId
    id: ImportId


def ref_of(job: ImportJob) -> ImportRef:
    """Return the address of a job's import."""
    return ImportRef(job.tenant, job.location, job.import_id)


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """How an import ends. It is stored before the file is erased."""

    state: ImportState
    #: Why the import failed; None if it did not.
    problem: Problem | None = None
    rows: int = 0
    unchanged: int = 0
    #: Number of rows that are invalid or were not applied, and the first of them by line.
    refused_rows: int = 0
    problems: tuple[RowProblem, ...] = ()
    #: Number of deactivations that await approval, and the approval digest of these and of look-alikes.
    held: int = 0
    held_digest: str | None = None
    #: Number of look-alikes, and the first of them: while it is not 0, nothing is imported without a confirmation.
    look_alikes: int = 0
    look_alike_rows: tuple[RowProblem, ...] = ()
    #: How the file was read.
    notes: FileNotes = FileNotes()
    #: Whether a person has approved exactly the deactivations of the import.
    approved: bool = False

    def decision(self, by: str, at: datetime) -> HeldDecision | None:
        """Return the decision of a person that the run of the import follows; None without one."""
        return HeldDecision(approved=True, by=by, at=at) if self.approved else None


class Import(msgspec.Struct, frozen=True, kw_only=True):
    """One import. An uploaded file is stored separately, and erased once the import is done or has failed."""

    tenant: TenantId
    location: LocationId
    id: ImportId
    mode: ImportMode
    #: The requester.
    by: str
    state: ImportState
    #: When the import was created or started, when a worker last claimed it, or when it ended.
    at: datetime
    #: Number of parts and hexadecimal SHA-256 of the file, as given by the start request.
    parts: int = 0
    sha256: str = ""
    #: How the sender wants the file to be read.
    reading: Reading = Reading()
    #: Its run in the history; a new one at each start.
    run: RunId | None = None
    started_at: datetime | None = None
    #: Approval digest of held deactivations that a person has approved; empty for none.
    approved: str = ""
    #: End of the claim of the worker that processes the import; None if none does.
    claimed_until: datetime | None = None
    outcome: Outcome | None = None
    storage_requests: int = 0
    #: Number among the started imports of the location, which run in this order; 0 before the start.
    number: int = 0
    #: Whether the number is final: no import that was started before has a higher one.
    is_numbered: bool = False
    #: Whether a worker has begun with it.
    begun: bool = False
    #: Fencing token and sequence of the location's fence at the first start. What people change later is kept.
    since: tuple[int, int] | None = None
    #: Runs whose changes are older in spite of their position: earlier starts, and imports that ran at the first start.
    older: tuple[RunId, ...] = ()

    @property
    def ref(self) -> ImportRef:
        """Address of the import."""
        return ImportRef(self.tenant, self.location, self.id)

    def job(self, run: RunId) -> ImportJob:
        """Return the message whose job processes the import."""
        return ImportJob(tenant=self.tenant, run=run, location=self.location, import_id=self.id)


class ImportMark(msgspec.Struct, frozen=True, kw_only=True):
    """An entry in a list of imports."""

    ref: ImportRef
    state: ImportState
    at: datetime
    mode: ImportMode = ImportMode.MERGE
    run: RunId | None = None
    number: int = 0


def failure(
    code: str,
    detail: str,
    rows: int = 0,
    refused_rows: int = 0,
    problems: tuple[RowProblem, ...] = (),
    notes: FileNotes | None = None,
) -> Outcome:
    """Return the outcome of a failed import."""
    return Outcome(
        state=ImportState.FAILED,
        problem=Problem(concerns="import", code=code, detail=detail),
        rows=rows,
        refused_rows=refused_rows,
        problems=problems,
        notes=notes or FileNotes(),
    )


def announced(started: Import) -> Run:
    """Return the run of a started import before anything is written. Raises ValueError if it was not started."""
    if started.run is None or started.started_at is None:
        raise ValueError("the import was not started")
    return Run(
        id=started.run,
        tenant=started.tenant,
        mode=RunMode.FULL,
        state=RunState.PLANNING,
        requested_at=started.started_at,
        requested_by=started.by,
        kind=RunKind.IMPORT,
    )


def ended_run(known: Run, outcome: Outcome, storage_requests: int, at: datetime) -> Run:
    """Return the run at the end of its import. Its counts are already complete."""
    return msgspec.structs.replace(
        known,
        state=RunState.FAILED if outcome.state is ImportState.FAILED else RunState.DONE,
        finished_at=at,
        problems=() if outcome.problem is None else (outcome.problem,),
        held_digest=outcome.held_digest,
        decision=outcome.decision(known.requested_by, at),
        storage_requests=storage_requests,
    )
