"""What holds of the decision whatever the directory and the stored recipients look like."""

import random

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.domain.directory import DirectoryUser, Existence, InactiveReason, Source
from shared.domain.ids import MAIN, ConnectionId, LocationId, RecipientId, recipient_id_of, whole_directory
from shared.domain.preferences.attribute_map import Attributes
from shared.domain.preferences.preferences import GuardLimits, Preferences
from shared.domain.recipient import PROFILE_FIELDS, Origin, Profile, Reason, Recipient, Status
from shared.domain.reconcile.absence import AbsenceProof
from shared.domain.reconcile.decide import Decision, decide
from shared.domain.reconcile.departures import confirm
from shared.domain.reconcile.guard import Loss, breaches
from shared.domain.reconcile.managers import NO_MANAGERS, Managers
from shared.domain.reconcile.provenance import Provenance
from tests.support.builders import desired, person, recipient_id_for, snapshot, user

SOURCE = Source().id
NUMBERS = st.integers(0, 5)
OTHER = ConnectionId("other")
CONNECTIONS = st.sampled_from([MAIN, MAIN, OTHER])
MAILS = st.sampled_from([None, "a@example.com", "A@example.com", "b@example.com", "c@example.com"])
WORDS = st.sampled_from([None, "IT", "HR"])


GROUPS = st.sets(st.integers(100, 103).map(person)).map(lambda found: tuple(sorted(found)))
#: Which groups hold whom, and which could not be read.
PROVENANCES = st.builds(Provenance, held_by=st.dictionaries(NUMBERS.map(person), GROUPS), unread=GROUPS.map(frozenset))


@st.composite
def users(draw: st.DrawFn) -> DirectoryUser:
    """Draw a directory user out of few, with few addresses, so that clashes are common."""
    return user(
        draw(NUMBERS),
        mail=draw(MAILS),
        department=draw(WORDS),
        inactive=draw(st.sampled_from([None, *InactiveReason])),
        guest=draw(st.booleans()),
        mobile_phone=draw(st.sampled_from([None, "0170 1234567", "desk"])),
        aliases=draw(st.sampled_from([(), ("x@example.com",)])),
        manager=draw(st.one_of(st.none(), NUMBERS.map(person))),
    )


@st.composite
def recipients(draw: st.DrawFn) -> Recipient:
    """Draw a stored recipient of any origin and status, of this connection or another one that has the same ids."""
    origin = draw(st.sampled_from(Origin))
    number = draw(NUMBERS)
    matched = origin is Origin.DIRECTORY or draw(st.booleans())
    connection = draw(CONNECTIONS)
    profile = Profile(mail=draw(MAILS), department=draw(WORDS))
    statuses = list(Status) if origin is Origin.DIRECTORY else [Status.ACTIVE, Status.DEACTIVATED_MANUALLY]
    status = draw(st.sampled_from(statuses))
    return Recipient(
        id=recipient_id_for(number, connection) if origin is Origin.DIRECTORY else RecipientId(f"{origin}-{number}"),
        origin=origin,
        status=status,
        profile=profile,
        object_id=person(number) if matched else None,
        connection=connection if matched else None,
        last_applied=draw(st.sampled_from([profile, Profile(mail="a@example.com")])) if matched else None,
        reason=Reason.LEFT_GROUP.value if status is Status.DEACTIVATED_BY_SYNC else None,
        groups=draw(GROUPS) if matched else (),
    )


DIRECTORIES = st.lists(users(), unique_by=lambda each: each.id)
STORED = st.lists(recipients(), unique_by=lambda each: each.id)
PREFERENCES = st.builds(
    Preferences,
    allow_directory_to_update_csv=st.booleans(),
    deactivate_missing=st.booleans(),
    include_guests=st.booleans(),
    attributes=st.builds(
        Attributes,
        map=st.sampled_from([{}, {"department": None}, {"jobTitle": "department"}]),
        default_country=st.sampled_from([None, "DE"]),
        manager=st.booleans(),
    ),
)


def decided(
    directory: list[DirectoryUser],
    stored: list[Recipient],
    preferences: Preferences,
    provenance: Provenance | None = None,
) -> Decision:
    """Decide with proof, and with managers where the preferences ask for them."""
    proof = AbsenceProof.of([SOURCE], {SOURCE: snapshot(SOURCE, *directory)})
    managers = Managers(directory=desired(*directory)) if preferences.attributes.manager else NO_MANAGERS
    return decide(desired(*directory), stored, preferences, proof, provenance or Provenance(), managers)


def applied(stored: list[Recipient], decision: Decision) -> list[Recipient]:
    """Apply a decision's writes."""
    after = {each.id: each for each in stored}
    after.update((write.recipient.id, write.recipient) for write in decision.writes)
    return list(after.values())


