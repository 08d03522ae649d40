"""Import CSV: rows of a file become recipients of one location, all of them checked before any is written."""

from collections.abc import Sequence
from typing import IO, Final

import msgspec

from shared.domain.access.idempotency import IdempotentRequest
from shared.domain.ids import LocationId, RunId, TenantId
from shared.domain.imports.csv_file import Row, RowProblem, rows
from shared.domain.imports.row_decisions import ImportDecision, ImportMode, decide_import, duplicates
from shared.domain.preferences.preferences import Preferences
from shared.domain.recipient import Counts, Origin, Recipient
from shared.domain.reconcile.decide import Write
from shared.domain.reconcile.departures import deactivations
from shared.domain.reconcile.guard import Loss, breaches, digest
from shared.domain.run import Run, RunKind
from shared.errors import Conflict, Rejected
from shared.ports.tenants import SettingsStore
from shared.telemetry import event
from shared.workflows.idempotency import Idempotency
from shared.workflows.recipients.manual_changes import ManualChanges

#: Rows of one file: what is surely written before a request times out.
MAX_ROWS: Final = 50_000
#: How many problems a report names.
_NAMED: Final = 1_000


class ImportReport(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What an import did, row by row where it did not do what the row says."""

    rows: int
    #: What was written, or, of a preview, would be.
    counts: Counts
    unchanged: int
    #: Rows that were not applied, with the reason; the first of them, and how many there are.
    refused: tuple[RowProblem, ...]
    refused_rows: int
    #: With `overwrite`: how many recipients the file lacks whose deactivation the guard holds, and what approves it.
    held: int
    held_digest: str | None
    run: Run | None


class ImportRefused(Rejected):
    """Nothing was written, because rows are wrong; the problems say which."""

    def __init__(self, problems: Sequence[RowProblem]) -> None:
        super().__init__(
            f"{len(problems)} rows are wrong; nothing was imported. The first is line {problems[0].line}: "
            f"{problems[0].detail}",
            code="rows_refused",
        )
        self.problems = tuple(problems[:_NAMED])


class ImportCsv(msgspec.Struct, frozen=True, kw_only=True):
    """Imports files."""

    settings: SettingsStore
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
    ) -> ImportReport:
        """Leave the rows applied, and return the report. Imported again it changes nothing.

        `approved` is the digest of a set that the guard has held before, empty for none. The same `repeatable`
        request again is answered with the same report.
        Raises: ImportRefused; Rejected (`invalid_csv`, `too_many_rows`, `idempotency_key_reused`); NotFound; Conflict
        (`run_active`; `request_in_progress` while the same request is worked off).
        """
        await self.manual.require_location(tenant, location)
        if repeatable is None:
            return await self._import(tenant, location, file, mode, approved, by, self.manual.new_run())
        async with self.idempotency.reserve(tenant, repeatable) as reservation:
            if reservation.is_first:
                report = await self._import(tenant, location, file, mode, approved, by, reservation.run)
                reservation.keep_answer(msgspec.json.encode(report))
                return report
            if reservation.record.answer is None:
                raise Conflict(
                    "The same request is just being worked off; wait, then send it again.", code="request_in_progress"
                )
            return msgspec.json.decode(reservation.record.answer, type=ImportReport)

    async def preview(
        self, tenant: TenantId, location: LocationId, file: IO[bytes], mode: ImportMode, approved: str
    ) -> ImportReport:
        """Return the report that an import would have now, without a run, and write nothing. Raises: as above."""
        await self.manual.require_location(tenant, location)
        wanted = _checked(file)
        outcome = _Outcome(location, wanted, await self.settings.get_preferences(tenant), mode, approved)
        writes = outcome.decide(await self.manual.stored(tenant, location))
        counts = Counts.of([each.change for each in writes])
        return _report(
            wanted, outcome.decision, held=outcome.held, held_digest=outcome.held_digest, run=None, counts=counts
        )

    async def _import(
        self,
        tenant: TenantId,
        location: LocationId,
        file: IO[bytes],
        mode: ImportMode,
        approved: str,
        by: str,
        run: RunId,
    ) -> ImportReport:
        wanted = _checked(file)
        preferences = await self.settings.get_preferences(tenant)
        seen = decide_import(wanted, await self.manual.stored(tenant, location), preferences, mode)
        if not seen.writes and not seen.leaving:
            return _report(wanted, seen, held=0, held_digest=None, run=None, counts=Counts())
        outcome = _Outcome(location, wanted, preferences, mode, approved)
        report = await self.manual.write(tenant, run, location, by, outcome.decide)
        made = await self.manual.record(tenant, run, RunKind.IMPORT, by, {location: report})
        event(
            "imported",
            tenant=tenant,
            run=run,
            location=location,
            rows=len(wanted),
            **msgspec.structs.asdict(made.counts),
        )
        return _report(
            wanted, outcome.decision, held=outcome.held, held_digest=outcome.held_digest, run=made, counts=made.counts
        )


class _Outcome:
    """What an import decides once it holds the location."""

    def __init__(
        self, location: LocationId, wanted: Sequence[Row], preferences: Preferences, mode: ImportMode, approved: str
    ) -> None:
        self._location = location
        self._wanted = wanted
        self._preferences = preferences
        self._mode = mode
        self._approved = approved
        self.decision: ImportDecision
        self.held = 0
        self.held_digest: str | None = None

    def decide(self, stored: Sequence[Recipient]) -> Sequence[Write]:
        """Return what to write; deactivations that exceed the guard are held unless this very set is approved."""
        self.decision = decide_import(self._wanted, stored, self._preferences, self._mode)
        leaving = self.decision.leaving
        loss = Loss(location=self._location, baseline=self.decision.baseline, candidates=len(leaving))
        known = digest((self._location, each) for each in leaving)
        if leaving and breaches([loss], self._preferences.guard) and known != self._approved:
            self.held, self.held_digest = len(leaving), known
            return self.decision.writes
        gone = deactivations(leaving, {each.id: each for each in stored}, Origin.CSV)
        return (*self.decision.writes, *gone)


def _checked(file: IO[bytes]) -> list[Row]:
    """Return the rows of a file. Raises: ImportRefused with every row that is wrong; Rejected."""
    good: list[Row] = []
    wrong: list[RowProblem] = []
    for each in rows(file):
        if isinstance(each, Row):
            good.append(each)
        else:
            wrong.append(each)
        if len(good) + len(wrong) > MAX_ROWS:
            message = f"The file has more than {MAX_ROWS} rows; send it in parts, with POST .../imports."
            raise Rejected(message, code="too_many_rows")
    wrong += duplicates(good)
    if wrong:
        raise ImportRefused(sorted(wrong, key=lambda each: each.line))
    return good


def _report(
    wanted: Sequence[Row],
    decision: ImportDecision,
    *,
    held: int,
    held_digest: str | None,
    run: Run | None,
    counts: Counts,
) -> ImportReport:
    return ImportReport(
        rows=len(wanted),
        unchanged=decision.unchanged,
        refused=decision.refused[:_NAMED],
        refused_rows=len(decision.refused),
        held=held,
        held_digest=held_digest,
        run=run,
        counts=counts,
    )
