"""The decision of a location: a pure function from desired and stored recipients to writes and candidates."""

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from operator import attrgetter
from typing import Final

import msgspec

from shared.domain.directory import DirectoryUser
from shared.domain.ids import MAIN, ConnectionId, ObjectId, RecipientId, recipient_id_of
from shared.domain.preferences.preferences import Mode, Preferences
from shared.domain.recipient import (
    PROFILE_FIELDS,
    Change,
    ChangeKind,
    Counts,
    Origin,
    Profile,
    Reason,
    Recipient,
    Status,
)
from shared.domain.reconcile.absence import AbsenceProof
from shared.domain.reconcile.candidate import Candidate
from shared.domain.reconcile.managers import NO_MANAGERS, Managers
from shared.domain.reconcile.matching import AMBIGUOUS, Matching
from shared.domain.reconcile.provenance import Provenance
from shared.domain.reconcile.relink import Relink, relink, unlinked, without_groups
from shared.domain.reconcile.write import Write
from shared.domain.struct_calls import compile_constructor


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """The decision of one location. It never deactivates: `candidates` must pass the existence check and the guard."""

    writes: tuple[Write, ...]
    skipped: tuple[Change, ...]
    candidates: tuple[Candidate, ...]
    #: Recipients whose account may be deleted. The directory is asked before one of the writes in them is made.
    relinks: tuple[Relink, ...]
    #: Number of active recipients before the writes that this connection's directory created.
    baseline: int
    #: Number of active recipients of any origin after the writes.
    active: int


#: Looked up once: an enumeration is asked for a member by name, for every person of a first sync.
_CREATED: Final = ChangeKind.CREATED
_NEW: Final = Reason.NEW
_new_recipient: Final = compile_constructor(
    Recipient,
    "recipient_id, connection, person, profile, groups",
    {
        "id": "recipient_id",
        "origin": "directory",
        "status": "active",
        "profile": "profile",
        "object_id": "person",
        "connection": "connection",
        "last_applied": "profile",
        "reason": "None",
        "groups": "groups",
    },
    directory=Origin.DIRECTORY,
    active=Status.ACTIVE,
)
_BY_ROW: Final = attrgetter("recipient.id")
_BY_RELINK: Final = attrgetter("if_deleted.recipient.id")
#: Provenance of a location without groups.
_NOWHERE = Provenance()


def decide(
    desired: Mapping[ObjectId, DirectoryUser],
    stored: Sequence[Recipient],
    preferences: Preferences,
    proof: AbsenceProof | None,
    provenance: Provenance = _NOWHERE,
    managers: Managers = NO_MANAGERS,
    matching: Matching | None = None,
    connection: ConnectionId = MAIN,
) -> Decision:
    """Return the writes and candidates that reconcile a location with the directory of a connection.

    The decision does not depend on the order of the arguments' items. It is idempotent: after it was applied, the next
    decision contains no writes. Without `proof`, it contains no candidates, even if stored people are missing from
    `desired`; with a proof about accounts only, they are candidates that only a deleted or disabled account confirms.
    Recipients of another connection's directory are not changed.

    A location can be decided in partitions of recipient ids. `desired` and `stored` then contain the people of one
    partition, and `matching` those of all. The decisions of all partitions, in order, are the decision of the whole.
    """
    if matching is None:
        matching = Matching(stored, connection)
        matching.claim(desired.values(), preferences)
    directory = Origin.DIRECTORY
    made_here = [
        recipient for recipient in stored if recipient.origin is directory and recipient.connection == connection
    ]
    by_person = {recipient.object_id: recipient for recipient in made_here}
    profile_of = preferences.attributes.to_profile
    eligible = {user.id: profile_of(user) for user in desired.values() if preferences.exclusion(user) is None}
    writes: list[Write] = []
    skipped: list[Change] = []
    relinks: list[Relink] = []
    matches = matching.any
    for person, user in desired.items():
        recipient = by_person.get(person) or matching.by_object_id.get(person)
        if (profile := eligible.get(person)) is None:
            skipped += _excluded(person, user, recipient, preferences.exclusion(user))
            continue
        match = recipient
        if matches:
            match = recipient or matching.find(person)
            if match is AMBIGUOUS:
                skipped.append(_skip(person, profile.display_name, Reason.AMBIGUOUS_EMAIL))
                continue
            skipped += _second(person, recipient, matching)
        groups = provenance.groups(person, match.groups if match else ())
        if managers is not NO_MANAGERS:
            profile = managers.named(profile, person, match.last_applied if match else None)
        if match is not None and match.object_id not in {None, person}:
            successor = _settle(connection, person, profile, unlinked(match), groups, preferences)
            apart = _create(connection, person, profile, provenance.groups(person, ()))
            relinks.append(relink(match, successor, apart))
        outcome = _settle(connection, person, profile, match, groups, preferences)
        if isinstance(outcome, Write):
            writes.append(outcome)
        elif outcome is not None:
            skipped.append(outcome)
    writes.sort(key=partial(_row_order, connection) if matches else _BY_ROW)
    skipped.sort(key=lambda change: recipient_id_of(connection, change.object_id or ObjectId("")))
    added = Counts.of([write.change for write in writes])
    return Decision(
        writes=tuple(writes),
        skipped=tuple(skipped),
        candidates=tuple(_candidates(desired, made_here, preferences, proof)),
        relinks=tuple(sorted([*relinks, *_unread(stored, matching, preferences, proof)], key=_BY_RELINK)),
        baseline=_count_active(made_here),
        active=_count_active(stored) + added.created + added.reactivated,
    )


