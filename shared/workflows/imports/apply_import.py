"""Job of an uploaded file: imports its rows into one location, in as many messages as it takes.

Every message reads and checks the whole file, decides under the location's fence, and writes until its time is up.
Rows that are already applied are unchanged. A sync does not wait: it takes the location, and the import continues
after it.
"""

import sqlite3
from contextlib import closing, suppress
from hashlib import sha256
from tempfile import TemporaryFile
from typing import IO, Final

import msgspec

from shared.domain.ids import RunId
from shared.domain.imports.import_record import MAX_ROWS, Import, ImportState, Outcome, failure
from shared.domain.problem import Problem
from shared.domain.sync.jobs import BUDGET_SHARE, ImportJob, writing_time_s
from shared.domain.versioned import Versioned
from shared.errors import Conflict, ETagConflict, Rejected, Superseded, Transient
from shared.ports.imports import ImportStore
from shared.ports.platform import Clock
from shared.ports.queues import JobSender
from shared.ports.tenants import SyncStateStore
from shared.telemetry import RequestCounters
from shared.workflows.imports.claim import Claim
from shared.workflows.imports.completion import ImportCompletion
from shared.workflows.imports.file_import import FileImport, RowsRefused
from shared.workflows.imports.order import ImportOrder
from shared.workflows.imports.row_matcher import ON_DISK, RowMatcher, in_thread
from shared.workflows.recipients.fenced_writer import OutOfTime
from shared.workflows.recipients.manual_changes import GivenUp

#: Wait before an import checks again whether a sync has ended, in seconds.
_BUSY_WAIT_S: Final = 30.0
#: Wait for free space on the worker's disk, in seconds.
_NO_DISK_WAIT_S: Final = 120.0


class ApplyImport(msgspec.Struct, frozen=True, kw_only=True):
    """Imports uploaded files."""

    files: FileImport
    imports: ImportStore
    sync_states: SyncStateStore
    queue: JobSender
    completion: ImportCompletion
    order: ImportOrder
    clock: Clock
    budget_s: float

    async def __call__(self, job: ImportJob, counters: RequestCounters) -> None:
        """Import the file and end the import, or enqueue its continuation.

        Raises:
            Superseded: The import has ended or was deleted.
            Transient: Writing is paused, a sync, an earlier import or another worker uses the location, or the worker's
                disk is full; the import waits.
            Rejected: Storage rejected a row; the import has failed.
        """
        stored = await self.completion.current(job)
        if stored.value.outcome is not None:
            await self.completion.close(stored)
            return
        claim = await self._claim(stored, counters)
        if claim is None:
            return
        try:
            async with claim.renewed():
                outcome = await self._import(claim.stored.value, job.run)
        except GivenUp as error:
            await self.completion.fail(job, error.problem)
            return
        except Rejected as error:
            await self.completion.fail(job, Problem(concerns="import", code=error.code, detail=str(error)))
            raise
        except (Conflict, Transient, OSError, sqlite3.OperationalError) as error:
            await self._release(claim.stored, counters)
            raise _wait(error) from error
        if outcome is None:
            await self._release(claim.stored, counters)
            await self.queue.send([job])
        else:
            await self.completion.end(claim.stored, outcome, counters.storage_requests)

    async def _claim(self, stored: Versioned[Import], counters: RequestCounters) -> Claim | None:
        """Claim the import when it is its turn. Return None if it was ended, because a newer one takes its place."""
        try:
            numbered = await self.order.enter(stored)
            superseded = await self.order.await_turn(numbered)
            if superseded is None:
                return await Claim.take(self.imports, self.clock, numbered)
            await self.completion.end(numbered, superseded, counters.storage_requests)
        except ETagConflict as error:
            raise _wait(error) from None
        return None

    async def _release(self, claimed: Versioned[Import], counters: RequestCounters) -> None:
        """Let other workers continue the import."""
        released = msgspec.structs.replace(
            claimed.value,
            state=ImportState.WAITING,
            claimed_until=None,
            at=self.clock.now(),
            storage_requests=claimed.value.storage_requests + counters.storage_requests,
        )
        with suppress(ETagConflict):  # it was ended or deleted
            await self.imports.replace(released, claimed.etag)

    async def _import(self, claimed: Import, run: RunId) -> Outcome | None:
        """Return the outcome of the import, None if time was up before.

        Raises Paused, or Superseded while a sync is active.
        """
        started_s = self.clock.monotonic_s()

        def begin_writing() -> OutOfTime:
            writing_s = self.clock.monotonic_s()
            limit_s = writing_time_s(BUDGET_SHARE * self.budget_s, writing_s - started_s)
            return lambda: self.clock.monotonic_s() - writing_s > limit_s

        state = (await self.sync_states.get(claimed.tenant)).value
        state.require_writing()
        if state.active_run is not None:
            raise Superseded("a sync is in progress", code="run_active")
        with closing(RowMatcher(ON_DISK)) as matcher, TemporaryFile() as file:
            if await self._read(claimed, file) != claimed.sha256:
                detail = (
                    "The uploaded file does not match its SHA-256: it is another one, or a part came after the start."
                )
                return failure("sha256_mismatch", f"{detail} Upload it again.")
            try:
                await self.files.check(claimed, matcher, file, MAX_ROWS, "Split it into several files.")
            except RowsRefused as error:
                return failure(error.code, str(error), matcher.rows, error.refused_rows, error.problems, matcher.notes)
            except Rejected as error:
                return failure(error.code, str(error))
            outcome, report, complete = await self.files.apply(claimed, run, matcher, begin_writing)
        await self.completion.note(claimed, report)
        if not complete:
            return None
        if not outcome.look_alikes:
            await self.files.remember(claimed)
        return outcome

    async def _read(self, claimed: Import, file: IO[bytes]) -> str:
        """Write the uploaded parts to a file, and return its SHA-256."""
        hash_ = sha256()
        for number in range(1, claimed.parts + 1):
            content = await self.imports.get_part(claimed.ref, number)
            await in_thread(hash_.update, content)
            await in_thread(file.write, content)
        return hash_.hexdigest()


def _wait(reason: Exception) -> Transient:
    """Return the error with which the job's message waits."""
    if isinstance(reason, Transient):
        return reason
    if isinstance(reason, Conflict):
        return Transient("A sync uses the location; the import waits.", code="run_active", retry_after_s=_BUSY_WAIT_S)
    message = f"The worker's temporary disk could not be used ({type(reason).__name__}); the import waits."
    return Transient(message, code="no_disk", retry_after_s=_NO_DISK_WAIT_S)
