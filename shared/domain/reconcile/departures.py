"""Who of the candidates really goes: what an existence check says about each, and why they are then deactivated."""

from collections.abc import Iterable, Mapping

import msgspec

from shared.domain.directory import DirectoryUser, Existence
from shared.domain.ids import LocationId, ObjectId, RecipientId
from shared.domain.preferences.location_rule import LocationRule
from shared.domain.preferences.preferences import Preferences
from shared.domain.recipient import Change, ChangeKind, Origin, Reason, Recipient, Status
from shared.domain.reconcile.candidate import Candidate
from shared.domain.reconcile.decide import Write

#: The reason that each conclusive answer of an existence check gives. The other answers prove nothing.
_PROVES = {
    Existence.NOT_FOUND: Reason.ACCOUNT_DELETED,
    Existence.DISABLED: Reason.ACCOUNT_DISABLED,
    Existence.NOT_IN_SOURCE: Reason.LEFT_GROUP,
}

#: Reasons that lie in what a complete read of this run says about somebody who is still there.
_BY_ATTRIBUTE = frozenset({Reason.NO_EMAIL, Reason.FILTERED})


def confirmed(
    candidates: Iterable[Candidate], found: Mapping[ObjectId, Existence], preferences: Preferences
) -> tuple[Candidate, ...]:
    """Return those of the candidates whose absence the existence check confirms, with the reason it gives."""
    gone = []
    for candidate in candidates:
        existence = found.get(candidate.object_id, Existence.UNKNOWN)
        if candidate.reason in _BY_ATTRIBUTE and existence in {Existence.FOUND, Existence.GUEST}:
            reason: Reason | None = candidate.reason
        elif existence is Existence.GUEST and not preferences.include_guests:
            reason = Reason.GUEST_EXCLUDED
        elif existence is Existence.NOT_IN_SOURCE and candidate.reason is Reason.ATTRIBUTE_CHANGED:
            reason = candidate.reason
        else:
            reason = _PROVES.get(existence)
        if reason is not None:
            gone.append(msgspec.structs.replace(candidate, reason=reason))
    return tuple(gone)


def placed(
    found: Mapping[ObjectId, Existence],
    live: Mapping[ObjectId, DirectoryUser],
    rule: LocationRule,
    location: LocationId,
    *,
    grouped: bool,
) -> dict[ObjectId, Existence]:
    """Return the results once more, now that it is known what a location rule makes of each person.

    `live` are the people as the directory has them now. Without groups (not `grouped`) being there is not enough: it
    is the rule that has to put them here.
    """
    after = dict(found)
    for person, existence in found.items():
        if existence not in {Existence.FOUND, Existence.GUEST, Existence.NOT_IN_SOURCE}:
            continue
        user = live.get(person)
        if user is None:  # gone between two questions
            after[person] = Existence.UNKNOWN
        elif rule.location_of(user) == location:
            after[person] = Existence.GUEST if user.guest else Existence.FOUND
        elif not grouped:
            after[person] = Existence.NOT_IN_SOURCE
    return after


def deactivations(
    gone: Iterable[Candidate], stored: Mapping[RecipientId, Recipient], origin: Origin = Origin.DIRECTORY
) -> tuple[Write, ...]:
    """Return what deactivates those who are still active recipients of this origin; nothing for the others."""
    writes = []
    for candidate in gone:
        recipient = stored.get(candidate.recipient)
        if recipient is None or recipient.origin is not origin or recipient.status is not Status.ACTIVE:
            continue
        after = msgspec.structs.replace(recipient, status=Status.DEACTIVATED_BY_SYNC, reason=candidate.reason.value)
        writes.append(Write(recipient=after, change=departure(candidate, recipient)))
    return tuple(writes)


def departure(candidate: Candidate, recipient: Recipient | None) -> Change:
    """Return the change that a candidate's deactivation is; `recipient` is the stored one, as far as it is known."""
    return Change(
        kind=ChangeKind.DEACTIVATED,
        reason=candidate.reason,
        recipient=candidate.recipient,
        object_id=candidate.object_id,
        display_name=recipient.profile.display_name if recipient is not None else None,
        before=recipient,
    )
