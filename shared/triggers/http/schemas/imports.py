"""Imports."""

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
    """What is wrong with a row of a file, or why it was not applied."""

    line: int
    code: str
    detail: str

    @classmethod
    def of(cls, row: RowProblem) -> Self:
        """Return what the API shows of a row."""
        return cls(line=row.line, code=row.code, detail=row.detail)


class ImportView(View, frozen=True, kw_only=True):
    """What an import did, or would do."""

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
        """Return a report as the API shows it."""
        return cls(
            rows=report.rows,
            counts=report.counts,
            unchanged=report.unchanged,
            refused=[RowView.of(each) for each in report.refused],
            refused_rows=report.refused_rows,
            held=report.held,
            held_digest=report.held_digest,
            run=RunView.of(report.run) if report.run else None,
        )


class LargeImportView(View, frozen=True, kw_only=True):
    """Where an import of a large file is, and what became of its rows once it has ended."""

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
    #: Bytes of each part that has arrived, by its number; not told of one that was just begun.
    received: dict[str, int] | UnsetType = UNSET

    @classmethod
    def of(cls, found: Import, sizes: Mapping[int, int] | None = None) -> Self:
        """Return an import as the API shows it; what came of one that has not ended is not known yet."""
        outcome = found.outcome if found.outcome is not None and found.state.ended else None
        known = outcome or Outcome(state=found.state)
        return cls(
            id=found.id,
            location=found.location,
            mode=found.mode,
            state=found.state,
            requested_by=found.by,
            at=found.at,
            run=found.run,
            problem=known.problem,
            rows=known.rows,
            unchanged=known.unchanged,
            refused_rows=known.refused_rows,
            problems=[RowView.of(each) for each in known.problems],
            held=known.held,
            held_digest=known.held_digest,
            received=UNSET if sizes is None else {str(number): size for number, size in sorted(sizes.items())},
        )


class PartView(View, frozen=True, kw_only=True):
    """A part of a file that has arrived."""

    number: int
    bytes: int
