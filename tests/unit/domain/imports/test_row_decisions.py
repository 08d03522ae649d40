"""What an import does, and what undoing puts back."""

import random

import msgspec
import pytest

from shared.domain.ids import RecipientId
from shared.domain.imports.csv_file import Row
from shared.domain.imports.row_decisions import ImportMode
from shared.domain.preferences.preferences import Preferences
from shared.domain.recipient import ChangeKind, Origin, Profile, Reason, Recipient, Status
from shared.domain.reconcile.decide import decide
from shared.domain.reconcile.undo import undo
from shared.domain.reconcile.write import Write
from tests.support.builders import csv_recipient, desired, recipient_id_for, user
from tests.support.imports import ImportDecision, decide_import, duplicates

CAREFUL = Preferences()
MAY_UPDATE = Preferences(allow_csv_to_update_directory=True)


def row(line: int, **fields: str | None) -> Row:
    """Return a row."""
    return Row(line=line, fields=fields)


def directory(number: int) -> Recipient:
    """Return the recipient that a sync makes of the n-th user."""
    (write,) = decide(desired(user(number)), [], CAREFUL, None).writes
    return write.recipient


def apply(stored: list[Recipient], writes: tuple[Write, ...]) -> list[Recipient]:
    """Return what is stored after some writes."""
    return list(
        ({each.id: each for each in stored} | {write.recipient.id: write.recipient for write in writes}).values()
    )


def merge(rows: list[Row], stored: list[Recipient], preferences: Preferences = CAREFUL) -> ImportDecision:
    """Import without overwriting."""
    return decide_import(rows, stored, preferences, ImportMode.MERGE)


def test_a_new_row_becomes_a_recipient_of_origin_csv() -> None:
    """Active; and importing it again changes nothing, in whatever order."""
    rows = [row(2, display_name="Ann", mail="ANN@example.com"), row(3, display_name="Bob", employee_id="7")]
    decision = merge(rows, [])
    assert {(write.recipient.origin, write.recipient.status) for write in decision.writes} == {
        (Origin.CSV, Status.ACTIVE)
    }
    stored = apply([], decision.writes)
    random.Random(1).shuffle(stored)
    again = merge(rows[::-1], stored)
    assert (again.writes, again.unchanged, again.refused) == ((), 2, ())


def test_rows_find_their_recipients() -> None:
    """By address without regard to case, else by employee id, else by name."""
    stored = [
        csv_recipient("a", mail="Ann@Example.com"),
        csv_recipient("b", employee_id="E7"),
        csv_recipient("c", display_name="Carl Case"),
        csv_recipient("d", mail="dora@example.com", employee_id="E9"),
    ]
    rows = [
        row(2, mail="ann@example.COM", department="IT"),
        row(3, display_name="Bob", employee_id="e7", department="IT"),
        row(4, display_name="CARL CASE", department="IT"),
        row(5, display_name="Dora", employee_id="E9", department="IT"),
    ]
    assert {write.recipient.id for write in merge(rows, stored).writes} == {"a", "b", "c", "d"}


@pytest.mark.parametrize("mode", ImportMode)
def test_an_address_is_added_to_a_known_employee(mode: ImportMode) -> None:
    """The same recipient in both modes, and again with the next file; also if the old address has changed."""
    stored = [csv_recipient("a", employee_id="E7"), csv_recipient("b", mail="old@example.com", employee_id="E8")]
    rows = [row(2, mail="ann@example.com", employee_id="e7"), row(3, mail="new@example.com", employee_id="E8")]
    decision = decide_import(rows, stored, CAREFUL, mode)
    assert {write.recipient.id: write.recipient.profile.mail for write in decision.writes} == {
        "a": "ann@example.com",
        "b": "new@example.com",
    }
    assert decision.leaving == ()
    again = decide_import(rows, apply(stored, decision.writes), CAREFUL, mode)
    assert (again.writes, again.unchanged, again.leaving) == ((), 2, ())


def test_another_address_of_a_person() -> None:
    """A row means the person of the directory, whose own address stays; two addresses of a person are ambiguous."""
    known = directory(1)
    profile = msgspec.structs.replace(known.profile, aliases=("ann@example.com",))
    stored = [msgspec.structs.replace(known, profile=profile)]
    other = row(2, mail="Ann@Example.com", department="IT")
    (write,) = merge([other], stored, MAY_UPDATE).writes
    assert (write.recipient.id, write.change.fields) == (known.id, ("department",))
    assert [each.code for each in merge([other], stored).refused] == ["directory_owns"]
    both = merge([other, row(3, mail="user1@example.com")], stored, MAY_UPDATE)
    assert [(each.line, each.code) for each in both.refused] == [(2, "ambiguous"), (3, "ambiguous")]


