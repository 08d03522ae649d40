"""Explanation, in words, of why a person is or is not a recipient at a location."""

from collections.abc import Mapping, Sequence

import msgspec

from shared.domain.directory import DirectoryUser, Group
from shared.domain.ids import LocationId, ObjectId, RecipientId, RunId, SourceId
from shared.domain.preferences.group_mapping import GroupMapping, Location
from shared.domain.preferences.preferences import Mode, Preferences
from shared.domain.recipient import Origin, Reason, Recipient, Status
from shared.domain.reconcile.absence import EVERYONE

#: How a recipient that did not come from the directory was created.
_ORIGINS = {Origin.CSV: "by a CSV import", Origin.MANUAL: "manually"}
#: Sentence by reason, about the person in question.
_SENTENCES = {
    Reason.ACCOUNT_DISABLED: "The account is disabled in the directory.",
    Reason.ACCOUNT_DELETED: "The account no longer exists in the directory.",
    Reason.LEFT_GROUP: "This person is not a member of a group that is mapped to this location.",
    Reason.ATTRIBUTE_CHANGED: "Neither the location rule nor a mapped group assigns this person here any longer.",
    Reason.STATUS_UNKNOWN: "The directory does not show whether the account is enabled, so nothing changes here.",
    Reason.GUEST_EXCLUDED: "This person is a guest, and the preferences exclude guests.",
    Reason.NO_EMAIL: "This person does not have an e-mail address, but the preferences require one.",
    Reason.FILTERED: "A filter in the preferences excludes this person.",
    Reason.MAPPING_REMOVED: "The location no longer has a mapped group.",
    Reason.NOT_IN_FILE: "The last CSV file that replaced earlier files does not contain this person.",
    Reason.UNDONE: "The run that created or changed this recipient was undone.",
    Reason.DEACTIVATED_MANUALLY: "An admin deactivated this recipient. Syncs do not reactivate it.",
    Reason.CSV_OWNS: "A CSV or manual recipient has this e-mail address, and the directory may not update it.",
    Reason.AMBIGUOUS_EMAIL: "Several recipients or directory users share an e-mail address or employee ID.",
    Reason.SECOND_RECIPIENT: "Another recipient, from a file or created manually, is the same person. Remove one.",
    Reason.EARLIER_ACCOUNT: "A recipient belongs to an earlier account of this person. A sync checks that account.",
}


