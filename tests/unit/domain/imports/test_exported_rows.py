"""Rows of an export: each means the recipient with its id, as long as that is one of the location."""

from io import BytesIO

from shared.domain.ids import RecipientId
from shared.domain.imports.csv_file import CsvFile, Row, export
from shared.domain.imports.row_decisions import ImportMode
from shared.domain.preferences.preferences import Preferences
from shared.domain.recipient import Origin, Profile, Recipient, Status
from tests.support.imports import ImportDecision, decide_import, duplicates

ANN = Recipient(RecipientId("a"), Origin.CSV, Status.ACTIVE, Profile(display_name="Ann", mail="ann@example.com"))
BEN = Recipient(RecipientId("b"), Origin.CSV, Status.ACTIVE, Profile(display_name="Ben", mail="ann@example.com"))
HEADER = "id,origin,status,displayName,mail\n"


def rows_of(content: str) -> list[Row]:
    """Return the valid rows of a file."""
    return [row for row in CsvFile(BytesIO(content.encode())) if isinstance(row, Row)]


def decided(content: str, *stored: Recipient, mode: ImportMode = ImportMode.MERGE) -> ImportDecision:
    """Return what a file does."""
    return decide_import(rows_of(content), stored, Preferences(), mode)


def problems(decision: ImportDecision) -> list[tuple[int, str]]:
    """Return the lines and codes of rows that are not applied."""
    return [(problem.line, problem.code) for problem in decision.refused]


def test_a_row_means_the_recipient_with_its_id() -> None:
    """Its name and its address can be changed, also to those of another recipient."""
    decision = decided(f"{HEADER}b,csv,active,Bea,bea@example.com\na,csv,active,Ann,ann@example.com\n", ANN, BEN)
    assert [(write.recipient.id, write.recipient.profile) for write in decision.writes] == [
        ("b", Profile(display_name="Bea", mail="bea@example.com"))
    ]
    assert (problems(decision), decision.unchanged) == ([], 1)


def test_an_address_is_checked_if_it_was_changed() -> None:
    """What the directory has sent may stay."""
    wrong = Recipient(RecipientId("c"), Origin.CSV, Status.ACTIVE, Profile(display_name="Cy", mail="nowhere"))
    assert problems(decided(f"{HEADER}c,csv,active,Cy,nowhere\n", wrong)) == []
    assert problems(decided(f"{HEADER}c,csv,active,Cy,elsewhere\n", wrong)) == [(2, "invalid_mail")]


def test_a_name_is_not_erased() -> None:
    """An empty cell keeps it, and the last thing that names a person stays."""
    assert decided(f"{HEADER}a,csv,active,,ann@example.com\n", ANN).unchanged == 1
    nameless = Recipient(RecipientId("d"), Origin.CSV, Status.ACTIVE, Profile(mail="d@example.com"))
    assert problems(decided(f"{HEADER}d,csv,active,,\n", nameless)) == [(2, "nobody")]


def test_what_was_deactivated_stays_so() -> None:
    """Unless the row says that it is active."""
    gone = Recipient(RecipientId("a"), Origin.CSV, Status.DEACTIVATED_BY_SYNC, ANN.profile, reason="not_in_file")
    assert decided(export([gone]).decode("utf-8-sig"), gone).unchanged == 1
    returned = decided(f"{HEADER}a,csv,active,Ann,ann@example.com\n", gone)
    assert [write.recipient.status for write in returned.writes] == [Status.ACTIVE]
    elsewhere = decided(f"{HEADER}x,csv,deactivated_by_sync,Dee,dee@example.com\n", ANN)
    assert problems(elsewhere) == [(2, "account_disabled")]


def test_ids_that_are_not_stored() -> None:
    """They are matched by address, employee id or name; two that mean one person are refused."""
    copied = decided(f"{HEADER}x,csv,active,Ann,ann@example.com\ny,csv,active,Dee,dee@example.com\n", ANN)
    assert [write.recipient.profile.display_name for write in copied.writes] == ["Dee"]
    twins = f"{HEADER}x,csv,active,Dee,dee@example.com\ny,csv,active,Di,dee@example.com\n"
    assert problems(decided(twins)) == [(2, "ambiguous"), (3, "ambiguous")]
    claimed = f"{HEADER}a,csv,active,Ann,ann@example.com\n,,,Dee,ann@example.com\n"
    assert problems(decided(claimed, ANN)) == [(2, "ambiguous"), (3, "ambiguous")]
    assert problems(decided(f"{HEADER}x,csv,active,,\n", ANN)) == [(2, "nobody")]


def test_a_row_that_was_copied_with_its_id() -> None:
    """The copy is a duplicate."""
    rows = rows_of(f"{HEADER}a,csv,active,Ann,ann@example.com\na,csv,active,Dee,dee@example.com\n")
    assert [(problem.line, problem.code) for problem in duplicates(rows)] == [(3, "duplicate")]


def test_ids_of_other_programs_are_not_ours() -> None:
    """Without a column for the origin, rows mean people by their addresses."""
    rows = rows_of("id,displayName,mail\na,Dee,dee@example.com\na,Di,di@example.com\n")
    assert [row.recipient for row in rows] == ["", ""]
    assert duplicates(rows) == []
