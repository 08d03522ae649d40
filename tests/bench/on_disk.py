"""Stores that take almost no memory in the measured process: recipients and parts are in a temporary file."""

import sqlite3
from collections.abc import AsyncIterator, Mapping, Sequence
from collections.abc import Set as AbstractSet

import msgspec

from shared.domain.ids import LocationId, RecipientId, RunId, TenantId
from shared.domain.imports.import_record import ImportRef
from shared.domain.recipient import Counts, Recipient
from shared.domain.reconcile.fence import Fence, JournalEntry
from shared.domain.versioned import Versioned
from shared.errors import NotFound
from tests.support.fakes import FakeImportStore, FakeRecipientStore


class DiskRecipientStore(FakeRecipientStore):
    """`RecipientStore` for one location. Of the journal, only the counts are stored."""

    def __init__(self) -> None:
        super().__init__()
        self._database = sqlite3.connect("", isolation_level=None)
        self._database.execute("CREATE TABLE recipient (id TEXT PRIMARY KEY, body BLOB) WITHOUT ROWID")
        self._counts: dict[RunId, Counts] = {}
        self.batches = 0

    async def list_recipients(
        self,
        tenant: TenantId,
        location: LocationId,
        *,
        start: str = "",
        among: AbstractSet[RecipientId] | None = None,
        first: int | None = None,
    ) -> AsyncIterator[Recipient]:
        """Yield the recipients by id; only those `among` if given."""
        decode = msgspec.msgpack.Decoder(Recipient).decode
        for (body,) in self._database.execute("SELECT body FROM recipient WHERE id >= ? ORDER BY id", (start,)):
            recipient = decode(body)
            if among is None or recipient.id in among:
                yield recipient

    async def write(
        self,
        tenant: TenantId,
        location: LocationId,
        recipients: Sequence[Recipient],
        journal: JournalEntry,
        fence: Versioned[Fence],
    ) -> str:
        """Write recipients and the fence."""
        etag = self._fences.replace((tenant, location), fence.value, fence.etag)
        rows = [(each.id, msgspec.msgpack.encode(each)) for each in recipients]
        self._database.execute("BEGIN")
        self._database.executemany("INSERT OR REPLACE INTO recipient VALUES (?, ?)", rows)
        self._database.execute("COMMIT")
        self._counts[journal.run] = self._counts.get(journal.run, Counts()) + Counts.of(journal.changes)
        self.batches += 1
        return etag

    async def get_journal_counts(self, tenant: TenantId, location: LocationId, run: RunId) -> Counts:
        """Return the changes of a run so far."""
        return self._counts.get(run, Counts())

    async def list_deactivated(self, tenant: TenantId, location: LocationId, run: RunId) -> AsyncIterator[RecipientId]:
        """Yield no recipients: this is called only after a crash."""
        empty: tuple[RecipientId, ...] = ()
        for recipient in empty:
            yield recipient


class DiskImportStore(FakeImportStore):
    """`ImportStore` whose parts are in a temporary file."""

    def __init__(self) -> None:
        super().__init__()
        self._database = sqlite3.connect("", isolation_level=None)
        self._database.execute("CREATE TABLE part (import TEXT, number INTEGER, body BLOB)")

    async def put_part(self, ref: ImportRef, number: int, content: bytes) -> None:
        """Store a part."""
        self._database.execute("INSERT INTO part VALUES (?, ?, ?)", (ref.id, number, content))

    async def list_part_sizes(self, ref: ImportRef) -> Mapping[int, int]:
        """Return the bytes of each part."""
        found = self._database.execute("SELECT number, LENGTH(body) FROM part WHERE import = ?", (ref.id,))
        return dict(found.fetchall())

    async def get_part(self, ref: ImportRef, number: int) -> bytes:
        """Return a part. Raises NotFound if it does not exist."""
        query = "SELECT body FROM part WHERE import = ? AND number = ?"
        found = self._database.execute(query, (ref.id, number)).fetchone()
        if found is None:
            raise NotFound("there is no such row", code="not_found")
        return bytes(found[0])

    async def delete_parts(self, ref: ImportRef) -> None:
        """Delete the parts."""
        self._database.execute("DELETE FROM part WHERE import = ?", (ref.id,))
