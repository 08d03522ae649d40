"""Rate limits in memory."""

from datetime import datetime

from shared.domain.versioned import Versioned
from tests.support.fakes.rows import Rows


class FakeLimitStore:
    """`LimitStore` in a dict."""

    def __init__(self) -> None:
        self._rows: Rows[str, datetime | None] = Rows()

    async def find(self, key: str) -> Versioned[datetime | None]:
        """Return until when a key's allowance is used; None with ETag None if it never was."""
        return self._rows.find(key) or Versioned(None, None)

    async def replace(self, key: str, used_until: datetime, etag: str | None) -> None:
        """Store until when it is used. Raises: ETagConflict if it changed since it was read."""
        self._rows.replace(key, used_until, etag)

    def keys(self) -> list[str]:
        """Return the keys of all rows."""
        return self._rows.keys()

    async def purge(self, before: datetime) -> None:
        """Delete the rows whose allowance was used until before this time."""
        for key, until in self._rows.items():
            if until is not None and until < before:
                self._rows.delete(key)
