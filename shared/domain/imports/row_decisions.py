"""Decide what a CSV row does to a location's recipients. Pure, like `shared.domain.reconcile.decide`."""

from collections.abc import Callable, Mapping
from enum import StrEnum
from hashlib import sha256

import msgspec

from shared.domain.email_address import is_address
from shared.domain.ids import ObjectId, RecipientId
from shared.domain.imports.cells import as_imported
from shared.domain.imports.csv_file import KEY_FIELDS, NO_ADDRESS, NO_NAME, Row, RowProblem, whole_name
from shared.domain.preferences.preferences import Preferences
from shared.domain.recipient import ADDRESS_FIELDS, Change, ChangeKind, Origin, Profile, Reason, Recipient, Status
from shared.domain.reconcile.candidate import Candidate
from shared.domain.reconcile.write import Write
from shared.domain.text import address_key


class ImportMode(StrEnum):
    """How an import treats recipients that the file does not contain."""

    #: They are kept.
    MERGE = "merge"
    #: Those of origin `csv` are deactivated, under the guard.
    OVERWRITE = "overwrite"


class Match(msgspec.Struct, frozen=True, kw_only=True):
    """The recipients that a row can mean: their number, and the recipient if it is only one."""

    candidates: int
    recipient: Recipient | None
    #: Whether another row of the file can mean the same recipient.
    contested: bool


def decide_row(
    row: Row, match: Match, preferences: Preferences, taken: Callable[[RecipientId], bool]
) -> Write | RowProblem | None:
    """Return the write of a row, why the row is refused, or None if it changes nothing.

    `taken` returns whether a recipient id is stored. A write does not change the match of another row of the file, so
    rows can be decided again after some of them were written.
    """
    if row.disabled:
        detail = "The file says that this account is not in use. The row was not applied; remove it, or the column."
        return RowProblem(line=row.line, code="account_disabled", detail=detail)
    if match.candidates > 1:
        return RowProblem(line=row.line, code="ambiguous", detail=f"{match.candidates} recipients could be meant.")
    if match.contested:
        detail = "Another row could mean the same recipient by a different field; neither row was applied."
        return RowProblem(line=row.line, code="ambiguous", detail=detail)
    if match.recipient is None:
        return _created(row, preferences, taken)
    updated = _updated(row, match.recipient, preferences)
    is_protected = match.recipient.origin is Origin.DIRECTORY and not preferences.allow_csv_to_update_directory
    if updated is not None and is_protected:
        detail = "The recipient comes from the directory, and the preferences do not let CSV update it."
        return RowProblem(line=row.line, code="directory_owns", detail=detail)
    return updated


def keys_of(recipient: Recipient) -> tuple[str, ...]:
    """Return the keys by which a row can mean a stored recipient: its own and, with an address, its employee id."""
    profile = recipient.profile
    row = Row(line=0, fields={name: as_imported(name, getattr(profile, name)) for name in KEY_FIELDS})
    if row.alias is not None:
        return row.key, row.alias  # the row may have no address, or lost it
    named = not row.fields["mail"] and not row.fields["employee_id"]
    # A row that changes the name may mean it by an address; and a directory has people without any of these.
    return (row.key,) if row.key and not (named and profile.aliases) else ()


def address_keys_of(recipient: Recipient) -> tuple[str, ...]:
    """Return the keys of the recipient's other addresses, by which a row means it if no recipient has its address."""
    return tuple(f"mail:{address_key(address)}" for address in recipient.profile.aliases)


def from_file(recipient: Recipient) -> bool:
    """Return whether an overwriting file without the recipient deactivates it."""
    return recipient.origin is Origin.CSV and recipient.status is Status.ACTIVE


def not_in_file(recipient: Recipient) -> Candidate:
    """Return the candidate of a recipient that an overwriting file does not contain."""
    return Candidate(recipient.id, recipient.object_id or ObjectId(""), Reason.NOT_IN_FILE)


def _new_id(key: str, taken: Callable[[RecipientId], bool]) -> RecipientId:
    """Return the id of a new recipient: derived from the row's key, and different if that id is taken."""
    hash_ = sha256(key.encode())
    while taken(RecipientId(f"csv-{hash_.hexdigest()[:32]}")):
        hash_.update(b"+")
    return RecipientId(f"csv-{hash_.hexdigest()[:32]}")


def _created(row: Row, preferences: Preferences, taken: Callable[[RecipientId], bool]) -> Write | RowProblem:
    if problem := _address_problem(row, row.fields):
        return problem
    name = row.fields.get("display_name") or whole_name(row.fields) or None
    if not (name or row.fields.get("mail")):
        return RowProblem(line=row.line, code="nobody", detail=NO_NAME)
    if row.deactivated:
        detail = "The file says that this recipient was deactivated, and it is not one of this location."
        return RowProblem(line=row.line, code="account_disabled", detail=detail)
    fields = preferences.attributes.with_e164_numbers({**row.fields, "display_name": name})
    recipient = Recipient(
        id=_new_id(row.key, taken),
        origin=Origin.CSV,
        status=Status.ACTIVE,
        profile=msgspec.structs.replace(Profile(), **fields),
    )
    change = Change(
        kind=ChangeKind.CREATED,
        reason=Reason.IMPORTED,
        recipient=recipient.id,
        display_name=recipient.profile.display_name,
    )
    return Write(recipient=recipient, change=change)


def _updated(row: Row, recipient: Recipient, preferences: Preferences) -> Write | RowProblem | None:
    """Return the write of a changed recipient. `last_applied`, the base of the next sync's merge, is kept.

    A value is unchanged if it is stored, or if it is what importing the stored one leads to, also after a spreadsheet
    program has removed its leading zeros. An address that is another one of the person does not replace theirs.
    """
    stored = {name: getattr(recipient.profile, name) for name in row.fields}
    differing = {
        name: value
        for name, value in row.fields.items()
        if value != stored[name] and value != as_imported(name, stored[name]) and not _lost_zeros(stored[name], value)
        if name != "mail" or value is None or address_key(value) not in recipient.profile.aliases
    }
    if problem := _address_problem(row, differing):
        return problem
    numbers = preferences.attributes.with_e164_numbers(differing)
    changed = {name: value for name, value in numbers.items() if value != stored[name]}
    returns = recipient.origin is Origin.CSV and recipient.status is Status.DEACTIVATED_BY_SYNC and not row.deactivated
    if not changed and not returns:
        return None
    profile = msgspec.structs.replace(recipient.profile, **changed)
    if "mail" in changed and not (profile.display_name or profile.mail):
        return RowProblem(line=row.line, code="nobody", detail=NO_NAME)
    after = msgspec.structs.replace(
        recipient,
        profile=profile,
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


def _lost_zeros(stored: str | None, value: str | None) -> bool:
    """Return whether a value is the stored number without its leading zeros."""
    return stored is not None and value is not None and value.isdecimal() and stored.lstrip("0") == value


def _address_problem(row: Row, fields: Mapping[str, str | None]) -> RowProblem | None:
    """Return the problem of a row with an address that the directory may have, but a file must not set."""
    for name in ADDRESS_FIELDS:
        if (value := fields.get(name)) is not None and not is_address(value):
            return RowProblem(line=row.line, code="invalid_mail", detail=NO_ADDRESS.format(value[:80]))
    return None
