"""Bulkhead: a weighted semaphore that never waits. A job that finds too few free slots is enqueued again."""

from collections.abc import Iterator
from contextlib import contextmanager

from shared.domain.retry_policy import WORKER_AT_CAPACITY
from shared.errors import Transient


class AtCapacity(Transient):
    """Too few slots are free; `retry_after_s` is always given."""


class Bulkhead:
    """The slots of one worker for one kind of job."""

    def __init__(self, slots: int) -> None:
        self._slots = self._free = slots

    @contextmanager
    def acquire(self, weight: int = 1) -> Iterator[None]:
        """Take `weight` slots inside the context, at most all. Raises AtCapacity if fewer are free.

        A job that needs all slots waits until no other job has any. Such a job is rare, and waits in the queue.
        """
        weight, wait_s = min(weight, self._slots), WORKER_AT_CAPACITY.first_wait_s
        if self._free < weight:
            message = f"This worker is at capacity; the job is tried again in {wait_s:.0f} seconds."
            raise AtCapacity(message, code="worker_at_capacity", retry_after_s=wait_s)
        self._free -= weight
        try:
            yield
        finally:
            self._free += weight