def _excluded(
    person: ObjectId, user: DirectoryUser, recipient: Recipient | None, reason: Reason | None
) -> list[Change]:
    """Return the skip of a user who cannot be a recipient; none if the candidates tell why a recipient leaves."""
    if reason is None or (recipient is not None and reason is not Reason.STATUS_UNKNOWN):
        return []
    return [_skip(person, user.display_name, reason, recipient.id if recipient else None)]


def _second(person: ObjectId, recipient: Recipient | None, matching: Matching) -> list[Change]:
    """Return the report of a person who has a recipient of the directory, and another one that no account has."""
    if recipient is None or recipient.origin is not Origin.DIRECTORY:
        return []
    other = matching.find(person)
    if other is None or other.object_id is not None or {recipient.status, other.status} != {Status.ACTIVE}:
        return []
    return [_skip(person, other.profile.display_name, Reason.SECOND_RECIPIENT, other.id)]


def _unread(
    stored: Iterable[Recipient], matching: Matching, preferences: Preferences, proof: AbsenceProof | None
) -> list[Relink]:
    """Return the relinks of recipients whose account is in no source, although all were read completely.

    The account of a recipient without groups was checked when it left the last of them.
    """
    if proof is None or proof.accounts:
        return []
    full = preferences.mode is Mode.FULL
    found = [recipient for recipient in stored if matching.is_unread(recipient)]
    return [relink(recipient, None, without_groups(recipient)) for recipient in found if recipient.groups or full]


def _count_active(recipients: Iterable[Recipient]) -> int:
    return len([recipient for recipient in recipients if recipient.status is Status.ACTIVE])


def _row_order(connection: ConnectionId, write: Write) -> RecipientId:
    """Return the sort key of a write: the id of the recipient that the directory would create for the person."""
    person = write.recipient.object_id
    if write.recipient.origin is Origin.DIRECTORY or person is None:
        return write.recipient.id
    return recipient_id_of(connection, person)


