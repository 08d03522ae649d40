"""The one function that decides every recipient: what is wanted and what is stored, in; changes, out."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import msgspec

from shared.domain.directory import DirectoryUser
from shared.domain.ids import ObjectId, RecipientId
from shared.domain.job import Candidate
from shared.domain.managers import NO_MANAGERS, Managers
from shared.domain.preferences import Preferences
from shared.domain.provenance import Provenance
from shared.domain.recipient import (
    PROFILE_FIELDS,
    Change,
    ChangeKind,
    Origin,
    Profile,
    Reason,
    Recipient,
    Status,
)
from shared.domain.wanted import AbsenceProof


@dataclass(frozen=True, slots=True, kw_only=True)
class Write:
    """One recipient as it shall be stored, and the change that this is."""

    recipient: Recipient
    change: Change


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What to do at one location. Nobody is deactivated by it: `candidates` are for the point check and the guard."""

    writes: tuple[Write, ...]
    skipped: tuple[Change, ...]
    candidates: tuple[Candidate, ...]
    #: Active recipients of origin `directory` that are stored now.
    baseline: int
    #: Active recipients of any origin after the writes.
    active: int


#: Of a location that no group feeds.
_NOWHERE = Provenance()


def decide(
    wanted: Mapping[ObjectId, DirectoryUser],
    stored: Sequence[Recipient],
    preferences: Preferences,
    proof: AbsenceProof | None,
    provenance: Provenance = _NOWHERE,
    managers: Managers = NO_MANAGERS,
) -> Decision:
    """Return what brings a location in line with the directory.

    The same arguments in any order give the same decision, and deciding again after it was applied gives no writes.
    Without `proof` there are no candidates, whatever is missing from `wanted`.
    """
    known = _by_object_id(stored)
    by_mail = _unmatched_by_mail(stored)
    profile_of = preferences.attributes.profile
    eligible = {user.id: profile_of(user) for user in wanted.values() if preferences.exclusion(user) is None}
    claims = Counter(profile.mail.casefold() for profile in eligible.values() if profile.mail)
    writes: list[Write] = []
    skipped: list[Change] = []
    for person in sorted(wanted):
        recipient = known.get(person)
        if (profile := eligible.get(person)) is None:
            reason = preferences.exclusion(wanted[person])
            if recipient is None and reason is not None:
                skipped.append(_skip(person, wanted[person].display_name, reason))
            continue
        adopted = None
        if recipient is None:
            adopted = _match_by_mail(profile, by_mail, claims)
            if adopted is _AMBIGUOUS:
                skipped.append(_skip(person, profile.display_name, Reason.AMBIGUOUS_EMAIL))
                continue
        found = recipient or adopted
        groups = provenance.groups(person, found.groups if found else ())
        profile = managers.named(profile, person, found.applied if found else None)
        outcome = _settle(person, profile, found, groups, preferences)
        if isinstance(outcome, Write):
            writes.append(outcome)
        elif outcome is not None:
            skipped.append(outcome)
    active = sum(each.status is Status.ACTIVE for each in stored) + sum(
        write.change.kind in {ChangeKind.CREATED, ChangeKind.REACTIVATED} for write in writes
    )
    return Decision(
        writes=tuple(writes),
        skipped=tuple(skipped),
        candidates=tuple(_candidates(wanted, stored, preferences, proof)),
        baseline=sum(each.origin is Origin.DIRECTORY and each.status is Status.ACTIVE for each in stored),
        active=active,
    )


def _by_object_id(stored: Iterable[Recipient]) -> dict[ObjectId, Recipient]:
    """Prefer a recipient of origin `directory` where two carry one object id; then the smaller id."""
    known: dict[ObjectId, Recipient] = {}
    for recipient in sorted(stored, key=lambda each: (each.origin is not Origin.DIRECTORY, each.id)):
        if recipient.object_id is not None:
            known.setdefault(recipient.object_id, recipient)
    return known


def _unmatched_by_mail(stored: Iterable[Recipient]) -> dict[str, list[Recipient]]:
    by_mail: dict[str, list[Recipient]] = defaultdict(list)
    for recipient in stored:
        if recipient.origin is not Origin.DIRECTORY and recipient.object_id is None and recipient.profile.mail:
            by_mail[recipient.profile.mail.casefold()].append(recipient)
    return by_mail


