"""Imports of CSV files."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Self

from msgspec import UNSET, UnsetType

from shared.domain.ids import ImportId, LocationId, RunId
from shared.domain.imports.csv_file import RowProblem
from shared.domain.imports.large_import import Import, ImportState, Outcome
from shared.domain.imports.row_decisions import ImportMode
from shared.domain.problem import Problem
from shared.domain.recipient import Counts
from shared.triggers.http.schemas.base import View
from shared.triggers.http.schemas.runs import RunView
from shared.workflows.imports.small_import import ImportReport


class RowView(View, frozen=True, kw_only=True):
    """A refused row of a file and the reason."""

    line: int
    code: str
    detail: str

    @classmethod
    def of(cls, row: RowProblem) -> Self:
        """Create the view of a row."""
        return cls(line=row.line, code=row.code, detail=row.detail)


class ImportView(View, frozen=True, kw_only=True):
    """The result of an import, or of its preview."""

    rows: int
    counts: Counts
    unchanged: int
    refused: Sequence[RowView]
    refused_rows: int
    held: int
    held_digest: str | None
    run: RunView | None

    @classmethod
    def of(cls, report: ImportReport) -> Self:
        """Create the view of a report."""
        return cls(
            rows=report.rows,
            counts=report.counts,
            unchanged=report.unchanged,
            refused=[RowView.of(row) for row in report.refused],
            refused_rows=report.refused_rows,
            held=report.held,
            held_digest=report.held_digest,
            run=RunView.of(report.run) if report.run else None,
        )


class LargeImportView(View, frozen=True, kw_only=True):
    """The state of a large import, and its result once it has ended."""

    id: ImportId
    location: LocationId
    mode: ImportMode
    state: ImportState
    requested_by: str
    at: datetime
    run: RunId | None
    problem: Problem | None
    rows: int
    unchanged: int
    refused_rows: int
    problems: Sequence[RowView]
    held: int
    held_digest: str | None
    #: Size of the uploaded parts in bytes, by part number; missing in the response that creates the import.
    received: dict[str, int] | UnsetType = UNSET

    @classmethod
    def of(cls, stored: Import, sizes: Mapping[int, int] | None = None) -> Self:
        """Create the view of an import. The result is empty until the import has ended."""
        outcome = stored.outcome if stored.outcome is not None and stored.state.ended else None
        result = outcome or Outcome(state=stored.state)
        return cls(
            id=stored.id,
            location=stored.location,
            mode=stored.mode,
            state=stored.state,
            requested_by=stored.by,
            at=stored.at,
            run=stored.run,
            problem=result.problem,
            rows=result.rows,
            unchanged=result.unchanged,
            refused_rows=result.refused_rows,
            problems=[RowView.of(row) for row in result.problems],
            held=result.held,
            held_digest=result.held_digest,
            received=UNSET if sizes is None else {str(number): size for number, size in sorted(sizes.items())},
        )


class PartView(View, frozen=True, kw_only=True):
    """An uploaded part of a file."""

    number: int
    bytes: int
