"""A model of an import: the decisions about all rows of a file in plain Python, to compare the product with."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence

from shared.domain.imports.csv_file import Row, RowProblem
from shared.domain.imports.row_decisions import ImportMode, Match, decide_row, from_file, keys_of, not_in_file
from shared.domain.preferences.preferences import Preferences
from shared.domain.recipient import Recipient
from shared.domain.reconcile.decide import Write
from tests.support.imports import ImportDecision


def model_duplicates(rows: Iterable[Row]) -> list[RowProblem]:
    """Return a problem for every row whose person an earlier row is about; rows come by their lines.

    A row without an address is about the employee of a row with one. Two rows with addresses are about two people,
    even with the same employee id.
    """
    by_key: dict[str, int] = {}
    by_alias: dict[str, int] = {}
    problems = []
    for row in rows:
        earlier = [by_key.get(row.key), by_alias.get(row.key), by_key.get(row.alias or "")]
        first = min((line for line in earlier if line is not None), default=row.line)
        if first != row.line:
            detail = f"Line {first} is about the same person."
            problems.append(RowProblem(line=row.line, code="duplicate", detail=detail))
        by_key.setdefault(row.key, row.line)
        if row.alias is not None:
            by_alias.setdefault(row.alias, row.line)
    return problems


def model_import(
    rows: Iterable[Row], stored: Sequence[Recipient], preferences: Preferences, mode: ImportMode
) -> ImportDecision:
    """Return what importing the rows does to the stored recipients."""
    index: defaultdict[str, list[Recipient]] = defaultdict(list)
    for recipient in stored:
        for key in keys_of(recipient):
            index[key].append(recipient)
    ids = {recipient.id for recipient in stored}
    ordered = sorted(rows, key=lambda row: row.key)
    named = Counter(recipient.id for row in ordered for recipient in index.get(row.key, ()))
    writes: list[Write] = []
    refused: list[RowProblem] = []
    unchanged = 0
    for row in ordered:
        candidates = index.get(row.key, [])
        only = candidates[0] if len(candidates) == 1 else None
        match = Match(candidates=len(candidates), recipient=only, contested=only is not None and named[only.id] > 1)
        decided = decide_row(row, match, preferences, ids.__contains__)
        if decided is None:
            unchanged += 1
        elif isinstance(decided, RowProblem):
            refused.append(decided)
        else:
            writes.append(decided)
    csv = sorted((recipient for recipient in stored if from_file(recipient)), key=lambda recipient: recipient.id)
    missing = tuple(not_in_file(recipient) for recipient in csv if recipient.id not in named)
    return ImportDecision(
        writes=tuple(writes),
        unchanged=unchanged,
        refused=tuple(sorted(refused, key=lambda problem: problem.line)),
        leaving=missing if mode is ImportMode.OVERWRITE else (),
        baseline=len(csv),
    )
