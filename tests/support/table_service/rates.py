"""Rate limits: rows per second of a partition and of the account.

Source: https://learn.microsoft.com/azure/storage/tables/scalability-targets
"""

from time import monotonic
from typing import Final

from tests.support.table_service.faults import busy

PARTITION_ROWS_S: Final = 2_000
ACCOUNT_ROWS_S: Final = 20_000
#: Unused time that later requests may use, and the longest delay before the service refuses, in seconds.
_CATCH_UP_S: Final = 0.2
_MAX_WAIT_S: Final = 2.0


class Rates:
    """The time at which each request is served. All rows of a request count."""

    def __init__(self, *, partition_rows_s: float, account_rows_s: float) -> None:
        self._partition_s = 1 / partition_rows_s
        self._account_s = 1 / account_rows_s
        self._account_free = 0.0
        self._free: dict[str, float] = {}

    def wait_s(self, partition: str, rows: int) -> float:
        """Return the delay of the response in seconds. Raises Refusal if it is too long."""
        now = monotonic()
        account = max(now - _CATCH_UP_S, self._account_free) + rows * self._account_s
        own = max(now - _CATCH_UP_S, self._free.get(partition, 0.0)) + rows * self._partition_s
        wait_s = max(account, own) - now
        if wait_s > _MAX_WAIT_S:
            raise busy()
        self._account_free, self._free[partition] = account, own
        return max(0.0, wait_s)
