"""What an import of CSV rows does to a location's recipients: pure, like `shared.domain.decide`."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256

import msgspec

from shared.domain.csv_rows import Row, RowProblem
from shared.domain.decide import Write
from shared.domain.ids import ObjectId, RecipientId
from shared.domain.job import Candidate
from shared.domain.preferences import Preferences
from shared.domain.recipient import Change, ChangeKind, Origin, Profile, Reason, Recipient, Status


class ImportMode(StrEnum):
    """What becomes of recipients that the file does not name."""

    #: They stay.
    MERGE = "merge"
    #: Those of origin `csv` are deactivated, under the guard.
    OVERWRITE = "overwrite"


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportDecision:
    """What to write, which rows are refused and why, and whom the file lacks."""

    writes: tuple[Write, ...]
    unchanged: int
    refused: tuple[RowProblem, ...]
    leaving: tuple[Candidate, ...]
    #: Active recipients of origin `csv` before the import.
    baseline: int


def duplicates(rows: Iterable[Row]) -> list[RowProblem]:
    """Return a problem for every row that names somebody whom an earlier row names."""
    seen: dict[str, int] = {}
    return [
        RowProblem(line=row.line, code="duplicate", detail=f"Line {line} is about the same person.")
        for row in rows
        if (line := seen.setdefault(row.key, row.line)) != row.line
    ]


def decide_import(
    rows: Iterable[Row], stored: Sequence[Recipient], preferences: Preferences, mode: ImportMode
) -> ImportDecision:
    """Return what importing rows does; the rows in any order give the same, and importing again gives no writes."""
    index = _Index(stored)
    writes: list[Write] = []
    refused: list[RowProblem] = []
    unchanged = 0
    named: set[RecipientId] = set()
    for row in sorted(rows, key=lambda each: each.key):
        match = index.match(row)
        if isinstance(match, RowProblem):
            refused.append(match)
            continue
        if match is None:
            writes.append(_created(row, index.ids))
            continue
        named.add(match.id)
        if match.origin is Origin.DIRECTORY and not preferences.allow_csv_to_update_directory:
            detail = "The recipient comes from the directory, and the preferences do not let CSV update it."
            refused.append(RowProblem(line=row.line, code="directory_owns", detail=detail))
            continue
        write = _updated(row, match)
        if write is None:
            unchanged += 1
        else:
            writes.append(write)
    csv = [each for each in stored if each.origin is Origin.CSV and each.status is Status.ACTIVE]
    leaving = [
        Candidate(each.id, each.object_id or ObjectId(""), Reason.NOT_IN_FILE)
        for each in sorted(csv, key=lambda each: each.id)
        if each.id not in named
    ]
    return ImportDecision(
        writes=tuple(writes),
        unchanged=unchanged,
        refused=tuple(sorted(refused, key=lambda each: each.line)),
        leaving=tuple(leaving) if mode is ImportMode.OVERWRITE else (),
        baseline=len(csv),
    )


class _Index:
    """Stored recipients by what a row can name them by."""

    def __init__(self, stored: Iterable[Recipient]) -> None:
        self._by_key: dict[str, list[Recipient]] = defaultdict(list)
        self.ids: set[RecipientId] = set()
        for recipient in stored:
            self.ids.add(recipient.id)
            profile = recipient.profile
            row = Row(line=0, fields=msgspec.structs.asdict(profile))
            self._by_key[row.key].append(recipient)
            if profile.mail is not None and recipient.origin is not Origin.DIRECTORY and profile.employee_id:
                # a row that has no address any more, or not yet, is still about the same employee
                self._by_key[f"employee_id:{profile.employee_id.casefold()}"].append(recipient)

    def match(self, row: Row) -> Recipient | RowProblem | None:
        """Return the recipient that a row is about, None for a new one, or why nobody can tell."""
        matches = self._by_key.get(row.key, [])
        if len(matches) > 1:
            detail = f"{len(matches)} recipients could be meant."
            return RowProblem(line=row.line, code="ambiguous", detail=detail)
        return matches[0] if matches else None


def _new_id(key: str, taken: set[RecipientId]) -> RecipientId:
    """Return the id of whom a row creates: the same for the same row, unless somebody has it who is another by now."""
    found = sha256(key.encode())
    while RecipientId(f"csv-{found.hexdigest()[:32]}") in taken:
        found.update(b"+")
    return RecipientId(f"csv-{found.hexdigest()[:32]}")


def _created(row: Row, taken: set[RecipientId]) -> Write:
    recipient = Recipient(
        id=_new_id(row.key, taken),
        origin=Origin.CSV,
        status=Status.ACTIVE,
        profile=msgspec.structs.replace(Profile(), **row.fields),
    )
    change = Change(
        kind=ChangeKind.CREATED,
        reason=Reason.IMPORTED,
        recipient=recipient.id,
        display_name=recipient.profile.display_name,
    )
    return Write(recipient=recipient, change=change)


def _updated(row: Row, recipient: Recipient) -> Write | None:
    """Return the recipient with the row's fields; `applied` stays, so that a sync knows what the directory has said."""
    changed = {name: value for name, value in row.fields.items() if getattr(recipient.profile, name) != value}
    returns = recipient.origin is Origin.CSV and recipient.status is Status.DEACTIVATED_BY_SYNC
    if not changed and not returns:
        return None
    after = msgspec.structs.replace(
        recipient,
        profile=msgspec.structs.replace(recipient.profile, **changed),
        status=Status.ACTIVE if returns else recipient.status,
        reason=None if returns else recipient.reason,
    )
    change = Change(
        kind=ChangeKind.REACTIVATED if returns else ChangeKind.UPDATED,
        reason=Reason.IMPORTED,
        recipient=recipient.id,
        object_id=recipient.object_id,
        display_name=after.profile.display_name,
        fields=tuple(changed),
        before=recipient,
    )
    return Write(recipient=after, change=change)
