"""Bulkhead: a weighted semaphore that never waits. A job that finds too few free slots is enqueued again."""

from collections.abc import Iterator
from contextlib import contextmanager

from shared.domain.retry_policy import WORKER_AT_CAPACITY
from shared.errors import Transient


class Bulkhead:
    """The slots of one worker for one kind of job."""

    def __init__(self, slots: int) -> None:
        self._slots = slots
        self._free = slots

    @contextmanager
    def acquire(self, weight: int = 1) -> Iterator[None]:
        """Take `weight` slots inside the context, at most all. Raises Transient with a wait if fewer are free.

        A job that needs all slots waits until no other job has any. Such a job is rare, and waits in the queue.
        """
        weight = min(weight, self._slots)
        if self._free < weight:
            raise Transient(
                f"This worker is at capacity; the job is tried again in {WORKER_AT_CAPACITY.first_wait_s:.0f} seconds.",
                code="worker_at_capacity",
                retry_after_s=WORKER_AT_CAPACITY.first_wait_s,
            )
        self._free -= weight
        try:
            yield
        finally:
            self._free += weight
