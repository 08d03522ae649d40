"""What idempotency keys were used for, in memory."""

from contextlib import suppress
from datetime import datetime

from shared.domain.access.idempotency import IdempotencyRecord
from shared.domain.ids import TenantId
from shared.domain.versioned import Versioned
from shared.errors import ETagConflict
from shared.ports.tenant_data import ALL_ROWS
from tests.support.fakes.rows import Rows


class FakeIdempotencyStore:
    """`IdempotencyStore` in a dict."""

    def __init__(self) -> None:
        self._rows: Rows[tuple[TenantId, str], IdempotencyRecord] = Rows()

    async def find(self, tenant: TenantId, name: str) -> Versioned[IdempotencyRecord | None]:
        """Return what a key was used for, None with ETag None if it was not used."""
        found = self._rows.find((tenant, name))
        return Versioned(None, None) if found is None else Versioned(found.value, found.etag)

    async def replace(self, tenant: TenantId, name: str, record: IdempotencyRecord, etag: str | None) -> str:
        """Store what a key is used for, and return the ETag. Raises: ETagConflict if it changed since it was read."""
        return self._rows.replace((tenant, name), record, etag)

    async def delete(self, tenant: TenantId, name: str, etag: str) -> None:
        """Delete a use, unless it changed since it was read."""
        with suppress(ETagConflict):
            self._rows.require((tenant, name), etag)
            self._rows.delete((tenant, name))

    async def purge(self, before: datetime) -> None:
        """Delete the records of keys that were used before this time."""
        for key, record in self._rows.items():
            if record.at < before:
                self._rows.delete(key)

    async def delete_all(self, tenant: TenantId, limit: int = ALL_ROWS) -> int:
        """Delete rows of the tenant. As `TenantData.delete_all`."""
        keys = [key for key in self._rows.keys() if key[0] == tenant][:limit]
        for key in keys:
            self._rows.delete(key)
        return len(keys)
