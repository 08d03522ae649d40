"""So many jobs of a kind at once."""

import pytest

from shared.errors import Transient
from shared.runtime.bulkhead import Capacity


def test_whoever_finds_no_place_comes_back_later() -> None:
    """The wait is the queue's."""
    places = Capacity(1)
    with places.some(), pytest.raises(Transient) as caught, places.some():
        pass
    assert (caught.value.code, caught.value.retry_after_s) == ("no_place", 15.0)


def test_a_place_is_free_again_whatever_happened() -> None:
    """Also when the job in it has failed."""
    places = Capacity(1)
    with pytest.raises(ZeroDivisionError), places.some():
        raise ZeroDivisionError
    with places.some():
        pass


def test_a_larger_job_takes_several_places() -> None:
    """It has to find them free, and at most all there are."""
    places = Capacity(4)
    with places.some(2):
        with places.some(2), pytest.raises(Transient), places.some():
            pass
        with pytest.raises(Transient), places.some(9):
            pass
    with places.some(9), pytest.raises(Transient), places.some():
        pass
