"""Changes applied to what was read before."""

from shared.domain.snapshots.delta import Patch, apply_delta
from tests.support.builders import desired, person, user

BEFORE = desired(user(1), user(2))
BACK: Patch = (person(1), {"user_principal_name": "user1@example.com"})
GONE: Patch = (person(1), None)


def test_only_named_fields_change() -> None:
    """What the directory did not mention stays; null is a value."""
    after = apply_delta(BEFORE, [(person(1), {"department": "IT", "mail": None})])
    assert after is not None
    assert after[person(1)] == user(1, department="IT", mail=None)
    assert after[person(2)] == user(2)


def test_the_last_word_counts() -> None:
    """Somebody removed and then named again is there again, also on one page, and the other way round not."""
    back = apply_delta(BEFORE, [GONE, BACK])
    assert back is not None
    assert person(1) in back
    away = apply_delta(BEFORE, [BACK, GONE])
    assert away is not None
    assert person(1) not in away


def test_who_returns_begins_anew() -> None:
    """Nothing is left of what was known before they were removed."""
    after = apply_delta(desired(user(1, department="IT")), [GONE, BACK])
    assert after is not None
    assert after[person(1)].department is None


def test_a_stranger_without_a_name_calls_for_a_full_listing() -> None:
    """Half a person is never stored."""
    assert apply_delta(BEFORE, [(person(9), {"department": "IT"})]) is None


def test_removing_a_stranger_is_no_error() -> None:
    """Delta queries name objects that were never seen."""
    assert apply_delta(BEFORE, [(person(9), None)]) == BEFORE
