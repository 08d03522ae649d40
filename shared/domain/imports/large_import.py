"""A large import: a file that is uploaded in parts, and what became of its rows."""

from datetime import datetime
from enum import StrEnum
from typing import Final, NamedTuple

import msgspec

from shared.domain.ids import ImportId, LocationId, RunId, TenantId
from shared.domain.imports.csv_file import RowProblem
from shared.domain.imports.row_decisions import ImportMode
from shared.domain.problem import Problem
from shared.domain.run import Run, RunKind, RunMode, RunState
from shared.domain.sync.jobs import ImportJob

#: Largest part, in bytes: a request's body is held in memory.
MAX_PART_BYTES: Final = 8 * 1024 * 1024
MAX_PARTS: Final = 100
#: Largest file, in bytes: it and its rows lie in the worker's temporary directory while they are checked.
MAX_FILE_BYTES: Final = 256 * 1024 * 1024
MAX_ROWS: Final = 1_000_000
#: How many problems a report names.
MAX_NAMED: Final = 1_000


class ImportState(StrEnum):
    """Where a large import is. The last three are ends; a held one can be started again."""

    UPLOADING = "uploading"
    #: Started; it waits for a worker, or for the end of a sync.
    WAITING = "waiting"
    WORKING = "working"
    DONE = "done"
    #: Every row is applied; the guard holds the deactivations until somebody approves them.
    HELD = "held"
    #: Nothing is written: rows are wrong, or it is no CSV; or it was given up.
    FAILED = "failed"

    @property
    def ended(self) -> bool:
        """Whether nothing more will happen by itself."""
        return self in {ImportState.DONE, ImportState.HELD, ImportState.FAILED}

    @property
    def has_file(self) -> bool:
        """Whether the file is stored."""
        return self not in {ImportState.DONE, ImportState.FAILED}


class ImportRef(NamedTuple):
    """Where an import lies."""

    tenant: TenantId
    location: LocationId
    id: ImportId


def ref_of(job: ImportJob) -> ImportRef:
    """Return where the import of a job lies."""
    return ImportRef(job.tenant, job.location, job.import_id)


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """How an import ends. It is decided before anything of the import is cleared away."""

    state: ImportState
    #: What ended it, if it failed.
    problem: Problem | None = None
    rows: int = 0
    unchanged: int = 0
    #: Rows that are wrong, or were not applied; the first of them by line.
    refused_rows: int = 0
    problems: tuple[RowProblem, ...] = ()
    held: int = 0
    held_digest: str | None = None


class Import(msgspec.Struct, frozen=True, kw_only=True):
    """One upload and its fate. The file itself is kept apart, and erased once the import is done or has failed."""

    tenant: TenantId
    location: LocationId
    id: ImportId
    mode: ImportMode
    #: Who asked for it.
    by: str
    state: ImportState
    #: When it was created, started, last worked on, or ended.
    at: datetime
    #: What the start has said: how many parts there are, and the SHA-256 of the file in hexadecimal.
    parts: int = 0
    sha256: str = ""
    #: The run that it is in the history; another one each time it is started.
    run: RunId | None = None
    started_at: datetime | None = None
    #: Digest of a set that the guard has held before and somebody has approved; empty for none.
    approved: str = ""
    #: Until when the worker that has it wants to be left alone by others; None while nobody has it.
    claimed_until: datetime | None = None
    outcome: Outcome | None = None
    storage_requests: int = 0

    @property
    def ref(self) -> ImportRef:
        """Where it lies."""
        return ImportRef(self.tenant, self.location, self.id)

    def job(self, run: RunId) -> ImportJob:
        """Return the message that works it off."""
        return ImportJob(tenant=self.tenant, run=run, location=self.location, import_id=self.id)


class ImportMark(msgspec.Struct, frozen=True, kw_only=True):
    """What a list of imports shows of each."""

    ref: ImportRef
    state: ImportState
    at: datetime


def failure(code: str, detail: str) -> Outcome:
    """Return the outcome of an import that failed."""
    return Outcome(state=ImportState.FAILED, problem=Problem(concerns="import", code=code, detail=detail))


def announced(started: Import) -> Run:
    """Return the run of an import as it stands in the history before anything is written. Raises: ValueError."""
    if started.run is None or started.started_at is None:
        raise ValueError("an import that was never started is no run")
    return Run(
        id=started.run,
        tenant=started.tenant,
        mode=RunMode.FULL,
        state=RunState.PLANNING,
        requested_at=started.started_at,
        requested_by=started.by,
        kind=RunKind.IMPORT,
    )


def ended_run(known: Run, ending: Import, at: datetime) -> Run:
    """Return the run of an import as it ends; what it has changed is known already."""
    outcome = ending.outcome
    failed = outcome is not None and outcome.state is ImportState.FAILED
    return msgspec.structs.replace(
        known,
        state=RunState.FAILED if failed else RunState.DONE,
        finished_at=at,
        problems=(outcome.problem,) if outcome is not None and outcome.problem is not None else (),
        held_digest=outcome.held_digest if outcome is not None else None,
        storage_requests=ending.storage_requests,
    )
