"""The one function that decides every recipient: what is wanted and what is stored, in; changes, out."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from operator import attrgetter
from typing import Final

import msgspec

from shared.domain.directory import DirectoryUser
from shared.domain.ids import MAIN, ConnectionId, ObjectId, RecipientId, recipient_id_of
from shared.domain.preferences.preferences import Preferences
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
from shared.domain.reconcile.provenance import Provenance


class Write(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One recipient as it shall be stored, and the change that this is."""

    recipient: Recipient
    change: Change


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What to do at one location. It deactivates no recipient: `candidates` go to the existence check and the guard."""

    writes: tuple[Write, ...]
    skipped: tuple[Change, ...]
    candidates: tuple[Candidate, ...]
    #: Active recipients that this connection's directory made and that are stored now.
    baseline: int
    #: Active recipients of any origin after the writes.
    active: int
    #: Recipients that then differ from what a first sync would make of a person; None if not all can be told by person.
    irregular: tuple[RecipientId, ...] | None


_BY_ROW: Final = attrgetter("recipient.id")
#: Of a location that no group feeds.
_NOWHERE = Provenance()
#: Stands for "several could be meant".
_AMBIGUOUS = Recipient(
    id=RecipientId("ambiguous"), origin=Origin.MANUAL, status=Status.DEACTIVATED_MANUALLY, profile=Profile()
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Matching:
    """Recipients that the directory did not make, and by what a user of it is found to be one of them."""

    #: Those who were matched before.
    by_object_id: dict[ObjectId, Recipient]
    #: Those who were not, by their address.
    by_mail: Mapping[str, Sequence[Recipient]]
    #: How many users of the directory have each of these addresses.
    claims: Counter[str] = field(default_factory=Counter)

    @property
    def any(self) -> bool:
        """Whether there is anybody to be found."""
        return bool(self.by_object_id or self.by_mail)

    @classmethod
    def of(cls, stored: Iterable[Recipient], connection: ConnectionId = MAIN) -> "Matching":
        """Return what there is to match with. Of two with one object id the smaller id counts.

        A recipient that was matched with a user of another connection is not matched again.
        """
        by_object_id: dict[ObjectId, Recipient] = {}
        by_mail: dict[str, list[Recipient]] = defaultdict(list)
        for recipient in sorted(stored, key=lambda each: each.id):
            if recipient.origin is Origin.DIRECTORY:
                continue
            if recipient.object_id is not None:
                if recipient.connection == connection:
                    by_object_id.setdefault(recipient.object_id, recipient)
            elif recipient.profile.mail:
                by_mail[recipient.profile.mail.casefold()].append(recipient)
        return cls(by_object_id=by_object_id, by_mail=by_mail)

    def claim(self, wanted: Iterable[DirectoryUser], preferences: Preferences) -> None:
        """Count the addresses of all who should be recipients; called for each part before the first decision."""
        if not self.by_mail:
            return
        for user in wanted:
            mail = preferences.attributes.to_profile(user).mail if preferences.exclusion(user) is None else None
            if mail and mail.casefold() in self.by_mail:
                self.claims[mail.casefold()] += 1

    def by_mail_of(self, profile: Profile) -> Recipient | None:
        """Return the one recipient that somebody must be by their address, None if there is none, or _AMBIGUOUS."""
        if not self.by_mail:
            return None
        mail = profile.mail.casefold() if profile.mail else ""
        matches = self.by_mail.get(mail, ())
        if not matches:
            return None
        return matches[0] if len(matches) == 1 and self.claims[mail] == 1 else _AMBIGUOUS


def decide(
    wanted: Mapping[ObjectId, DirectoryUser],
    stored: Sequence[Recipient],
    preferences: Preferences,
    proof: AbsenceProof | None,
    provenance: Provenance = _NOWHERE,
    managers: Managers = NO_MANAGERS,
    matching: Matching | None = None,
    connection: ConnectionId = MAIN,
) -> Decision:
    """Return what brings a location in line with the directory of a connection.

    The same arguments in any order give the same decision, and deciding again after it was applied gives no writes.
    Without `proof` there are no candidates, whatever is missing from `wanted`. A location can be decided part by part:
    `wanted` and `stored` are then those whose recipient ids are in the part, and `matching` is of all of them. The
    decisions of all parts in order are the decision of the whole. Recipients that another connection's directory made
    stay as they are.
    """
    if matching is None:
        matching = Matching.of(stored, connection)
        matching.claim(wanted.values(), preferences)
    directory, active = Origin.DIRECTORY, Status.ACTIVE
    made_here = [each for each in stored if each.origin is directory and each.connection == connection]
    known = {recipient.object_id: recipient for recipient in made_here}
    profile_of = preferences.attributes.to_profile
    eligible = {user.id: profile_of(user) for user in wanted.values() if preferences.exclusion(user) is None}
    writes: list[Write] = []
    skipped: list[Change] = []
    for person, user in wanted.items():
        recipient = known.get(person) or matching.by_object_id.get(person)
        if (profile := eligible.get(person)) is None:
            reason = preferences.exclusion(user)
            if recipient is None and reason is not None:
                skipped.append(_skip(person, user.display_name, reason))
            continue
        adopted = None
        if recipient is None:
            adopted = matching.by_mail_of(profile)
            if adopted is _AMBIGUOUS:
                skipped.append(_skip(person, profile.display_name, Reason.AMBIGUOUS_EMAIL))
                continue
        found = recipient or adopted
        groups = provenance.groups(person, found.groups if found else ())
        if managers is not NO_MANAGERS:
            profile = managers.named(profile, person, found.last_applied if found else None)
        outcome = _settle(connection, person, profile, found, groups, preferences)
        if isinstance(outcome, Write):
            writes.append(outcome)
        elif outcome is not None:
            skipped.append(outcome)
    writes.sort(key=partial(_row_order, connection) if matching.any else _BY_ROW)
    skipped.sort(key=lambda change: recipient_id_of(connection, change.object_id or ObjectId("")))
    added = Counts.of([write.change for write in writes])
    return Decision(
        writes=tuple(writes),
        skipped=tuple(skipped),
        candidates=tuple(_candidates(wanted, made_here, preferences, proof)),
        baseline=len([each for each in made_here if each.status is active]),
        active=len([each for each in stored if each.status is active]) + added.created + added.reactivated,
        irregular=_irregular(connection, eligible, made_here, writes) if len(made_here) == len(stored) else None,
    )


def _row_order(connection: ConnectionId, write: Write) -> RecipientId:
    """Return where a write belongs in the order of people, which is that of the rows that their directory makes."""
    person = write.recipient.object_id
    if write.recipient.origin is Origin.DIRECTORY or person is None:
        return write.recipient.id
    return recipient_id_of(connection, person)


def _irregular(
    connection: ConnectionId,
    eligible: Mapping[ObjectId, Profile],
    made_here: Iterable[Recipient],
    writes: Iterable[Write],
) -> tuple[RecipientId, ...] | None:
    """Return the irregular recipients, given all that are stored; None if one was matched that was made otherwise."""
    after = {recipient.object_id: recipient for recipient in made_here}
    after.update([(write.recipient.object_id, write.recipient) for write in writes])
    irregular = [recipient_id_of(connection, person) for person in eligible.keys() - after.keys()]
    directory, active = Origin.DIRECTORY, Status.ACTIVE
    for person, recipient in after.items():
        if recipient.origin is not directory:
            return None
        if (
            recipient.groups
            or recipient.status is not active
            or recipient.reason is not None
            or person not in eligible
            or (recipient.last_applied is not recipient.profile and recipient.last_applied != recipient.profile)
        ):
            irregular.append(recipient.id)
    return tuple(sorted(irregular))


def new_recipient(
    connection: ConnectionId, person: ObjectId, profile: Profile, groups: tuple[ObjectId, ...]
) -> Recipient:
    """Return what a first sync makes of a person."""
    return Recipient(
        id=recipient_id_of(connection, person),
        origin=Origin.DIRECTORY,
        status=Status.ACTIVE,
        profile=profile,
        object_id=person,
        connection=connection,
        last_applied=profile,
        groups=groups,
    )


def _settle(
    connection: ConnectionId,
    person: ObjectId,
    profile: Profile,
    recipient: Recipient | None,
    groups: tuple[ObjectId, ...],
    preferences: Preferences,
) -> Write | Change | None:
    """Return what to write for somebody who should be a recipient, why not, or None if all is as it should be."""
    if recipient is None:
        return _create(connection, person, profile, groups)
    if recipient.origin is not Origin.DIRECTORY and not preferences.allow_directory_to_update_csv:
        return _skip(person, profile.display_name, Reason.CSV_OWNS, recipient.id)
    unchanged = (recipient.object_id, recipient.last_applied, recipient.groups) == (person, profile, groups)
    if unchanged and recipient.status is Status.ACTIVE:
        return None  # as nearly everybody: what follows would find so too
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
    recipient = new_recipient(connection, person, profile, groups)
    change = Change(
        kind=ChangeKind.CREATED,
        reason=Reason.NEW,
        recipient=recipient.id,
        object_id=person,
        display_name=profile.display_name,
    )
    return Write(recipient=recipient, change=change)


def merge(recipient: Recipient, directory_profile: Profile) -> tuple[Profile, tuple[str, ...]]:
    """Return the recipient's profile merged with the directory's, and the names of the fields that changed.

    Three-way: a field is written only where the directory's value differs from the one it had when last applied, so
    what a CSV file or a person wrote survives until the directory itself changes that field.
    """
    changed = {
        name: value
        for name in PROFILE_FIELDS
        if (value := getattr(directory_profile, name)) != getattr(recipient.profile, name)
        and (recipient.last_applied is None or value != getattr(recipient.last_applied, name))
    }
    return msgspec.structs.replace(recipient.profile, **changed), tuple(changed)


def _candidates(
    wanted: Mapping[ObjectId, DirectoryUser],
    made_here: Iterable[Recipient],
    preferences: Preferences,
    proof: AbsenceProof | None,
) -> list[Candidate]:
    """Return who leaves among the active recipients that the directory made, in the order of their ids."""
    if proof is None or not preferences.deactivate_missing:
        return []
    candidates = []
    for recipient in made_here:
        person = recipient.object_id
        if recipient.status is not Status.ACTIVE or recipient.connection != proof.connection or person is None:
            continue
        reason = preferences.exclusion(wanted[person]) if person in wanted else _missing(recipient, preferences, proof)
        if reason is not None:
            candidates.append(Candidate(recipient=recipient.id, object_id=person, reason=reason))
    return sorted(candidates, key=attrgetter("recipient"))


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
