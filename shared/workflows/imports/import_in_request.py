"""Import inside a request: a file of few rows is imported while the caller waits. Larger files are uploaded."""

from contextlib import closing
from typing import IO

import msgspec
from msgspec.structs import asdict

from shared.domain.access.idempotency import IdempotentRequest
from shared.domain.ids import ImportId, LocationId, RunId, TenantId
from shared.domain.imports.csv_file import Reading
from shared.domain.imports.import_record import MAX_ROWS_IN_REQUEST, UPLOAD_INSTEAD, Import, ImportState, Outcome
from shared.domain.imports.row_decisions import ImportMode
from shared.domain.preferences.group_mapping import Location
from shared.domain.recipient import Counts
from shared.domain.run import LocationReport, Run, RunKind
from shared.errors import Conflict, Superseded
from shared.runtime.optimistic_update import optimistic_update
from shared.telemetry import event
from shared.workflows.idempotency import Idempotency
from shared.workflows.imports.file_import import FileImport
from shared.workflows.imports.order import ImportOrder
from shared.workflows.imports.row_matcher import IN_MEMORY, RowMatcher
from shared.workflows.recipients.manual_changes import ManualChanges


class ImportReport(Outcome, frozen=True, kw_only=True):
    """The outcome of an import, or of its preview, and what was or would be written. `run` is None without a change."""

    counts: Counts
    run: Run | None = None


class ImportInRequest(msgspec.Struct, frozen=True, kw_only=True):
    """Imports files of at most MAX_ROWS_IN_REQUEST rows."""

    files: FileImport
    order: ImportOrder
    manual: ManualChanges
    idempotency: Idempotency

    async def __call__(
        self,
        tenant: TenantId,
        location: LocationId,
        file: IO[bytes],
        mode: ImportMode,
        approved: str,
        by: str,
        repeatable: IdempotentRequest | None = None,
        reading: Reading | None = None,
    ) -> ImportReport:
        """Import all rows or none, and return the report. A repeated `repeatable` request returns the same report.

        `approved` is the approval digest of deactivations that an earlier import reported as held, empty for none.

        Raises:
            NotFound: The tenant or the location does not exist.
            TooLarge: The file has too many rows (`too_many_rows`).
            RowsRefused: Rows are invalid.
            Rejected: The file is not CSV, or the key was used for another request.
            Conflict: A sync uses the location (`run_active`), an uploaded file is being imported that this one would
                overwrite (`import_active`), or the same request is being processed.
            Contended: Other changes of the location came first at every attempt.
        """
        stored = await self.manual.require_location(tenant, location)
        wanted = self._wanted(tenant, stored, mode, approved, by, reading)
        if repeatable is None:
            return await self._import(wanted, file, self.manual.new_run())
        async with self.idempotency.reserve(tenant, repeatable) as reservation:
            if reservation.is_first:
                report = await self._import(wanted, file, reservation.run)
                reservation.keep_answer(msgspec.json.encode(report))
                return report
            if reservation.record.answer is None:
                raise Conflict(
                    "The same request is being processed. Wait, then send it again.", code="request_in_progress"
                )
            return msgspec.json.decode(reservation.record.answer, type=ImportReport)

    async def preview(
        self,
        tenant: TenantId,
        location: LocationId,
        file: IO[bytes],
        mode: ImportMode,
        approved: str,
        reading: Reading | None = None,
    ) -> ImportReport:
        """Return the report that an import would have now, and write nothing. Raises the same errors."""
        stored = await self.manual.require_location(tenant, location)
        return await self._import(self._wanted(tenant, stored, mode, approved, "", reading), file, None)

    def _wanted(
        self, tenant: TenantId, location: Location, mode: ImportMode, approved: str, by: str, reading: Reading | None
    ) -> Import:
        """Return an import that is not stored: it begins and ends with the request."""
        id_, now = ImportId(""), self.manual.clock.now()
        state = ImportState.WORKING
        return Import(
            tenant=tenant,
            location=location.id,
            id=id_,
            mode=mode,
            by=by,
            state=state,
            at=now,
            approved=approved,
            reading=(reading or Reading()).at(location),
        )

    async def _import(self, wanted: Import, file: IO[bytes], run: RunId | None) -> ImportReport:
        """Import the file as a run, or only return the report if `run` is None or nothing would change."""
        with closing(RowMatcher(IN_MEMORY)) as matcher:
            await self.files.check(wanted, matcher, file, MAX_ROWS_IN_REQUEST, UPLOAD_INSTEAD)
            outcome, report = await self.files.preview(wanted, matcher)
            if run is None:
                return ImportReport(**asdict(outcome), counts=report.counts)
            if not outcome.look_alikes and (report.counts != Counts() or outcome.held):
                return await self._recorded(wanted, run, matcher)
        if outcome.look_alikes:
            return _unconfirmed(outcome)
        await self.files.remember(wanted)
        return ImportReport(**asdict(outcome), counts=report.counts)

    async def _recorded(self, wanted: Import, run: RunId, matcher: RowMatcher) -> ImportReport:
        """Write the rows as an announced run, and return the report."""
        if wanted.mode is ImportMode.OVERWRITE:
            await self.order.require_last(wanted.tenant, wanted.location)
        async with self.manual.announced(wanted.tenant, run, RunKind.IMPORT, wanted.by, [wanted.location]):
            outcome, report = await self._apply(wanted, run, matcher)
            if outcome.look_alikes or (report.counts == Counts() and not outcome.held):
                await self.manual.close(wanted.tenant, run)  # another change came first, and nothing was written
                return (
                    _unconfirmed(outcome) if outcome.look_alikes else ImportReport(**asdict(outcome), counts=Counts())
                )
            decision = outcome.decision(wanted.by, self.manual.clock.now())
            recorded = await self.manual.record(wanted.tenant, run, {wanted.location: report}, decision)
        await self.files.remember(wanted)
        counts = asdict(recorded.counts)
        event("imported", tenant=wanted.tenant, run=run, location=wanted.location, rows=outcome.rows, **counts)
        return ImportReport(**asdict(outcome), counts=recorded.counts, run=recorded)

    @optimistic_update
    async def _apply(self, wanted: Import, run: RunId, matcher: RowMatcher) -> tuple[Outcome, LocationReport]:
        """Write the rows. If another change of the location comes in between, write the rest."""
        try:
            outcome, report, _ = await self.files.apply(wanted, run, matcher)
        except Superseded as error:
            raise await self.manual.lost_race(wanted.tenant, wanted.location) from error
        return outcome, report


def _unconfirmed(outcome: Outcome) -> ImportReport:
    """Return the report of an import that waits for the confirmation of look-alikes."""
    return ImportReport(**asdict(msgspec.structs.replace(outcome, unchanged=0)), counts=Counts())
