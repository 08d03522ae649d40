"""Withheld properties are told from cleared ones by who had them."""

import pytest

from shared.domain.directory import DirectoryUser, InactiveReason
from shared.domain.snapshots.delta import Item
from shared.domain.snapshots.withheld import PROPERTIES, Cleared, Visible, WithheldJudgement
from tests.support.builders import desired, person, user

UNKNOWN = InactiveReason.UNKNOWN


def judged(
    stored: list[DirectoryUser], listed: list[DirectoryUser], *suspects: str, cleared: int = 0
) -> dict[str, int]:
    """Return what is withheld, after changes that have taken each department of some people."""
    judgement = WithheldJudgement(suspects or ("department",), {"department": cleared})
    judgement.add_listed(listed[:3])
    judgement.add_listed(listed[3:])
    judgement.add_stored(stored[:5])
    judgement.add_stored(stored[5:])
    return dict(judgement.withheld())


def people(count: int, start: int = 0, **fields: object) -> list[DirectoryUser]:
    """Return some users with the same values."""
    return [user(number, **fields) for number in range(start, start + count)]


@pytest.mark.parametrize(
    ("stored", "listed", "withheld"),
    [
        (people(10, department="Sales"), people(10), {"department": 10}),
        (people(9, department="Sales"), people(9), {}),
        (people(10, department="Sales") + people(9, start=20), people(10), {"department": 10}),
        (people(10, department="Sales") + people(10, start=20), people(10), {}),
        (people(10, department="Sales"), people(9) + people(1, start=9, department="Sales"), {}),
        (people(10, department="Sales"), people(9) + people(1, start=9, department="Law"), {}),
        (people(10, department="Sales"), people(10) + people(9, start=50, department="Law"), {"department": 10}),
        (people(10, department="Sales"), people(1) + people(3, start=50), {"department": 10}),
        (people(10, department="Sales"), people(10, start=50), {}),
        (people(10, department="Sales"), [], {}),
    ],
    ids=[
        "ten of ten",
        "nine are too few",
        "more than half",
        "half is not more than half",
        "one still has it",
        "one has another value",
        "newcomers have it",
        "most have left",
        "all have left",
        "nobody is listed",
    ],
)
def test_who_had_it_decides(stored: list[DirectoryUser], listed: list[DirectoryUser], withheld: dict[str, int]) -> None:
    """At least ten people, more than half, had it; some of them are listed; none of them has it."""
    assert judged(stored, listed) == withheld


def test_every_property_is_judged_alone() -> None:
    """By its name in the API; addresses beside the main one too."""
    stored = people(12, department="Sales", mobile_phone="+47 1", aliases=("a@example.com",))
    listed = people(12, mobile_phone="+47 1")
    assert judged(stored, listed, *PROPERTIES) == {"department": 12, "aliases": 12}


def test_common_properties_are_dropped_early() -> None:
    """What a tenth of the stored people have is not looked at again; the rest is counted to the end."""
    visible = Visible()
    for start in range(0, 100, 20):
        visible = visible.after(people(20, start=start, department="Sales"), 100)
        assert "department" not in visible.scarce
    assert visible.scarce["job_title"] == 0
    few = Visible().after(people(10, job_title="Cook") + people(90, start=10), 100)
    assert few.scarce["job_title"] == 10
    more = few.after(people(1, start=200, job_title="Cook"), 100)
    assert "job_title" not in more.scarce
    assert visible.status


def test_the_first_listing_knows_what_nobody_has() -> None:
    """Without a stored snapshot one value is enough."""
    visible = Visible().after(people(20), 0).after(people(1, start=30, department="Sales"), 0)
    assert set(PROPERTIES) - visible.scarce.keys() == {"display_name", "mail", "department"}


@pytest.mark.parametrize(("unknown", "shown"), [(3, False), (2, True)])
def test_one_account_status_is_enough(unknown: int, shown: bool) -> None:  # noqa: FBT001 - a table
    """The status is withheld only if it is unknown for everyone."""
    users = people(unknown, inactive=UNKNOWN) + people(3 - unknown, start=unknown, inactive=InactiveReason.DISABLED)
    assert Visible().after(users, 0).status is shown


@pytest.mark.parametrize(("cleared", "withheld"), [(9, {}), (10, {"department": 16})])
def test_what_changes_have_taken_before_counts(cleared: int, withheld: dict[str, int]) -> None:
    """Of 30 people six have it in the stored snapshot, and nine or ten had it before."""
    stored = people(6, department="Sales") + people(24, start=6)
    assert judged(stored, people(30), cleared=cleared) == withheld


def taken(cleared: Cleared, numbers: range, **fields: object) -> Cleared:
    """Return the numbers after a change of people who had a department and a status."""
    before = desired(*(user(number, department="Sales") for number in numbers))
    after = desired(*(user(number, **{"department": "Sales", **fields}) for number in numbers))
    items: list[Item] = [{"id": person(number), **fields} for number in numbers]  # type: ignore[dict-item] # as reported
    cleared.add(before, after, items)
    return cleared


def test_changes_that_clear_much_are_suspicious() -> None:
    """A tenth of the stored people, and at least ten, over rounds."""
    first = taken(Cleared({}), range(9), department=None)
    assert first.numbers == {"department": 9}
    assert not first.is_suspicious(20)
    second = taken(Cleared(first.numbers), range(9, 10), department=None, inactive=UNKNOWN)
    assert second.numbers == {"department": 10, "inactive": 1}
    assert second.is_suspicious(100)
    assert not second.is_suspicious(101)


def test_a_property_that_is_shown_is_not_withheld() -> None:
    """Of a person who had it, in whichever order; of a person who did not, it proves nothing."""
    shown = taken(taken(Cleared({"department": 50}), range(5), department=None), range(5, 6), department="Law")
    assert shown.numbers == {}
    assert taken(Cleared({"mail": 50}), range(1), department="Law").numbers == {"mail": 50}
    newcomer = Cleared({"department": 50})
    newcomer.add({}, desired(user(1, department="Law")), [{"id": person(1), "department": "Law"}])
    assert (newcomer.gained, shown.gained) == ({"department"}, set())
    gone = Cleared({"department": 50})
    gone.add(desired(user(1, department="Law")), {}, [person(1), {"id": person(1), "department": None}])
    assert newcomer.numbers == gone.numbers == {"department": 50}