def test_an_employee_id_that_several_have() -> None:
    """Reported if a recipient without an address can be meant; people with other addresses are other people."""
    new = row(2, mail="new@example.com", employee_id="E7")
    twins = [csv_recipient("a", employee_id="E7"), csv_recipient("b", mail="b@example.com", employee_id="e7")]
    assert [each.code for each in merge([new], twins).refused] == ["ambiguous"]
    rows = [new, row(3, mail="other@example.com", employee_id="E7")]
    assert [each.code for each in merge(rows, twins[:1]).refused] == ["ambiguous", "ambiguous"]
    apart = [csv_recipient("c", mail="c@example.com", employee_id="E7"), twins[1]]
    assert [write.change.kind for write in merge([new], apart).writes] == [ChangeKind.CREATED]
    by_id = row(2, display_name="Ann", employee_id="E7")
    found = msgspec.structs.replace(directory(1), profile=Profile(mail="user1@example.com", employee_id="E7"))
    assert [write.recipient.id for write in merge([by_id], [found], MAY_UPDATE).writes] == [found.id]


def test_only_the_columns_of_the_file_are_changed() -> None:
    """Empty cells empty their field."""
    stored = [csv_recipient("a", mail="a@example.com", department="IT", job_title="Boss")]
    (write,) = merge([row(2, mail="a@example.com", department=None)], stored).writes
    assert (write.recipient.profile.department, write.recipient.profile.job_title) == (None, "Boss")
    assert (write.change.kind, write.change.fields) == (ChangeKind.UPDATED, ("department",))


def test_lost_zeros_change_nothing() -> None:
    """Spreadsheet programs remove the zeros before a number; another number is a change."""
    stored = Recipient(
        id=RecipientId("r"),
        origin=Origin.CSV,
        status=Status.ACTIVE,
        profile=Profile(display_name="Ann", mail="ann@example.com", employee_id="00123", business_phone="0301234567"),
    )
    same = row(2, mail="ann@example.com", employee_id="123", business_phone="301234567")
    assert merge([same], [stored]).unchanged == 1
    other = row(2, mail="ann@example.com", employee_id="1234", business_phone="301234567")
    assert [write.change.fields for write in merge([other], [stored]).writes] == [("employee_id",)]


def test_a_recipient_from_the_directory_is_updated_only_where_allowed() -> None:
    """Else the row is refused with its reason; and an allowed edit survives the next sync."""
    stored = [directory(1)]
    edit = [row(2, mail="user1@example.com", department="Post room")]
    refused = merge(edit, stored)
    assert (refused.writes, [row.code for row in refused.refused]) == ((), ["directory_owns"])
    (write,) = merge(edit, stored, MAY_UPDATE).writes
    assert (write.recipient.origin, write.recipient.last_applied) == (Origin.DIRECTORY, stored[0].last_applied)
    after = apply(stored, (write,))
    assert decide(desired(user(1)), after, MAY_UPDATE, None).writes == ()
    (sync,) = decide(desired(user(1, department="IT")), after, MAY_UPDATE, None).writes
    assert sync.recipient.profile.department == "IT"


def test_nobody_is_guessed() -> None:
    """Two who could be meant are told, and two rows about one person too."""
    twins = [csv_recipient("a", mail="x@example.com"), csv_recipient("b", mail="X@example.com")]
    assert [each.code for each in merge([row(2, mail="x@example.com")], twins).refused] == ["ambiguous"]
    doubled = [row(2, mail="x@example.com"), row(3, mail="X@Example.com"), row(4, mail="y@example.com")]
    assert [(duplicate.line, duplicate.code) for duplicate in duplicates(doubled)] == [(3, "duplicate")]


def test_two_rows_that_can_mean_one_recipient_change_nothing() -> None:
    """By its address and by its employee id: both are told, and it is not called missing."""
    stored = [csv_recipient("a", mail="a@example.com", employee_id="E1", department="IT")]
    rows = [
        row(2, mail="a@example.com", department="HR"),
        row(3, mail=None, display_name="Ann", employee_id="e1", department="Post room"),
    ]
    decision = decide_import(rows, stored, CAREFUL, ImportMode.OVERWRITE)
    assert (decision.writes, decision.leaving) == ((), ())
    assert [(row.line, row.code) for row in decision.refused] == [(2, "ambiguous"), (3, "ambiguous")]