def _settle(
    connection: ConnectionId,
    person: ObjectId,
    profile: Profile,
    recipient: Recipient | None,
    groups: tuple[ObjectId, ...],
    preferences: Preferences,
) -> Write | Change | None:
    """Return the write for a person who should be a recipient, a skip with its reason, or None if up to date."""
    if recipient is None:
        return _create(connection, person, profile, groups)
    if recipient.object_id not in {None, person}:
        return _skip(person, profile.display_name, Reason.EARLIER_ACCOUNT, recipient.id)
    if recipient.origin is not Origin.DIRECTORY and not preferences.allow_directory_to_update_csv:
        return _skip(person, profile.display_name, Reason.CSV_OWNS, recipient.id)
    unchanged = (recipient.object_id, recipient.last_applied, recipient.groups) == (person, profile, groups)
    if unchanged and recipient.status is Status.ACTIVE:
        return None  # the fast path for nearly all people; the code below would have the same result
    returns = recipient.status is Status.DEACTIVATED_BY_SYNC
    merged, fields = merge(recipient, profile)
    after = msgspec.structs.replace(
        recipient,
        object_id=person,
        connection=connection,
        profile=merged,
        last_applied=profile,
        status=Status.ACTIVE if returns else recipient.status,
        reason=None if returns else recipient.reason,
        groups=groups,
    )
    if after == recipient:
        manual = recipient.status is Status.DEACTIVATED_MANUALLY
        return _skip(person, profile.display_name, Reason.DEACTIVATED_MANUALLY, recipient.id) if manual else None
    moved = msgspec.structs.replace(recipient, groups=groups) == after
    change = Change(
        kind=ChangeKind.REACTIVATED if returns else ChangeKind.UPDATED,
        reason=Reason.RETURNED if returns else Reason.GROUPS_CHANGED if moved else Reason.DIRECTORY_CHANGED,
        recipient=recipient.id,
        object_id=person,
        display_name=merged.display_name,
        fields=fields,
        before=recipient,
    )
    return Write(recipient=after, change=change)


def _create(connection: ConnectionId, person: ObjectId, profile: Profile, groups: tuple[ObjectId, ...]) -> Write:
    recipient = _new_recipient(recipient_id_of(connection, person), connection, person, profile, groups)
    change = Change(
        kind=_CREATED, reason=_NEW, recipient=recipient.id, object_id=person, display_name=profile.display_name
    )
    return Write(recipient=recipient, change=change)


def merge(recipient: Recipient, directory_profile: Profile) -> tuple[Profile, tuple[str, ...]]:
    """Return the recipient's profile merged with the directory's, and the names of the fields that changed.

    This is a three-way merge: a field is changed only if the directory's value differs from the last applied one. A
    value from a CSV file or a person is therefore kept until the directory changes that field.
    """
    changed = {
        name: value
        for name in PROFILE_FIELDS
        if (value := getattr(directory_profile, name)) != getattr(recipient.profile, name)
        and (recipient.last_applied is None or value != getattr(recipient.last_applied, name))
    }
    return msgspec.structs.replace(recipient.profile, **changed), tuple(changed)


def _candidates(
    desired: Mapping[ObjectId, DirectoryUser],
    made_here: Iterable[Recipient],
    preferences: Preferences,
    proof: AbsenceProof | None,
) -> list[Candidate]:
    """Return the candidates for deactivation among the directory's active recipients, sorted by recipient id."""
    if proof is None or not preferences.deactivate_missing:
        return []
    candidates = []
    for recipient in made_here:
        person = recipient.object_id
        if recipient.status is not Status.ACTIVE or recipient.connection != proof.connection or person is None:
            continue
        reason = (
            preferences.exclusion(desired[person]) if person in desired else _missing(recipient, preferences, proof)
        )
        if proof.accounts and person in desired and reason is not Reason.ACCOUNT_DISABLED:
            continue
        if reason is not None and reason is not Reason.STATUS_UNKNOWN:
            candidates.append(Candidate(recipient.id, person, reason, account_only=proof.accounts))
    return sorted(candidates, key=attrgetter("recipient"))


def _missing(recipient: Recipient, preferences: Preferences, proof: AbsenceProof) -> Reason:
    """Return the reason for a recipient whose person is in no source of the location."""
    if proof.unmapped:
        return Reason.MAPPING_REMOVED
    by_rule = preferences.rule is not None and not recipient.groups
    return Reason.ATTRIBUTE_CHANGED if by_rule else Reason.LEFT_GROUP


def _skip(person: ObjectId, display_name: str | None, reason: Reason, recipient: RecipientId | None = None) -> Change:
    return Change(
        kind=ChangeKind.SKIPPED, reason=reason, recipient=recipient, object_id=person, display_name=display_name
    )
