"""Slots of a worker for one kind of job."""

import pytest

from shared.domain.retry_policy import WORKER_AT_CAPACITY
from shared.errors import Transient
from shared.runtime.bulkhead import Bulkhead


def test_a_job_without_a_slot_comes_back_later() -> None:
    """It waits in the queue."""
    slots = Bulkhead(1)
    with slots.acquire(), pytest.raises(Transient) as caught, slots.acquire():
        pass
    assert (caught.value.code, caught.value.retry_after_s) == (
        "worker_at_capacity",
        WORKER_AT_CAPACITY.first_wait_s,
    )


def test_a_slot_is_free_again_after_an_error() -> None:
    """The job in it has failed."""
    slots = Bulkhead(1)
    with pytest.raises(ZeroDivisionError), slots.acquire():
        raise ZeroDivisionError
    with slots.acquire():
        pass


def test_a_larger_job_takes_several_slots() -> None:
    """It has to find them free, and at most all there are."""
    slots = Bulkhead(4)
    with slots.acquire(2):
        with slots.acquire(2), pytest.raises(Transient), slots.acquire():
            pass
        with pytest.raises(Transient), slots.acquire(9):
            pass
    with slots.acquire(9), pytest.raises(Transient), slots.acquire():
        pass
