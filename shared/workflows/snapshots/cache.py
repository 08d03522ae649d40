"""Least-recently-used cache: what jobs of one worker do at about the same time, they do once.

The locations of a tenant in full mode are compared with the same snapshot, several of them in one worker.
"""

from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any, Final, TypeVar

T = TypeVar("T")


class RecentResults:
    """Results by key. A key must contain everything that a result depends on."""

    #: Number of results: so many partitions may one job be ahead of another.
    size: Final = 32

    def __init__(self) -> None:
        self._results: Final[OrderedDict[Hashable, Any]] = OrderedDict()

    def get_or_compute(self, key: Hashable, compute: Callable[[], T]) -> T:
        """Return the result of a key, computed now unless it is known."""
        if key not in self._results:
            self._results[key] = compute()
            if len(self._results) > self.size:
                self._results.popitem(last=False)
        self._results.move_to_end(key)
        result: T = self._results[key]
        return result
