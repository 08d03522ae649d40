"""An import decides what its model decides, in memory and on disk; and killed half-way, it still does the same."""

import random
from collections.abc import Sequence
from contextlib import closing

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.domain.ids import LocationId, ObjectId, RecipientId
from shared.domain.imports.csv_file import Row
from shared.domain.imports.row_decisions import ImportMode
from shared.domain.preferences.preferences import Preferences
from shared.domain.recipient import ChangeKind, Origin, Profile, Recipient, Status
from shared.domain.reconcile.departures import deactivations
from shared.domain.reconcile.guard import digest
from shared.domain.reconcile.write import Write
from shared.workflows.imports.row_matcher import IN_MEMORY, ON_DISK, RowMatcher
from tests.properties.import_model import model_duplicates, model_import
from tests.support.builders import person
from tests.support.imports import decide_import, duplicates, matched

DESK = LocationId("desk")
#: Few of each, in two spellings, so that they meet.
MAILS = ("a@x.example", "A@X.example", "b@x.example", "c@x.example")
EMPLOYEES = ("e1", "E1", "e2")
NAMES = ("Ann", "ANN", "Bob")


def maybe(values: Sequence[str]) -> st.SearchStrategy[str | None]:
    """Return a strategy for one of the values, or nothing."""
    return st.one_of(st.none(), st.sampled_from(values))


@st.composite
def some_rows(draw: st.DrawFn) -> list[Row]:
    """Return the rows of a file that has some of the columns."""
    columns = {"mail": MAILS, "employee_id": EMPLOYEES, "department": ("IT", "HR")}
    there = draw(st.sets(st.sampled_from(sorted(columns))))
    rows = []
    for line in range(2, draw(st.integers(2, 10))):
        fields = {"display_name": draw(st.sampled_from(NAMES))}
        rows.append(Row(line=line, fields={**fields, **{name: draw(maybe(columns[name])) for name in sorted(there)}}))
    return rows


@st.composite
def some_recipients(draw: st.DrawFn) -> list[Recipient]:
    """Return recipients of every origin and status, some of whom could be each other."""
    found = []
    for number in range(draw(st.integers(0, 8))):
        origin = draw(st.sampled_from(Origin))
        others = draw(st.sets(st.sampled_from(MAILS).map(str.lower), max_size=2)) if origin is Origin.DIRECTORY else ()
        profile = Profile(
            display_name=draw(st.sampled_from(NAMES)),
            mail=draw(maybe(MAILS)),
            employee_id=draw(maybe(EMPLOYEES)),
            aliases=tuple(sorted(others)),
        )
        known: ObjectId | None = person(number) if origin is Origin.DIRECTORY else None
        found.append(
            Recipient(
                id=RecipientId(f"r{number}"),
                origin=origin,
                status=draw(st.sampled_from(Status)),
                profile=profile,
                object_id=known,
            )
        )
    return found


PREFERENCES = st.booleans().map(lambda allowed: Preferences(allow_csv_to_update_directory=allowed))


def applied(stored: Sequence[Recipient], writes: Sequence[Write]) -> list[Recipient]:
    """Return what is stored after some writes."""
    after = {each.id: each for each in stored} | {write.recipient.id: write.recipient for write in writes}
    return list(after.values())


@given(some_rows())
def test_the_same_rows_are_wrong(rows: list[Row]) -> None:
    """Each with the same line that was about the same person before."""
    assert duplicates(rows) == model_duplicates(rows)


@pytest.mark.parametrize("database", [ON_DISK, IN_MEMORY])
@given(some_rows(), some_recipients(), PREFERENCES)
@settings(max_examples=300)
def test_a_database_decides_what_the_model_decides(
    database: str, rows: list[Row], stored: list[Recipient], preferences: Preferences
) -> None:
    """The same writes in the same order, the same rows refused, the same people leaving, by the same digest."""
    rows = without_duplicates(rows)
    decision = model_import(rows, stored, preferences, ImportMode.OVERWRITE)
    leaving = deactivations(decision.leaving, {recipient.id: recipient for recipient in stored}, Origin.CSV)
    with closing(matched(rows, stored, database)) as matcher:
        assert tuple(matcher.writes(preferences, departures=True)) == (*decision.writes, *leaving)
        assert matcher.problems() == (len(decision.refused), decision.refused)
        loss = matcher.loss(DESK, 0)
        assert (loss.candidates, loss.baseline) == (len(decision.leaving), decision.baseline)
        assert matcher.digest(DESK) == digest((DESK, candidate) for candidate in decision.leaving)
        assert matcher.active == sum(recipient.status is Status.ACTIVE for recipient in stored)


