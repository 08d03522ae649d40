"""Changes applied to what was read before."""

import pytest

from shared.domain.directory import DirectoryUser, InactiveReason
from shared.domain.ids import ObjectId
from shared.domain.snapshots.delta import Patch, contradictions, fields_of, item_of, merge
from tests.support.builders import desired, person, user

BEFORE = desired(user(1), user(2))
BACK: Patch = (person(1), {"user_principal_name": "user1@example.com"})
GONE: Patch = (person(1), None)


def merged(*patches: Patch, listing: bool = False) -> tuple[dict[ObjectId, DirectoryUser], set[ObjectId]]:
    """Return the users after some changes, and the people who must be read by id."""
    users = dict(BEFORE)
    doubtful = merge(users, list(map(item_of, patches)), listing=listing)
    return users, doubtful


def test_only_named_fields_change() -> None:
    """What the directory did not mention stays; null is a value."""
    after, doubtful = merged((person(1), {"department": "IT", "mail": None}))
    assert after == desired(user(1, department="IT", mail=None), user(2))
    assert doubtful == set()


@pytest.mark.parametrize("patches", [(GONE, BACK), (BACK, GONE)])
def test_a_removal_and_another_item(patches: tuple[Patch, ...]) -> None:
    """In either order the person is read by id, from a listing too."""
    for listing in (True, False):
        assert merged(*patches, listing=listing)[1] == {person(1)}


def test_several_items_are_merged() -> None:
    """The last value of a field counts, and no one has to be read."""
    after, doubtful = merged(
        (person(1), {"department": "IT", "job_title": "Cook"}), (person(1), {"department": "HR", "mail": None})
    )
    assert after[person(1)] == user(1, department="HR", job_title="Cook", mail=None)
    assert doubtful == set()


def test_an_unknown_person() -> None:
    """Read by id unless the item has every field; a listing introduces people."""
    partial: Patch = (person(9), {"user_principal_name": "user9@example.com", "department": "IT"})
    assert merged(partial)[1] == {person(9)}
    assert merged(partial, listing=True)[1] == set()
    after, doubtful = merged((person(9), fields_of(user(9, department="IT"))))
    assert after[person(9)] == user(9, department="IT")
    assert doubtful == set()


def test_a_person_without_a_name() -> None:
    """Is read by id, unless another item has the name; half a person is never stored."""
    nameless: Patch = (person(9), {"department": "IT"})
    assert merged(nameless)[1] == merged(nameless, listing=True)[1] == {person(9)}
    named: Patch = (person(9), {"user_principal_name": "user9@example.com"})
    assert merged(nameless, named, listing=True)[1] == set()


def test_removing_a_stranger_is_no_error() -> None:
    """Delta queries name objects that were never seen."""
    assert merged((person(9), None)) == (BEFORE, set())


@pytest.mark.parametrize(
    ("before", "listed", "contradictory"),
    [
        (user(1), user(1, department="IT"), False),
        (user(1), None, True),
        (None, user(1), True),
        (None, user(1, inactive=InactiveReason.DISABLED), False),
        (user(1, inactive=InactiveReason.DISABLED), None, False),
        (user(1, inactive=InactiveReason.DISABLED), user(1), True),
        (user(1), user(1, inactive=InactiveReason.DISABLED), True),
        (user(1), user(1, inactive=InactiveReason.UNKNOWN), False),
        (user(1, inactive=InactiveReason.UNKNOWN), user(1), False),
    ],
)
def test_what_contradicts_the_last_reading(
    before: DirectoryUser | None, listed: DirectoryUser | None, *, contradictory: bool
) -> None:
    """Active people who were not there, or were not active, and the reverse."""
    sides = [desired(*([one] if one is not None else [])) for one in (before, listed)]
    assert contradictions(sides[0], sides[1], conclusive=True) == ({person(1)} if contradictory else set())
    left = contradictory and listed is None
    assert contradictions(sides[0], sides[1], conclusive=False) == (
        {person(1)} if contradictory and not left else set()
    )
