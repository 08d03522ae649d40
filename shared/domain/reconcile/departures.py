"""Departures: which candidates an existence check confirms, the reason, and the deactivations."""

from collections.abc import Iterable, Mapping

import msgspec

from shared.domain.directory import DirectoryUser, Existence
from shared.domain.ids import LocationId, ObjectId, RecipientId
from shared.domain.preferences.location_rule import LocationRule
from shared.domain.preferences.preferences import Preferences
from shared.domain.recipient import Change, ChangeKind, Origin, Reason, Recipient, Status
from shared.domain.reconcile.candidate import Candidate
from shared.domain.reconcile.write import Write

#: Reason by conclusive answer of an existence check. The other answers prove nothing.
_PROVES = {
    Existence.NOT_FOUND: Reason.ACCOUNT_DELETED,
    Existence.DISABLED: Reason.ACCOUNT_DISABLED,
    Existence.NOT_IN_SOURCE: Reason.LEFT_GROUP,
}

#: Reasons that are about the account itself, whatever its memberships are.
_OF_ACCOUNT = frozenset({Reason.ACCOUNT_DELETED, Reason.ACCOUNT_DISABLED})

#: Reasons that follow from attributes in a complete read of this run. They apply to people who still exist.
_BY_ATTRIBUTE = frozenset({Reason.NO_EMAIL, Reason.FILTERED})


def confirm(
    candidates: Iterable[Candidate], answers: Mapping[ObjectId, Existence], preferences: Preferences
) -> tuple[Candidate, ...]:
    """Return the candidates whose departure the existence check confirms, with its reason."""
    departed = []
    reason: Reason | None
    for candidate in candidates:
        existence = answers.get(candidate.object_id, Existence.UNKNOWN)
        if candidate.account_only:
            proven = _PROVES.get(existence)
            reason = proven if proven in _OF_ACCOUNT else None
        elif candidate.reason in _BY_ATTRIBUTE and existence in {Existence.FOUND, Existence.GUEST}:
            reason = candidate.reason
        elif existence is Existence.GUEST and not preferences.include_guests:
            reason = Reason.GUEST_EXCLUDED
        elif existence is Existence.NOT_IN_SOURCE and candidate.reason is Reason.ATTRIBUTE_CHANGED:
            reason = candidate.reason
        else:
            reason = _PROVES.get(existence)
        if reason is not None:
            departed.append(msgspec.structs.replace(candidate, reason=reason))
    return tuple(departed)


def apply_location_rule(
    answers: Mapping[ObjectId, Existence],
    live: Mapping[ObjectId, DirectoryUser],
    rule: LocationRule,
    location: LocationId,
    *,
    grouped: bool,
) -> dict[ObjectId, Existence]:
    """Apply a location rule to the results of an existence check, and return the corrected results.

    `live` are the users as the directory has them now. If the location has no groups (`grouped` is False), a person
    remains only if the rule assigns them to the location.
    """
    after = dict(answers)
    for person, existence in answers.items():
        if existence not in {Existence.FOUND, Existence.GUEST, Existence.NOT_IN_SOURCE}:
            continue
        user = live.get(person)
        if user is None:  # deleted between the existence check and this read
            after[person] = Existence.UNKNOWN
        elif rule.location_of(user) == location:
            after[person] = Existence.GUEST if user.guest else Existence.FOUND
        elif not grouped:
            after[person] = Existence.NOT_IN_SOURCE
    return after


def deactivations(
    departed: Iterable[Candidate], stored: Mapping[RecipientId, Recipient], origin: Origin = Origin.DIRECTORY
) -> tuple[Write, ...]:
    """Return the writes that deactivate the departed, of which only active recipients of this origin are affected."""
    writes = []
    for candidate in departed:
        recipient = stored.get(candidate.recipient)
        if recipient is None or recipient.origin is not origin or recipient.status is not Status.ACTIVE:
            continue
        after = msgspec.structs.replace(recipient, status=Status.DEACTIVATED_BY_SYNC, reason=candidate.reason.value)
        writes.append(Write(recipient=after, change=departure(candidate, recipient)))
    return tuple(writes)


def departure(candidate: Candidate, recipient: Recipient | None) -> Change:
    """Return the change of a candidate's deactivation. `recipient` is the stored row; None if it was not read."""
    return Change(
        kind=ChangeKind.DEACTIVATED,
        reason=candidate.reason,
        recipient=candidate.recipient,
        object_id=candidate.object_id,
        display_name=recipient.profile.display_name if recipient is not None else None,
        before=recipient,
    )
