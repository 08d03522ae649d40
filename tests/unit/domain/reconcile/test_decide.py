"""Who becomes, stays and stops being a recipient."""

import msgspec
import pytest

from shared.domain.directory import DirectoryUser, InactiveReason, Source
from shared.domain.preferences.preferences import Preferences
from shared.domain.recipient import ChangeKind, Origin, Profile, Reason, Recipient, Status
from shared.domain.reconcile.absence import AbsenceProof
from shared.domain.reconcile.decide import Decision, decide
from tests.support.builders import csv_recipient, desired, person, snapshot, user

CAREFUL = Preferences()
FROM_DIRECTORY_TO_CSV = Preferences(allow_directory_to_update_csv=True)
SOURCE = Source().id


def proof(*users: DirectoryUser) -> AbsenceProof:
    """Return the proof that a complete read of one source gives."""
    found = AbsenceProof.of([SOURCE], {SOURCE: snapshot(SOURCE, *users)})
    assert found is not None
    return found


def apply(stored: list[Recipient], decision: Decision) -> list[Recipient]:
    """Return what is stored after the decision's writes."""
    after = {each.id: each for each in stored}
    after.update((write.recipient.id, write.recipient) for write in decision.writes)
    return list(after.values())


def synced(*users: DirectoryUser) -> list[Recipient]:
    """Return the recipients that a first sync of these users makes."""
    return apply([], decide(desired(*users), [], CAREFUL, proof(*users)))


def test_a_new_person_becomes_an_active_recipient_of_origin_directory() -> None:
    """The recipient carries the person's object id and what the directory says."""
    decision = decide(desired(user(1)), [], CAREFUL, proof(user(1)))
    (write,) = decision.writes
    assert write.change.kind is ChangeKind.CREATED
    assert write.recipient.origin is Origin.DIRECTORY
    assert write.recipient.status is Status.ACTIVE
    assert write.recipient.object_id == person(1)
    assert write.recipient.profile.mail == "user1@example.com"
    assert decision.active == 1


def test_deciding_again_changes_nothing() -> None:
    """A decision that was applied is not made again."""
    decision = decide(desired(user(1), user(2)), synced(user(1), user(2)), CAREFUL, proof(user(1), user(2)))
    assert (decision.writes, decision.skipped, decision.candidates) == ((), (), ())


def test_a_renamed_person_is_updated_in_just_that_field() -> None:
    """The change names the field, and keeps the row as it was so that it can be undone."""
    before = synced(user(1))
    renamed = user(1, display_name="Someone Else")
    (write,) = decide(desired(renamed), before, CAREFUL, None).writes
    assert (write.change.kind, write.change.fields) == (ChangeKind.UPDATED, ("display_name",))
    assert write.change.before == before[0]


def test_somebody_missing_is_a_candidate_only_with_proof() -> None:
    """Without a complete read of every source nobody can be called absent."""
    stored = synced(user(1), user(2))
    assert decide(desired(user(1)), stored, CAREFUL, None).candidates == ()
    (candidate,) = decide(desired(user(1)), stored, CAREFUL, proof(user(1))).candidates
    assert (candidate.object_id, candidate.reason) == (person(2), Reason.LEFT_GROUP)


def test_nobody_is_a_candidate_when_the_preference_is_off() -> None:
    """The toggle keeps leavers active."""
    keep = Preferences(deactivate_missing=False)
    assert decide({}, synced(user(1)), keep, proof()).candidates == ()


def test_a_disabled_account_counts_as_not_found() -> None:
    """It gets no recipient, and an existing one becomes a candidate with that reason."""
    disabled = user(1, inactive=InactiveReason.DISABLED)
    assert decide(desired(disabled), [], CAREFUL, proof(disabled)).skipped[0].reason is Reason.ACCOUNT_DISABLED
    (candidate,) = decide(desired(disabled), synced(user(1)), CAREFUL, proof(disabled)).candidates
    assert candidate.reason is Reason.ACCOUNT_DISABLED


@pytest.mark.parametrize(("include", "expected"), [(True, 1), (False, 0)])
def test_guests_are_included_unless_switched_off(include: bool, expected: int) -> None:  # noqa: FBT001 - a table
    """The toggle decides about guests, and the skip says so."""
    guest = user(1, guest=True)
    decision = decide(desired(guest), [], Preferences(include_guests=include), proof(guest))
    assert len(decision.writes) == expected
    assert [skip.reason for skip in decision.skipped] == [Reason.GUEST_EXCLUDED] * (1 - expected)


def test_without_mail_the_user_principal_name_is_the_address_unless_it_is_a_guests() -> None:
    """A guest's `#EXT#` name is nobody's address."""
    member = user(1, mail=None, user_principal_name="anna@contoso.com")
    guest = user(2, mail=None, guest=True, user_principal_name="b_x.com#EXT#@contoso.onmicrosoft.com")
    mails = {recipient.object_id: recipient.profile.mail for recipient in synced(member, guest)}
    assert mails == {person(1): "anna@contoso.com", person(2): None}


