"""A model of an import: the decisions about all rows of a file in plain Python, to compare the product with."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence

from shared.domain.imports.csv_file import Row, RowProblem
from shared.domain.imports.row_decisions import (
    ImportMode,
    Match,
    address_keys_of,
    decide_row,
    from_file,
    keys_of,
    not_in_file,
)
from shared.domain.preferences.preferences import Preferences
from shared.domain.recipient import Recipient
from shared.domain.reconcile.write import Write
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


def meant_by(rows: Sequence[Row], stored: Sequence[Recipient]) -> dict[int, tuple[list[Recipient], bool]]:
    """Return, by line, the recipients that a row can mean, and whether another row can mean one of them as well."""
    own: defaultdict[str, list[Recipient]] = defaultdict(list)
    other: defaultdict[str, list[Recipient]] = defaultdict(list)
    for recipient in stored:
        for key in keys_of(recipient):
            own[key].append(recipient)
        for key in address_keys_of(recipient):
            other[key].append(recipient)
    found = {row.line: (own[row.key] or other[row.key], False) for row in rows}
    taken = {recipient.id for recipients, _ in found.values() for recipient in recipients}
    bearers = Counter(row.alias for row in rows)
    for row in rows:
        if row.alias is not None and not found[row.line][0]:
            free = [recipient for recipient in own[row.alias] if recipient.id not in taken]
            only = len(free) == 1 and bearers[row.alias] == 1
            if only or any(not recipient.profile.mail for recipient in free):
                found[row.line] = free, not only
    return found


def model_import(
    rows: Iterable[Row], stored: Sequence[Recipient], preferences: Preferences, mode: ImportMode
) -> ImportDecision:
    """Return what importing the rows does to the stored recipients."""
    ids = {recipient.id for recipient in stored}
    ordered = sorted(rows, key=lambda row: row.key)
    meant = meant_by(ordered, stored)
    named = Counter(recipient.id for candidates, _ in meant.values() for recipient in candidates)
    writes: list[Write] = []
    refused: list[RowProblem] = []
    unchanged = 0
    for row in ordered:
        candidates, doubtful = meant[row.line]
        only = candidates[0] if len(candidates) == 1 else None
        contested = only is not None and (doubtful or named[only.id] > 1)
        match = Match(candidates=len(candidates), recipient=only, contested=contested)
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
