"""What an import of CSV rows does to a location's recipients: pure, like `shared.domain.reconcile.decide`."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from enum import StrEnum
from hashlib import sha256

import msgspec

from shared.domain.ids import ObjectId, RecipientId
from shared.domain.imports.csv_file import Row, RowProblem
from shared.domain.preferences.preferences import Preferences
from shared.domain.recipient import Change, ChangeKind, Origin, Profile, Reason, Recipient, Status
from shared.domain.reconcile.candidate import Candidate
from shared.domain.reconcile.decide import Write


class ImportMode(StrEnum):
    """What becomes of recipients that the file does not name."""

    #: They stay.
    MERGE = "merge"
    #: Those of origin `csv` are deactivated, under the guard.
    OVERWRITE = "overwrite"


class ImportDecision(msgspec.Struct, frozen=True, kw_only=True):
    """What to write, which rows are refused and why, and whom the file lacks."""

    writes: tuple[Write, ...]
    unchanged: int
    refused: tuple[RowProblem, ...]
    leaving: tuple[Candidate, ...]
    #: Active recipients of origin `csv` before the import.
    baseline: int


class Match(msgspec.Struct, frozen=True, kw_only=True):
    """Whom a row can mean: how many recipients, and the one if it is one."""

    candidates: int
    recipient: Recipient | None
    #: Whether another row of the file can mean the same recipient.
    contested: bool


def duplicates(rows: Iterable[Row]) -> list[RowProblem]:
    """Return a problem for every row that names somebody whom an earlier row names; rows come by their lines.

    A row without an address is about the employee whom a row with one names. Two rows with addresses are two people,
    whatever their employee ids say.
    """
    by_key: dict[str, int] = {}
    by_alias: dict[str, int] = {}
    found = []
    for row in rows:
        earlier = [by_key.get(row.key), by_alias.get(row.key), by_key.get(row.alias or "")]
        first = min((line for line in earlier if line is not None), default=row.line)
        if first != row.line:
            found.append(duplicate(row.line, first))
        by_key.setdefault(row.key, row.line)
        if row.alias is not None:
            by_alias.setdefault(row.alias, row.line)
    return found


def duplicate(line: int, first: int) -> RowProblem:
    """Return what is said of a row that names somebody whom an earlier one names."""
    return RowProblem(line=line, code="duplicate", detail=f"Line {first} is about the same person.")


def decide_import(
    rows: Iterable[Row], stored: Sequence[Recipient], preferences: Preferences, mode: ImportMode
) -> ImportDecision:
    """Return what importing rows does; the rows in any order give the same, and importing again gives no writes.

    So does importing again what was written in part: `shared.workflows.imports.row_matcher` decides the same of more
    rows than fit into memory, and goes on where a worker was killed.
    """
    index: defaultdict[str, list[Recipient]] = defaultdict(list)
    for each in stored:
        for key in keys_of(each):
            index[key].append(each)
    ids = {each.id for each in stored}
    ordered = sorted(rows, key=lambda each: each.key)
    named = Counter(each.id for row in ordered for each in index.get(row.key, ()))
    writes: list[Write] = []
    refused: list[RowProblem] = []
    unchanged = 0
    for row in ordered:
        found = index.get(row.key, [])
        only = found[0] if len(found) == 1 else None
        contested = only is not None and named[only.id] > 1
        match = Match(candidates=len(found), recipient=only, contested=contested)
        decided = decide_row(row, match, preferences, ids.__contains__)
        if decided is None:
            unchanged += 1
        elif isinstance(decided, RowProblem):
            refused.append(decided)
        else:
            writes.append(decided)
    csv = sorted((each for each in stored if from_file(each)), key=lambda each: each.id)
    leaving = [not_in_file(each) for each in csv if each.id not in named]
    return ImportDecision(
        writes=tuple(writes),
        unchanged=unchanged,
        refused=tuple(sorted(refused, key=lambda each: each.line)),
        leaving=tuple(leaving) if mode is ImportMode.OVERWRITE else (),
        baseline=len(csv),
    )


def decide_row(
    row: Row, match: Match, preferences: Preferences, taken: Callable[[RecipientId], bool]
) -> Write | RowProblem | None:
    """Return what one row writes, why it is refused, or None if it changes nothing. `taken` knows the stored ids.

    What this writes changes the match of no other row of the file, so rows can be decided again in any state between.
    """
    if match.candidates > 1:
        return RowProblem(line=row.line, code="ambiguous", detail=f"{match.candidates} recipients could be meant.")
    if match.contested:
        detail = "Another row could mean the same recipient, by another field; nobody is guessed."
        return RowProblem(line=row.line, code="ambiguous", detail=detail)
    if match.recipient is None:
        return _created(row, taken)
    if match.recipient.origin is Origin.DIRECTORY and not preferences.allow_csv_to_update_directory:
        detail = "The recipient comes from the directory, and the preferences do not let CSV update it."
        return RowProblem(line=row.line, code="directory_owns", detail=detail)
    return _updated(row, match.recipient)


def keys_of(recipient: Recipient) -> tuple[str, ...]:
    """Return what a row can name a stored recipient by."""
    row = Row(line=0, fields=msgspec.structs.asdict(recipient.profile))
    if recipient.origin is Origin.DIRECTORY or row.alias is None:
        return (row.key,)
    return (row.key, row.alias)  # a row that has no address any more, or not yet, is still about the same employee


def from_file(recipient: Recipient) -> bool:
    """Tell whether an overwriting file that lacks the recipient deactivates it."""
    return recipient.origin is Origin.CSV and recipient.status is Status.ACTIVE


def not_in_file(recipient: Recipient) -> Candidate:
    """Return the candidate that somebody is whom an overwriting file lacks."""
    return Candidate(recipient.id, recipient.object_id or ObjectId(""), Reason.NOT_IN_FILE)


def _new_id(key: str, taken: Callable[[RecipientId], bool]) -> RecipientId:
    """Return the id of whom a row creates: the same for the same row, unless somebody has it who is another by now."""
    found = sha256(key.encode())
    while taken(RecipientId(f"csv-{found.hexdigest()[:32]}")):
        found.update(b"+")
    return RecipientId(f"csv-{found.hexdigest()[:32]}")


def _created(row: Row, taken: Callable[[RecipientId], bool]) -> Write:
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
    """Return the recipient with the row's fields; `last_applied` stays: the base of the next sync's merge."""
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