def test_a_csv_recipient_with_the_same_address_is_left_alone_by_default() -> None:
    """It is skipped with its reason, and no duplicate is made."""
    stored = [csv_recipient("anna", mail="USER1@Example.com")]
    decision = decide(desired(user(1)), stored, CAREFUL, proof(user(1)))
    assert decision.writes == ()
    assert [(skip.reason, skip.recipient) for skip in decision.skipped] == [(Reason.CSV_OWNS, "anna")]


def test_a_csv_recipient_is_updated_where_allowed_and_keeps_its_origin() -> None:
    """The directory's values win at the first match, and the object id is learnt."""
    stored = [csv_recipient("anna", mail="user1@example.com", department="CSV")]
    (write,) = decide(desired(user(1, department="IT")), stored, FROM_DIRECTORY_TO_CSV, None).writes
    assert write.recipient.origin is Origin.CSV
    assert write.recipient.object_id == person(1)
    assert write.recipient.profile.department == "IT"


def test_an_edit_survives_until_the_directory_changes_that_field() -> None:
    """Three-way: only what the directory changed since it was last applied is written."""
    (stored,) = synced(user(1, department="IT"))
    edited = msgspec.structs.replace(stored, profile=msgspec.structs.replace(stored.profile, department="Post room"))
    assert decide(desired(user(1, department="IT")), [edited], CAREFUL, None).writes == ()
    (write,) = decide(desired(user(1, department="IT", job_title="Lead")), [edited], CAREFUL, None).writes
    assert (write.recipient.profile.department, write.recipient.profile.job_title) == ("Post room", "Lead")
    (write,) = decide(desired(user(1, department="HR")), [edited], CAREFUL, None).writes
    assert write.recipient.profile.department == "HR"


def test_two_users_with_one_address_are_reported_and_never_guessed() -> None:
    """A CSV recipient that either could mean is touched by neither."""
    stored = [csv_recipient("anna", mail="shared@example.com")]
    both = desired(user(1, mail="shared@example.com"), user(2, mail="Shared@example.com"))
    decision = decide(both, stored, FROM_DIRECTORY_TO_CSV, None)
    assert decision.writes == ()
    assert [skip.reason for skip in decision.skipped] == [Reason.AMBIGUOUS_EMAIL] * 2


def test_two_csv_recipients_with_one_address_are_reported_and_never_guessed() -> None:
    """Neither is updated, and no third recipient appears."""
    stored = [csv_recipient("anna", mail="user1@example.com"), csv_recipient("bob", mail="user1@example.com")]
    decision = decide(desired(user(1)), stored, FROM_DIRECTORY_TO_CSV, None)
    assert (decision.writes, decision.skipped[0].reason) == ((), Reason.AMBIGUOUS_EMAIL)


def test_who_returns_is_reactivated() -> None:
    """What a sync deactivated, a sync activates again."""
    (stored,) = synced(user(1))
    left = msgspec.structs.replace(stored, status=Status.DEACTIVATED_BY_SYNC, reason=Reason.LEFT_GROUP.value)
    (write,) = decide(desired(user(1)), [left], CAREFUL, None).writes
    assert write.change.kind is ChangeKind.REACTIVATED
    assert (write.recipient.status, write.recipient.reason) == (Status.ACTIVE, None)


def test_who_was_deactivated_by_hand_stays_so() -> None:
    """A person's decision is not undone by a sync, and the skip says why."""
    (stored,) = synced(user(1))
    off = msgspec.structs.replace(stored, status=Status.DEACTIVATED_MANUALLY)
    decision = decide(desired(user(1)), [off], CAREFUL, None)
    assert (decision.writes, decision.skipped[0].reason) == ((), Reason.DEACTIVATED_MANUALLY)


def test_csv_and_manual_recipients_are_never_candidates() -> None:
    """Sync deactivates only what came from the directory."""
    manual = Recipient(id=csv_recipient("x").id, origin=Origin.MANUAL, status=Status.ACTIVE, profile=Profile())
    assert decide({}, [csv_recipient("anna", mail="a@b.c"), manual], CAREFUL, proof()).candidates == ()


def test_a_location_without_any_source_lets_go_of_everybody() -> None:
    """With no mapping left, the reason is the mapping."""
    (candidate,) = decide({}, synced(user(1)), CAREFUL, AbsenceProof.of([], {})).candidates
    assert candidate.reason is Reason.MAPPING_REMOVED


def test_a_changed_address_is_still_the_same_person() -> None:
    """Identity is the object id, never the address."""
    (write,) = decide(desired(user(1, mail="new@example.com")), synced(user(1)), CAREFUL, None).writes
    assert (write.change.kind, write.recipient.object_id) == (ChangeKind.UPDATED, person(1))