#: Stands for "several could be meant".
_AMBIGUOUS = Recipient(
    id=RecipientId("ambiguous"), origin=Origin.MANUAL, status=Status.DEACTIVATED_BY_HAND, profile=Profile()
)


def _match_by_mail(
    profile: Profile, by_mail: Mapping[str, list[Recipient]], claims: Mapping[str, int]
) -> Recipient | None:
    mail = profile.mail.casefold() if profile.mail else ""
    matches = by_mail.get(mail, [])
    if not matches:
        return None
    return matches[0] if len(matches) == 1 and claims[mail] == 1 else _AMBIGUOUS


def _settle(
    person: ObjectId,
    profile: Profile,
    recipient: Recipient | None,
    groups: tuple[ObjectId, ...],
    preferences: Preferences,
) -> Write | Change | None:
    """Return what to write for somebody who should be a recipient, why not, or None if all is as it should be."""
    if recipient is None:
        return _create(person, profile, groups)
    if recipient.origin is not Origin.DIRECTORY and not preferences.allow_directory_to_update_csv:
        return _skip(person, profile.display_name, Reason.CSV_OWNS, recipient.id)
    returns = recipient.status is Status.DEACTIVATED_BY_SYNC
    merged, fields = merge(recipient, profile)
    after = msgspec.structs.replace(
        recipient,
        object_id=person,
        profile=merged,
        applied=profile,
        status=Status.ACTIVE if returns else recipient.status,
        reason=None if returns else recipient.reason,
        groups=groups,
    )
    if after == recipient:
        by_hand = recipient.status is Status.DEACTIVATED_BY_HAND
        return _skip(person, profile.display_name, Reason.DEACTIVATED_BY_HAND, recipient.id) if by_hand else None
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


def _create(person: ObjectId, profile: Profile, groups: tuple[ObjectId, ...]) -> Write:
    recipient = Recipient(
        id=RecipientId(person),
        origin=Origin.DIRECTORY,
        status=Status.ACTIVE,
        profile=profile,
        object_id=person,
        applied=profile,
        groups=groups,
    )
    change = Change(
        kind=ChangeKind.CREATED,
        reason=Reason.NEW,
        recipient=recipient.id,
        object_id=person,
        display_name=profile.display_name,
    )
    return Write(recipient=recipient, change=change)


def merge(recipient: Recipient, said: Profile) -> tuple[Profile, tuple[str, ...]]:
    """Return the recipient's profile after the directory said `said`, and the names of the fields that changed.

    Three-way: a field is written only where the directory's value differs from the one it had when last applied, so
    what a CSV file or a person wrote survives until the directory itself changes that field.
    """
    changed = {
        name: getattr(said, name)
        for name in PROFILE_FIELDS
        if (recipient.applied is None or getattr(said, name) != getattr(recipient.applied, name))
        and getattr(said, name) != getattr(recipient.profile, name)
    }
    return msgspec.structs.replace(recipient.profile, **changed), tuple(changed)


def _candidates(
    wanted: Mapping[ObjectId, DirectoryUser],
    stored: Iterable[Recipient],
    preferences: Preferences,
    proof: AbsenceProof | None,
) -> Iterable[Candidate]:
    if proof is None or not preferences.deactivate_missing:
        return
    for recipient in sorted(stored, key=lambda each: each.id):
        person = recipient.object_id
        if recipient.origin is not Origin.DIRECTORY or recipient.status is not Status.ACTIVE or person is None:
            continue
        reason = preferences.exclusion(wanted[person]) if person in wanted else _missing(recipient, preferences, proof)
        if reason is not None:
            yield Candidate(recipient=recipient.id, object_id=person, reason=reason)


def _missing(recipient: Recipient, preferences: Preferences, proof: AbsenceProof) -> Reason:
    """Return why somebody has left whom no source holds here any more."""
    if proof.unmapped:
        return Reason.MAPPING_REMOVED
    by_rule = preferences.rule is not None and not recipient.groups
    return Reason.ATTRIBUTE_CHANGED if by_rule else Reason.LEFT_GROUP


def _skip(person: ObjectId, display_name: str | None, reason: Reason, recipient: RecipientId | None = None) -> Change:
    return Change(
        kind=ChangeKind.SKIPPED, reason=reason, recipient=recipient, object_id=person, display_name=display_name
    )