@given(some_rows(), some_recipients(), some_recipients(), PREFERENCES)
def test_rows_can_be_matched_again(
    rows: list[Row], before: list[Recipient], after: list[Recipient], preferences: Preferences
) -> None:
    """With the recipients that are stored by then; nothing of the first match is left."""
    rows = without_duplicates(rows)
    decision = model_import(rows, after, preferences, ImportMode.OVERWRITE)
    with closing(matched(rows, before)) as matcher:
        list(matcher.writes(preferences, departures=True))
        matcher.clear()
        matcher.add_recipients(sorted(after, key=lambda recipient: recipient.id))
        matcher.match()
        writes = tuple(matcher.writes(preferences, departures=False))
        assert (writes, matcher.problems()[1]) == (decision.writes, decision.refused)
        assert matcher.loss(DESK, 0).candidates == len(decision.leaving)
        assert matcher.active == sum(recipient.status is Status.ACTIVE for recipient in after)


@given(some_rows(), some_recipients(), PREFERENCES, st.data())
@settings(max_examples=300)
def test_what_was_written_in_part_is_finished(
    rows: list[Row], stored: list[Recipient], preferences: Preferences, data: st.DataObject
) -> None:
    """Killed after any of its writes, an import decides just the others, and holds just the same people."""
    rows = without_duplicates(rows)
    decision = decide_import(rows, stored, preferences, ImportMode.OVERWRITE)
    gone = deactivations(decision.leaving, {recipient.id: recipient for recipient in stored}, Origin.CSV)
    written = [write for write in (*decision.writes, *gone) if data.draw(st.booleans())]
    after = applied(stored, written)
    left = decide_import(rows, after, preferences, ImportMode.OVERWRITE)
    assert left.writes == tuple(write for write in decision.writes if write not in written)
    assert left.refused == decision.refused
    kinds = [write.change.kind for write in written]
    added = kinds.count(ChangeKind.CREATED) + kinds.count(ChangeKind.REACTIVATED)
    with closing(matched(rows, after)) as matcher:
        for write in written:
            if write.change.kind is ChangeKind.DEACTIVATED:
                matcher.add_deactivated(write.recipient.id)
        loss = matcher.loss(DESK, added)
        assert (loss.candidates, loss.baseline) == (len(decision.leaving), decision.baseline)
        assert matcher.digest(DESK) == digest((DESK, candidate) for candidate in decision.leaving)


@given(some_rows(), some_recipients(), PREFERENCES)
def test_nobody_is_written_twice(rows: list[Row], stored: list[Recipient], preferences: Preferences) -> None:
    """No two rows change one recipient, whatever they name it by."""
    decision = decide_import(without_duplicates(rows), stored, preferences, ImportMode.MERGE)
    ids = [write.recipient.id for write in decision.writes]
    assert len(set(ids)) == len(ids)


@given(st.sets(st.integers(0, 30), min_size=1), st.sampled_from(ImportMode), st.randoms(use_true_random=False))
def test_addresses_that_are_added_later_create_no_one(
    numbers: set[int], mode: ImportMode, chance: random.Random
) -> None:
    """People who are known by their employee id stay the same recipients; the second time nothing changes."""
    first, second = [], []
    for number in sorted(numbers):
        fields: dict[str, str | None] = {"display_name": f"Person {number}", "employee_id": f"E{number}"}
        with_mail = {**fields, "mail": f"p{number}@x.example"}
        first.append(Row(line=number, fields=chance.choice([fields, with_mail])))
        second.append(Row(line=number, fields=with_mail))
    stored = applied([], decide_import(first, [], Preferences(), mode).writes)
    chance.shuffle(second)
    decision = decide_import(second, stored, Preferences(), mode)
    assert {write.change.kind for write in decision.writes} <= {ChangeKind.UPDATED}
    assert (decision.refused, decision.leaving) == ((), ())
    after = applied(stored, decision.writes)
    assert sorted(str(each.profile.mail) for each in after) == sorted(f"p{number}@x.example" for number in numbers)
    assert decide_import(second, after, Preferences(), mode).writes == ()


def without_duplicates(rows: Sequence[Row]) -> list[Row]:
    """Return the rows that a file may have."""
    wrong = {duplicate.line for duplicate in duplicates(rows)}
    return [row for row in rows if row.line not in wrong]


def test_only_the_first_problems_are_named() -> None:
    """By line, however many there are; all of them are counted."""
    rows = [Row(line=line, fields={"mail": "a@x.example"}) for line in range(2, 2_502)]
    with closing(RowMatcher(IN_MEMORY)) as matcher:
        matcher.add_rows(rows, len(rows))
        count, named = matcher.problems()
    assert (count, [problem.line for problem in named]) == (2_499, list(range(3, 1_003)))
    changed = {"department": "Engines"}
    kept = [msgspec.structs.replace(row, fields={"mail": f"p{row.line}@x.example", **changed}) for row in rows]
    stored = [
        Recipient(
            id=RecipientId(f"r{row.line}"),
            origin=Origin.DIRECTORY,
            status=Status.ACTIVE,
            profile=Profile(mail=row.fields["mail"]),
        )
        for row in kept
    ]
    with closing(matched(kept, stored)) as matcher:
        assert list(matcher.writes(Preferences(), departures=False)) == []
        count, refused = matcher.problems()
    assert (count, [problem.line for problem in refused]) == (2_500, list(range(2, 1_002)))
