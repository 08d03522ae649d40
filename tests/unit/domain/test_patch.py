"""Changes applied to what was read before."""

from shared.domain.ids import ObjectId
from shared.domain.patch import Patch, apply_delta
from tests.builders import person, user, wanted

Step = tuple[list[Patch], list[ObjectId]]

BEFORE = wanted(user(1), user(2))


def test_only_named_fields_change() -> None:
    """What the directory did not mention stays; null is a value."""
    after = apply_delta(BEFORE, [([(person(1), {"department": "IT", "mail": None})], [])])
    assert after is not None
    assert after[person(1)] == user(1, department="IT", mail=None)
    assert after[person(2)] == user(2)


def test_steps_apply_in_order() -> None:
    """Somebody removed and then named again is there again, and the other way round not."""
    come_back: Step = ([(person(1), {"user_principal_name": "user1@example.com"})], [])
    gone: Step = ([], [person(1)])
    back = apply_delta(BEFORE, [gone, come_back])
    assert back is not None
    assert person(1) in back
    away = apply_delta(BEFORE, [come_back, gone])
    assert away is not None
    assert person(1) not in away


def test_a_stranger_without_a_name_calls_for_a_full_listing() -> None:
    """Half a person is never stored."""
    assert apply_delta(BEFORE, [([(person(9), {"department": "IT"})], [])]) is None


def test_removing_a_stranger_is_no_error() -> None:
    """Delta queries name objects that were never seen."""
    assert apply_delta(BEFORE, [([], [person(9)])]) == BEFORE
