"""Capacity: so many jobs of a kind at once in a worker; whoever finds none comes back, and waits in the queue."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from shared.domain.retry_policy import WORKER_AT_CAPACITY
from shared.errors import Transient

#: After how long somebody who found no place looks again, in seconds.
_AGAIN_S: Final = WORKER_AT_CAPACITY.first_wait_s


class Capacity:
    """The places of one process for one kind of job."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._free = count

    @contextmanager
    def some(self, count: int = 1) -> Iterator[None]:
        """Have so many of the places inside the context, at most all. Raises: Transient, with a waiting time, without.

        Whoever needs all waits until nobody has any: a job that large is rare, and waits in the queue.
        """
        count = min(count, self._count)
        if self._free < count:
            raise Transient(
                f"This worker does as much of the kind as it can; the job looks again after {_AGAIN_S:.0f} s.",
                code="no_place",
                retry_after_s=_AGAIN_S,
            )
        self._free -= count
        try:
            yield
        finally:
            self._free += count
