"""Imports of CSV files."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Self

from msgspec import UNSET, UnsetType
from msgspec.structs import asdict

from shared.domain.ids import ImportId, LocationId, RunId
from shared.domain.imports.columns import UnusedColumn, UsedColumn
from shared.domain.imports.csv_file import RowProblem
from shared.domain.imports.import_record import Import, ImportState, Outcome
from shared.domain.imports.row_decisions import ImportMode
from shared.domain.problem import Problem
from shared.domain.recipient import Counts
from shared.triggers.http.schemas.base import View
from shared.triggers.http.schemas.runs import RunView
from shared.workflows.imports.import_in_request import ImportReport


class _ResultView(View, frozen=True, kw_only=True):
    """What every import reports."""

    rows: int
    unchanged: int
    refused_rows: int
    held: int
    held_digest: str | None
    look_alikes: int
    look_alike_rows: Sequence[RowProblem]
    #: Character encoding of the file, and names to look at if it was guessed.
    encoding: str
    guessed_names: Sequence[str]
    #: Columns that are used, with their fields, and those that are not, with the field that each resembles most.
    used_columns: Sequence[UsedColumn]
    unused_columns: Sequence[UnusedColumn]


def _result(outcome: Outcome) -> dict[str, Any]:
    notes = asdict(outcome.notes)
    return {name: notes.get(name, getattr(outcome, name, None)) for name in _ResultView.__struct_fields__}


class ImportView(_ResultView, frozen=True, kw_only=True):
    """The result of an import, or of its preview."""

    counts: Counts
    refused: Sequence[RowProblem]
    run: RunView | None

    @classmethod
    def of(cls, report: ImportReport) -> Self:
        """Create the view of a report."""
        return cls(
            **_result(report),
            counts=report.counts,
            refused=report.problems,
            run=RunView.of(report.run) if report.run else None,
        )


class UploadedImportView(_ResultView, frozen=True, kw_only=True):
    """The state of an uploaded import, and its result once it has ended."""

    id: ImportId
    location: LocationId
    mode: ImportMode
    state: ImportState
    requested_by: str
    at: datetime
    run: RunId | None
    problem: Problem | None
    problems: Sequence[RowProblem]
    #: Size of the uploaded parts in bytes, by part number; missing in the response that creates the import.
    received: dict[str, int] | UnsetType = UNSET

    @classmethod
    def of(cls, stored: Import, sizes: Mapping[int, int] | None = None) -> Self:
        """Create the view of an import. The result is empty until the import has ended."""
        outcome = stored.outcome if stored.outcome is not None and stored.state.ended else None
        result = outcome or Outcome(state=stored.state)
        return cls(
            **_result(result),
            id=stored.id,
            location=stored.location,
            mode=stored.mode,
            state=stored.state,
            requested_by=stored.by,
            at=stored.at,
            run=stored.run,
            problem=result.problem,
            problems=result.problems,
            received=UNSET if sizes is None else {str(number): size for number, size in sorted(sizes.items())},
        )


class PartView(View, frozen=True, kw_only=True):
    """An uploaded part of a file."""

    number: int
    bytes: int