class GroupStep(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """One group on the membership path from a mapped group to a person."""

    id: ObjectId
    display_name: str


class Explanation(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """One location: whether the person is a recipient there, the reason code, and why."""

    location: LocationId
    recipient: RecipientId | None
    is_recipient: bool = msgspec.field(name="in")
    status: Status | None
    origin: Origin | None
    reason: str
    detail: str
    #: The mapped groups with the person as a member, when the groups were last read completely.
    groups: tuple[ObjectId, ...]
    #: Present membership paths from these groups: the mapped group first, the person's own group last.
    paths: tuple[tuple[GroupStep, ...], ...]
    #: The run that last read the groups; None before the first run.
    run: RunId | None


class PersonFacts(msgspec.Struct, frozen=True, kw_only=True):
    """The facts about a person. `live` is the user in the directory now; None if it does not exist."""

    live: DirectoryUser | None
    #: Whether the directory could be read now.
    asked: bool
    #: The person in every source that was ever read completely, as of its last read; None if absent from the source.
    read: Mapping[SourceId, DirectoryUser | None]
    run: RunId | None
    #: Present membership paths, by mapped group.
    paths: Mapping[ObjectId, Sequence[Group]] = msgspec.field(default_factory=dict)


def explain(
    location: Location, recipient: Recipient | None, facts: PersonFacts, preferences: Preferences
) -> Explanation:
    """Return why the person is or is not a recipient at a location."""
    sources = _sources(location, preferences)
    holding = [mapping for source, mapping in sources if _holds(source, mapping, location, facts, preferences)]
    reason, detail = _why(recipient, facts, preferences, sources, holding)
    return Explanation(
        location=location.id,
        recipient=recipient.id if recipient else None,
        is_recipient=recipient is not None and recipient.status is Status.ACTIVE,
        status=recipient.status if recipient else None,
        origin=recipient.origin if recipient else None,
        reason=reason,
        detail=detail,
        groups=tuple(mapping.id for mapping in holding if mapping is not None),
        paths=tuple(
            tuple(GroupStep(id=step.id, display_name=step.display_name) for step in facts.paths[mapping.id])
            for mapping in holding
            if mapping is not None and mapping.id in facts.paths
        ),
        run=facts.run,
    )


def _sources(location: Location, preferences: Preferences) -> list[tuple[SourceId, GroupMapping | None]]:
    if preferences.mode is Mode.FULL:
        return [(EVERYONE, None)]
    groups: list[tuple[SourceId, GroupMapping | None]] = [(mapping.source().id, mapping) for mapping in location.groups]
    by_rule = preferences.rule is not None and location.id in preferences.rule.locations
    return [*groups, (EVERYONE, None)] if by_rule else groups


def _holds(
    source: SourceId, mapping: GroupMapping | None, location: Location, facts: PersonFacts, preferences: Preferences
) -> bool:
    """Return whether a source assigned the person to the location when it was last read."""
    person = facts.read.get(source)
    if person is None or mapping is not None or preferences.rule is None:
        return person is not None
    return preferences.rule.location_of(person) == location.id


def _why(
    recipient: Recipient | None,
    facts: PersonFacts,
    preferences: Preferences,
    sources: Sequence[tuple[SourceId, GroupMapping | None]],
    holding: Sequence[GroupMapping | None],
) -> tuple[str, str]:
    if recipient is not None and recipient.status is Status.ACTIVE:
        return _why_in(recipient, holding, preferences)
    if recipient is not None and recipient.reason is not None:
        return recipient.reason, _sentence(recipient.reason)
    return _why_not_yet(facts, preferences) if holding else _why_in_nothing(facts, preferences, sources)


def _why_in_nothing(
    facts: PersonFacts, preferences: Preferences, sources: Sequence[tuple[SourceId, GroupMapping | None]]
) -> tuple[str, str]:
    """Return why a person is in no source of a location."""
    if facts.asked and facts.live is None:
        return Reason.ACCOUNT_DELETED.value, "The directory does not have such a user."
    if not sources:
        return "no_mapping", "This location does not have a mapped group."
    if any(source not in facts.read for source, _ in sources):
        return "not_read_yet", "The directory has not been read completely for this location yet. Start a sync first."
    if preferences.mode is Mode.GROUPS:
        return Reason.LEFT_GROUP.value, f"{_SENTENCES[Reason.LEFT_GROUP]} The next sync finds new members."
    return _why_not_yet(facts, preferences)


def _why_not_yet(facts: PersonFacts, preferences: Preferences) -> tuple[str, str]:
    """Return why a person who is in a source or in the directory is not a recipient."""
    person = facts.live or next((user for user in facts.read.values() if user is not None), None)
    if person is not None and (excluded := preferences.exclusion(person)) is not None:
        return excluded.value, _sentence(excluded.value)
    return (
        "not_synced_yet",
        "This person should be a recipient here. The next sync adds them, or shows the reason why not.",
    )


def _why_in(recipient: Recipient, holding: Sequence[GroupMapping | None], preferences: Preferences) -> tuple[str, str]:
    if recipient.origin is not Origin.DIRECTORY:
        return "by_csv_or_hand", f"The recipient was created {_ORIGINS[recipient.origin]}. Syncs never deactivate it."
    groups = [mapping for mapping in holding if mapping is not None]
    if groups:
        nested = any(mapping.transitive for mapping in groups)
        detail = f"Member of {len(groups)} of the groups mapped here{', directly or through nested groups' * nested}."
        return "in_group", detail
    if holding and preferences.rule is not None:
        return "by_attribute", "The location rule in the preferences assigns this person to this location."
    if holding:
        return "in_directory", "All users of the directory are recipients at all locations."
    return (
        "leaving",
        "This person was not found in the last sync. They stay a recipient until a sync confirms that they left.",
    )


def _sentence(reason: str) -> str:
    return _SENTENCES[Reason(reason)] if reason in _SENTENCES else f"Reason: {reason}."
