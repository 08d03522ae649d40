"""One person is one recipient, and two people are never one: matching, whatever the directory and the files say."""

import random

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.domain.directory import DirectoryUser, Source
from shared.domain.ids import MAIN, ObjectId, RecipientId
from shared.domain.preferences.preferences import Mode, Preferences
from shared.domain.recipient import Origin, Profile, Reason, Recipient, Status
from shared.domain.reconcile.absence import AbsenceProof
from shared.domain.reconcile.decide import Decision, decide
from shared.domain.text import address_key, comparison_key
from tests.support.builders import desired, person, snapshot, user

SOURCE = Source().id
#: Few values in several spellings, so that they meet.
MAILS = st.sampled_from(["a@x.example", "A@X.example", "b@x.example", "c@x.example"])
EMPLOYEES = st.sampled_from(["e1", "E1", "e2"])
MAY = Preferences(allow_directory_to_update_csv=True, mode=Mode.FULL)
STEPS = ("mail", "aliases", "user_principal_name", "other_mails", "employee_id")


@st.composite
def directories(draw: st.DrawFn) -> list[DirectoryUser]:
    """Draw some users, whose addresses are anywhere."""
    return [
        user(
            number,
            mail=draw(st.one_of(st.none(), MAILS)),
            aliases=tuple(draw(st.sets(MAILS.map(str.lower), max_size=2))),
            user_principal_name=draw(st.one_of(st.just(f"user{number}@x.example"), MAILS)),
            other_mails=tuple(draw(st.sets(MAILS.map(str.lower), max_size=1))),
            employee_id=draw(st.one_of(st.none(), EMPLOYEES)),
        )
        for number in sorted(draw(st.sets(st.integers(0, 5), max_size=5)))
    ]


@st.composite
def some_stored(draw: st.DrawFn) -> list[Recipient]:
    """Draw recipients of files and people, of which some were matched with an account; no account has two."""
    found = []
    accounts = draw(st.permutations([person(number) for number in range(8)]))
    for number in range(draw(st.integers(0, 5))):
        account = accounts[number] if draw(st.booleans()) else None
        profile = Profile(mail=draw(st.one_of(st.none(), MAILS)), employee_id=draw(st.one_of(st.none(), EMPLOYEES)))
        origin = draw(st.sampled_from([Origin.CSV, Origin.MANUAL]))
        found.append(
            Recipient(
                id=RecipientId(f"r{number}"),
                origin=origin,
                status=draw(st.sampled_from([Status.ACTIVE, Status.DEACTIVATED_MANUALLY])),
                profile=profile,
                object_id=account,
                connection=MAIN if account else None,
                last_applied=profile if account else None,
            )
        )
    return found


def decided(directory: list[DirectoryUser], stored: list[Recipient]) -> Decision:
    """Decide after a complete read."""
    proof = AbsenceProof.of([SOURCE], {SOURCE: snapshot(SOURCE, *directory)})
    return decide(desired(*directory), stored, MAY, proof)


def applied(stored: list[Recipient], decision: Decision, existing: set[ObjectId]) -> list[Recipient]:
    """Return what is stored after the writes, and after the relinks of accounts that exist or do not."""
    after = {each.id: each for each in stored}
    after.update((write.recipient.id, write.recipient) for write in decision.writes)
    for relink in sorted(decision.relinks, key=lambda each: each.if_deleted.recipient.object_id is None):
        write = relink.if_found if relink.account in existing else relink.if_deleted
        if write is not None and after.get(write.recipient.id) == write.change.before:
            after[write.recipient.id] = write.recipient
    return list(after.values())


def values(each: DirectoryUser, step: str) -> set[str]:
    """Return the values of a user by which a step compares."""
    found = getattr(each, step)
    texts = found if isinstance(found, tuple) else (found,)
    return {comparison_key(text) if step == "employee_id" else address_key(text) for text in texts if text}