@given(DIRECTORIES, STORED, PREFERENCES, PROVENANCES)
def test_applying_and_deciding_again_writes_nothing(
    directory: list[DirectoryUser], stored: list[Recipient], preferences: Preferences, provenance: Provenance
) -> None:
    """Idempotent: an unchanged directory causes no write, and the same people remain candidates."""
    first = decided(directory, stored, preferences, provenance)
    second = decided(directory, applied(stored, first), preferences, provenance)
    assert second.writes == ()
    assert second.candidates == first.candidates


@given(DIRECTORIES, STORED, PREFERENCES, st.randoms(use_true_random=False))
def test_the_order_of_the_input_is_irrelevant(
    directory: list[DirectoryUser], stored: list[Recipient], preferences: Preferences, order: random.Random
) -> None:
    """Pages and rows may come in any order."""
    expected = decided(directory, stored, preferences)
    order.shuffle(directory)
    order.shuffle(stored)
    assert decided(directory, stored, preferences) == expected


@given(DIRECTORIES, STORED, PREFERENCES)
def test_everybody_in_scope_is_active_once_or_skipped_with_a_reason(
    directory: list[DirectoryUser], stored: list[Recipient], preferences: Preferences
) -> None:
    """Completeness: nobody in scope is silently missing, and nobody gets a second recipient of origin directory."""
    decision = decided(directory, stored, preferences)
    after = applied(stored, decision)
    skipped = {change.object_id for change in decision.skipped}
    for each in directory:
        by_hand = {found.id for found in stored if found.status is Status.DEACTIVATED_MANUALLY}
        mine = [found for found in after if found.id == recipient_id_of(MAIN, each.id)]
        assert len(mine) <= 1
        if preferences.exclusion(each) is None and each.id not in skipped:
            said = preferences.attributes.to_profile(each)
            if preferences.attributes.manager:
                said = Managers(directory=desired(*directory)).named(said, each.id, None)
            (found,) = [
                found
                for found in after
                if (found.connection, found.object_id) == (MAIN, each.id) and found.last_applied == said
            ]
            assert found.status is (Status.DEACTIVATED_MANUALLY if found.id in by_hand else Status.ACTIVE)


@given(DIRECTORIES, STORED, PREFERENCES)
def test_what_the_directory_has_not_changed_keeps_what_others_wrote(
    directory: list[DirectoryUser], stored: list[Recipient], preferences: Preferences
) -> None:
    """Three-way, field by field: said as when it was last applied, a field stays as a file or a person left it."""
    before = {each.id: each for each in stored}
    for write in decided(directory, stored, preferences).writes:
        old = before.get(write.recipient.id)
        if old is None or old.last_applied is None or write.recipient.last_applied is None:
            continue
        for name in PROFILE_FIELDS:
            if getattr(write.recipient.last_applied, name) == getattr(old.last_applied, name):
                assert getattr(write.recipient.profile, name) == getattr(old.profile, name)
            else:
                assert getattr(write.recipient.profile, name) == getattr(write.recipient.last_applied, name)


@given(DIRECTORIES, STORED, PREFERENCES)
def test_without_proof_there_are_no_candidates(
    directory: list[DirectoryUser], stored: list[Recipient], preferences: Preferences
) -> None:
    """A partial read deactivates nobody, whatever is missing from it."""
    assert decide(desired(*directory), stored, preferences, None).candidates == ()


@given(DIRECTORIES, STORED, PREFERENCES)
def test_nothing_of_another_origin_is_touched_without_permission(
    directory: list[DirectoryUser], stored: list[Recipient], preferences: Preferences
) -> None:
    """Ownership: CSV and manual rows change only where allowed, and are never candidates."""
    decision = decided(directory, stored, preferences)
    foreign = {recipient.id for recipient in stored if recipient.origin is not Origin.DIRECTORY}
    assert not foreign & {candidate.recipient for candidate in decision.candidates}
    if not preferences.allow_directory_to_update_csv:
        assert not foreign & {write.recipient.id for write in decision.writes}


LOSSES = st.builds(
    Loss,
    location=st.sampled_from([LocationId("a"), LocationId("b"), LocationId("c")]),
    baseline=st.integers(0, 400),
    candidates=st.integers(0, 400),
    day=st.integers(0, 50),
    week=st.integers(0, 50),
)


@settings(max_examples=300)
@given(st.lists(LOSSES, unique_by=lambda each: each.location, min_size=1), st.integers(1, 50))
def test_the_guard_is_monotone(losses: list[Loss], more: int) -> None:
    """Losing more people never releases what would have been held."""
    first = losses[0]
    worse = msgspec.structs.replace(first, candidates=first.candidates + more)
    if breaches(losses, GuardLimits()):
        assert breaches([worse, *losses[1:]], GuardLimits())


