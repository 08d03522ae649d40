"""What the product decides about the rows of a file, without storage."""

from collections.abc import Iterable, Sequence
from contextlib import closing

import msgspec

from shared.domain.ids import LocationId, ObjectId
from shared.domain.imports.csv_file import Row, RowProblem
from shared.domain.imports.row_decisions import ImportMode
from shared.domain.preferences.preferences import Preferences
from shared.domain.recipient import ChangeKind, Recipient
from shared.domain.reconcile.candidate import Candidate
from shared.domain.reconcile.write import Write
from shared.workflows.imports.row_matcher import IN_MEMORY, RowMatcher

_MANY = 1_000_000


class ImportDecision(msgspec.Struct, frozen=True, kw_only=True):
    """What to write, which rows are refused and why, and which recipients the file misses."""

    writes: tuple[Write, ...]
    unchanged: int
    refused: tuple[RowProblem, ...]
    leaving: tuple[Candidate, ...]
    #: Active recipients of origin `csv` before the import.
    baseline: int


def duplicates(rows: Iterable[Row]) -> list[RowProblem]:
    """Return a problem for every row whose person an earlier row is about."""
    with closing(RowMatcher(IN_MEMORY)) as matcher:
        matcher.add_rows(rows, _MANY)
        return list(matcher.problems()[1])


def matched(rows: Iterable[Row], stored: Sequence[Recipient], database: str = IN_MEMORY) -> RowMatcher:
    """Return a matcher of rows and recipients."""
    matcher = RowMatcher(database)
    matcher.add_rows(rows, _MANY)
    matcher.clear()
    matcher.add_recipients(sorted(stored, key=lambda recipient: recipient.id))
    matcher.match()
    return matcher


def decide_import(
    rows: Sequence[Row], stored: Sequence[Recipient], preferences: Preferences, mode: ImportMode
) -> ImportDecision:
    """Return what importing the rows does to the stored recipients."""
    with closing(matched(rows, stored)) as matcher:
        decided = list(matcher.writes(preferences, departures=mode is ImportMode.OVERWRITE))
        writes = tuple(write for write in decided if write.change.kind is not ChangeKind.DEACTIVATED)
        refused_rows, refused = matcher.problems()
        return ImportDecision(
            writes=writes,
            unchanged=len(rows) - refused_rows - len(writes),
            refused=refused,
            leaving=tuple(
                Candidate(write.recipient.id, write.recipient.object_id or ObjectId(""), write.change.reason)
                for write in decided
                if write.change.kind is ChangeKind.DEACTIVATED
            ),
            baseline=matcher.loss(LocationId("desk"), 0).baseline,
        )
