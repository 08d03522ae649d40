"""The ledger in memory."""

from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime

from shared.adapters.stores import keys
from shared.domain.ids import TenantId
from shared.domain.operations.operator_log import EVENTS, EntryPosition, OperatorLogEntry
from shared.domain.versioned import Versioned
from shared.ports.tenant_data import ALL_ROWS
from tests.support.fakes.rows import Rows


class FakeOperatorLog:
    """`OperatorLog` in a dict."""

    def __init__(self) -> None:
        self._entries: Rows[tuple[str, str], OperatorLogEntry] = Rows()

    async def record(self, entry: OperatorLogEntry) -> None:
        """Store an entry. Storing the same id again changes nothing."""
        self._entries.insert_once((entry.queue, entry.id), entry)

    async def list_entries(
        self, after: EntryPosition | None = None, queue: str | None = None
    ) -> AsyncIterator[OperatorLogEntry]:
        """Iterate over the entries, newest first, after a position; only those of one queue if it is given."""
        entries = {_place(entry.position): entry for _, entry in self._entries.items()}
        for place in sorted(entries):
            if (after is None or place > _place(after)) and queue in {None, entries[place].queue}:
                yield entries[place]

    async def count_dead_letters(self) -> Mapping[TenantId, int]:
        """Return the number of dead letters by tenant."""
        dead = [entry for _, entry in self._entries.items() if entry.queue not in EVENTS]
        return Counter(entry.tenant for entry in dead if entry.tenant is not None)

    async def purge(self, before: datetime, limit: int) -> int:
        """Delete up to `limit` entries older than this time."""
        old = [key for key, entry in self._entries.items() if entry.at < before][:limit]
        for key in old:
            self._entries.delete(key)
        return len(old)

    async def list_by_id(self, entry: str) -> Sequence[Versioned[OperatorLogEntry]]:
        """Return the entries with this id: mostly one, or none."""
        return [found for key in self._entries.keys() if key[1] == entry and (found := self._entries.find(key))]

    async def replace(self, entry: OperatorLogEntry, etag: str | None) -> str:
        """Replace an entry and return its new ETag. Raises: ETagConflict if it changed since it was read."""
        return self._entries.replace((entry.queue, entry.id), entry, etag)

    async def delete(self, entry: OperatorLogEntry, etag: str | None) -> None:
        """Delete an entry, if it exists. Raises: ETagConflict if it changed since it was read."""
        if self._entries.find((entry.queue, entry.id)) is not None:
            self._entries.require((entry.queue, entry.id), etag)
            self._entries.delete((entry.queue, entry.id))

    async def delete_all(self, tenant: TenantId, limit: int = ALL_ROWS) -> int:
        """Delete the entries that name the tenant. As `TenantData.delete_all`."""
        keys = [key for key, entry in self._entries.items() if entry.names(tenant)][:limit]
        for key in keys:
            self._entries.delete(key)
        return len(keys)


def _place(position: EntryPosition) -> str:
    return keys.logged(position.at, keys.logged_id(position.id, position.queue))