def test_rows_about_one_employee_are_duplicates_unless_both_have_addresses() -> None:
    """In either order."""
    with_address = row(2, mail="a@example.com", employee_id="E1")
    other_address = row(3, mail="b@example.com", employee_id="e1")
    without = row(4, display_name="Ann", employee_id="e1")
    assert duplicates([with_address, other_address]) == []
    assert [duplicate.line for duplicate in duplicates([with_address, without])] == [4]
    assert [duplicate.line for duplicate in duplicates([msgspec.structs.replace(without, line=1), with_address])] == [2]


def test_overwriting_keeps_whom_an_ambiguous_row_could_mean() -> None:
    """Nobody knows that the file lacks them."""
    twins = [csv_recipient("a", mail="x@example.com"), csv_recipient("b", mail="X@example.com")]
    decision = decide_import([row(2, mail="x@example.com")], twins, CAREFUL, ImportMode.OVERWRITE)
    assert (len(decision.refused), decision.leaving) == (1, ())


def test_overwriting_takes_out_only_what_came_from_files() -> None:
    """Never a recipient from the directory, or one made by hand."""
    by_hand = msgspec.structs.replace(csv_recipient("m", mail="m@example.com"), origin=Origin.MANUAL)
    stored = [csv_recipient("a", mail="a@example.com"), csv_recipient("b", mail="b@example.com"), by_hand, directory(1)]
    rows = [row(2, mail="a@example.com")]
    decision = decide_import(rows, stored, CAREFUL, ImportMode.OVERWRITE)
    assert [(candidate.recipient, candidate.reason) for candidate in decision.leaving] == [("b", Reason.NOT_IN_FILE)]
    assert decision.baseline == 2
    assert merge(rows, stored).leaving == ()


@pytest.mark.parametrize(
    ("status", "after", "kind"),
    [
        (Status.DEACTIVATED_BY_SYNC, Status.ACTIVE, ChangeKind.REACTIVATED),
        (Status.DEACTIVATED_MANUALLY, Status.DEACTIVATED_MANUALLY, ChangeKind.UPDATED),
    ],
)
def test_who_is_in_a_file_again_returns(status: Status, after: Status, kind: ChangeKind) -> None:
    """Unless a person has deactivated them."""
    stored = [csv_recipient("a", mail="a@example.com", status=status)]
    (write,) = merge([row(2, mail="a@example.com", department="IT")], stored).writes
    assert (write.recipient.status, write.change.kind) == (after, kind)


def test_a_new_row_never_takes_anothers_place() -> None:
    """Whose row was about an address that somebody else has now."""
    first = merge([row(2, mail="post@example.com")], []).writes[0].recipient
    moved = msgspec.structs.replace(first, profile=Profile(mail="ann@example.com"))
    (write,) = merge([row(2, mail="post@example.com")], [moved]).writes
    assert write.recipient.id != moved.id
    assert merge([row(2, mail="post@example.com")], [moved, write.recipient]).writes == ()


def test_undoing_puts_back_what_nothing_newer_has_changed() -> None:
    """Changed fields, states, and new recipients, who keep their row; undone twice it is done once."""
    before = [directory(1), directory(2), csv_recipient("c", mail="c@example.com")]
    changed = desired(user(1, department="IT"), user(2, department="IT"), user(3))
    writes = decide(changed, before, CAREFUL, None).writes
    after = {each.id: each for each in apply(before, writes)}
    changes = [write.change for write in writes]
    restored = undo(changes, after, {recipient_id_for(2)})
    found = {each.id: each for each in apply(list(after.values()), restored)}
    assert found[recipient_id_for(1)] == before[0]
    assert found[recipient_id_for(2)].profile.department == "IT"
    new = found[recipient_id_for(3)]
    assert (new.status, new.reason) == (Status.DEACTIVATED_BY_SYNC, Reason.UNDONE)
    assert {recipient.change.reason for recipient in restored} == {Reason.UNDONE}
    assert undo(changes, found, {recipient_id_for(2)}) == ()
    assert undo(changes, {}, set()) == ()


def test_undoing_several_changes_of_one_recipient_goes_back_to_the_first() -> None:
    """As it was before the run, not in the middle of it."""
    start = directory(1)
    first = decide(desired(user(1, department="IT")), [start], CAREFUL, None).writes[0]
    second = decide(desired(user(1, department="HR")), [first.recipient], CAREFUL, None).writes[0]
    (write,) = undo([first.change, second.change], {start.id: second.recipient}, set())
    assert write.recipient == start