@given(DIRECTORIES, STORED, PREFERENCES)
def test_what_another_connection_brought_stays_as_it_is(
    directory: list[DirectoryUser], stored: list[Recipient], preferences: Preferences
) -> None:
    """It is not written, and absence here makes none of its people a candidate, whichever ids they have."""
    theirs = {each.id for each in stored if each.connection == OTHER}
    for proof in (AbsenceProof.of([SOURCE], {SOURCE: snapshot(SOURCE, *directory)}), AbsenceProof.of([], {})):
        decision = decide(desired(*directory), stored, preferences, proof)
        assert not theirs & {write.recipient.id for write in decision.writes}
        assert not theirs & {candidate.recipient for candidate in decision.candidates}
        assert decision.baseline <= sum(each.connection == MAIN for each in stored)


@given(DIRECTORIES, STORED, PREFERENCES)
def test_a_proof_of_another_connection_makes_no_candidate(
    directory: list[DirectoryUser], stored: list[Recipient], preferences: Preferences
) -> None:
    """Nor is there one that was built of sources of several connections."""
    assert AbsenceProof.of([SOURCE], {SOURCE: snapshot(SOURCE, *directory)}, OTHER) is None
    theirs = whole_directory(OTHER)
    proof = AbsenceProof.of([theirs], {theirs: snapshot(theirs)}, OTHER)
    assert proof is not None
    assert decide(desired(*directory), stored, preferences, proof).candidates == ()


@given(DIRECTORIES, STORED, PREFERENCES, st.randoms(use_true_random=False))
def test_only_evidence_about_a_very_person_confirms_a_departure(
    directory: list[DirectoryUser], stored: list[Recipient], preferences: Preferences, chance: random.Random
) -> None:
    """People without an answer, or answered `unknown`, stay; and only candidates leave."""
    candidates = decided(directory, stored, preferences).candidates
    answers = {candidate.object_id: chance.choice(list(Existence)) for candidate in candidates if chance.random() < 0.8}
    leaving = confirm(candidates, answers, preferences)
    assert {candidate.recipient for candidate in leaving} <= {candidate.recipient for candidate in candidates}
    unknown = {
        candidate
        for candidate in candidates
        if answers.get(candidate.object_id, Existence.UNKNOWN) is Existence.UNKNOWN
    }
    assert not {each.recipient for each in unknown} & {candidate.recipient for candidate in leaving}
    assert confirm(candidates, dict.fromkeys(answers, Existence.UNKNOWN), preferences) == ()


@given(DIRECTORIES, STORED, PREFERENCES)
def test_an_inconclusive_snapshot_is_not_a_proof(
    directory: list[DirectoryUser], stored: list[Recipient], preferences: Preferences
) -> None:
    """It gives the same writes as a conclusive one, and no candidate, even if another source could not be read."""
    read = snapshot(SOURCE, *directory, conclusive=False)
    assert AbsenceProof.of([SOURCE], {SOURCE: read}) is None
    assert AbsenceProof.of([SOURCE, Source(group=person(9)).id], {SOURCE: read}) is None
    found = decide(desired(*directory), stored, preferences, None)
    assert found.candidates == ()
    proof = AbsenceProof.of([SOURCE], {SOURCE: snapshot(SOURCE, *directory)})
    assert found.writes == decide(desired(*directory), stored, preferences, proof).writes


@given(DIRECTORIES, STORED, PREFERENCES, st.randoms(use_true_random=False))
def test_after_a_partial_read_only_deleted_and_disabled_accounts_leave(
    directory: list[DirectoryUser], stored: list[Recipient], preferences: Preferences, chance: random.Random
) -> None:
    """The writes are those of a complete read. Its candidates are asked about, and no other answer confirms one."""
    read = {SOURCE: snapshot(SOURCE, *directory)}
    partial, complete = AbsenceProof.of([SOURCE, Source(group=person(9)).id], read), AbsenceProof.of([SOURCE], read)
    found = decide(desired(*directory), stored, preferences, partial)
    whole = decide(desired(*directory), stored, preferences, complete)
    assert found.writes == whole.writes
    assert {each.recipient for each in found.candidates} <= {each.recipient for each in whole.candidates}
    assert all(candidate.account_only for candidate in found.candidates)
    assert not any(candidate.account_only for candidate in whole.candidates)
    answers = {candidate.object_id: chance.choice(list(Existence)) for candidate in found.candidates}
    proven = {Existence.NOT_FOUND: Reason.ACCOUNT_DELETED, Existence.DISABLED: Reason.ACCOUNT_DISABLED}
    assert [(each.object_id, each.reason) for each in confirm(found.candidates, answers, preferences)] == [
        (each.object_id, proven[answers[each.object_id]])
        for each in found.candidates
        if answers[each.object_id] in proven
    ]