def who(recipient: Recipient, directory: list[DirectoryUser]) -> tuple[str, list[ObjectId]]:
    """Return the step that says who a recipient is, and who that can be, as docs/reference/recipient-rules.md says."""
    suspects = [each.id for each in directory]
    several: list[ObjectId] = []
    for step in STEPS:
        value = recipient.profile.employee_id if step == "employee_id" else recipient.profile.mail
        key = (comparison_key if step == "employee_id" else address_key)(value or "")
        have = [each.id for each in directory if key and key in values(each, step) and each.id in suspects]
        if len(have) == 1:
            return step, have
        if have:
            suspects = several = have
    return "", several


@settings(max_examples=400)
@given(directories(), some_stored())
def test_a_recipient_is_matched_with_the_only_person_it_can_be(
    directory: list[DirectoryUser], stored: list[Recipient]
) -> None:
    """By the first step that names only one; two recipients of one step, or two people, are not matched."""
    listed = {each.id for each in directory}
    mine = {each.object_id for each in stored}
    free = [each for each in stored if each.object_id not in listed]
    claims = {each.id: who(each, directory) for each in free}
    decision = decided(directory, stored)
    matched = {write.recipient.object_id: write.recipient.id for write in decision.writes if write.change.before}
    matched |= {
        relink.if_deleted.recipient.object_id: relink.if_deleted.recipient.id
        for relink in decision.relinks
        if relink.if_deleted.recipient.object_id is not None
    }
    skipped = {change.object_id for change in decision.skipped if change.reason is Reason.AMBIGUOUS_EMAIL}
    for each in directory:
        if each.id in mine:
            continue
        for_me = [
            (STEPS.index(step), found) for found, (step, people) in claims.items() if people == [each.id] and step
        ]
        first = [found for step, found in for_me if step == min(for_me)[0]]
        doubtful = any(each.id in people for step, people in claims.values() if not step)
        assert matched.get(each.id) == (first[0] if len(first) == 1 else None)
        assert (each.id in skipped) == (len(first) > 1 or (not first and doubtful))


@given(directories(), some_stored(), st.sets(st.integers(0, 8).map(person)))
def test_no_account_has_two_recipients_and_no_recipient_two_accounts(
    directory: list[DirectoryUser], stored: list[Recipient], existing: set[ObjectId]
) -> None:
    """Not of the same origin, and a recipient leaves its account only if that is deleted."""
    existing |= {each.id for each in directory}
    after = applied(stored, decided(directory, stored), existing)
    for origins in ({Origin.DIRECTORY}, {Origin.CSV, Origin.MANUAL}):
        accounts = [each.object_id for each in after if each.origin in origins and each.object_id is not None]
        assert len(accounts) == len(set(accounts))
    before = {each.id: each.object_id for each in stored}
    for each in after:
        if before.get(each.id) is not None and before[each.id] != each.object_id:
            assert before[each.id] not in existing
    created = {each.object_id for each in after if each.origin is Origin.DIRECTORY}
    assert not created & {each.object_id for each in after if each.origin is not Origin.DIRECTORY}


@given(directories(), some_stored(), st.sets(st.integers(0, 8).map(person)))
def test_matching_again_changes_nothing(
    directory: list[DirectoryUser], stored: list[Recipient], existing: set[ObjectId]
) -> None:
    """Once the directory has said which accounts exist, nothing is left to write."""
    existing |= {each.id for each in directory}
    after = stored
    for _ in range(8):  # a freed recipient can be matched by the next run
        after = applied(after, decided(directory, after), existing)
    again = decided(directory, after)
    assert again.writes == ()
    assert applied(after, again, existing) == after


@given(directories(), some_stored(), st.randoms(use_true_random=False))
def test_the_order_is_irrelevant(directory: list[DirectoryUser], stored: list[Recipient], order: random.Random) -> None:
    """Of users and of recipients."""
    expected = decided(directory, stored)
    order.shuffle(directory)
    order.shuffle(stored)
    assert msgspec.structs.asdict(decided(directory, stored)) == msgspec.structs.asdict(expected)
