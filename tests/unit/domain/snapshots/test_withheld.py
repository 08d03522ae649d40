"""Withheld properties are told from cleared ones by who had them."""

import pytest

from shared.domain.directory import DirectoryUser, InactiveReason
from shared.domain.snapshots.withheld import PROPERTIES, Cleared, Visible, WithheldJudgement
from tests.support.builders import person, user

UNKNOWN = InactiveReason.UNKNOWN


def judged(stored: list[DirectoryUser], listed: list[DirectoryUser], *suspects: str) -> dict[str, int]:
    """Return what is withheld."""
    judgement = WithheldJudgement(suspects or ("department",))
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


def test_changes_that_clear_much_are_suspected() -> None:
    """Half of the stored people, and at least ten; setting a value and removing a person do not count."""
    cleared = Cleared().after([(person(number), {"department": None, "job_title": "Cook"}) for number in range(10)])
    cleared = cleared.after([(person(50), None), (person(51), {"inactive": UNKNOWN, "mail": "a@example.com"})])
    assert cleared.suspects(20) == {"department"}
    assert cleared.suspects(22) == set()
    assert cleared.status == 1
