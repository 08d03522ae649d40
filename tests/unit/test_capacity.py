"""So many jobs of a kind at once."""

import pytest

from shared.capacity import Capacity
from shared.errors import Transient


def test_whoever_finds_no_place_comes_back_later() -> None:
    """The wait is the queue's."""
    places = Capacity(1)
    with places.one(), pytest.raises(Transient) as caught, places.one():
        pass
    assert (caught.value.code, caught.value.retry_after_s) == ("no_place", 15.0)


def test_a_place_is_free_again_whatever_happened() -> None:
    """Also when the job in it has failed."""
    places = Capacity(1)
    with pytest.raises(ZeroDivisionError), places.one():
        raise ZeroDivisionError
    with places.one():
        pass
