"""State of rate limits that only one process counts."""

from datetime import datetime
from typing import Final

from shared.domain.versioned import Versioned
from shared.errors import ETagConflict

#: Maximum number of keys. The one that was used the longest time ago makes way for a new one.
_MAX_KEYS: Final = 10_000


class ProcessLimitStore:
    """`LimitStore` in the memory of the process."""

    def __init__(self) -> None:
        self._used: dict[str, datetime] = {}

    async def find(self, key: str) -> Versioned[datetime | None]:
        """Return the GCRA state of a key; None with ETag None if the key was never used."""
        until = self._used.get(key)
        return Versioned(until, _etag(until))

    async def replace(self, key: str, used_until: datetime, etag: str | None) -> None:
        """Store the GCRA state of a key. Raises ETagConflict if it changed since it was read."""
        if _etag(self._used.get(key)) != etag:
            raise ETagConflict(f"{key} changed since it was read")
        self._used.pop(key, None)  # so that it becomes the last one
        self._used[key] = used_until
        if len(self._used) > _MAX_KEYS:
            del self._used[next(iter(self._used))]

    async def purge(self, before: datetime) -> None:
        """Delete the rows whose state is before this time, which no longer limit anything."""
        self._used = {key: until for key, until in self._used.items() if until >= before}


def _etag(until: datetime | None) -> str | None:
    return None if until is None else until.isoformat()
