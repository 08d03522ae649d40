"""The ledger in memory."""

from collections.abc import AsyncIterator

from shared.domain.ids import TenantId
from shared.ports import LedgerEntry


class FakeLedger:
    """`Ledger` in a dict."""

    def __init__(self) -> None:
        self._entries: dict[tuple[str, str], LedgerEntry] = {}

    async def record(self, entry: LedgerEntry) -> None:
        """Store an entry; the same id stored again changes nothing."""
        self._entries.setdefault((entry.queue, entry.id), entry)

    async def entries(self) -> AsyncIterator[LedgerEntry]:
        """Iterate over the entries, newest first."""
        for entry in sorted(self._entries.values(), key=lambda each: (each.at, each.id, each.queue), reverse=True):
            yield entry

    async def erase(self, tenant: TenantId) -> None:
        """Delete the entries that name the tenant."""
        self._entries = {key: entry for key, entry in self._entries.items() if not entry.names(tenant)}
