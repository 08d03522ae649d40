"""Named keys in memory."""

from collections.abc import AsyncIterator

import msgspec

from shared.domain.access.named_keys import NamedKey
from shared.domain.ids import KeyName, TenantId
from shared.domain.versioned import Versioned
from shared.ports.tenant_data import ALL_ROWS
from tests.support.fakes.rows import Rows


class FakeKeyStore:
    """`KeyStore` in a dict."""

    def __init__(self) -> None:
        self._rows: Rows[KeyName, NamedKey] = Rows()

    async def find(self, name: KeyName) -> Versioned[NamedKey | None]:
        """Return a key; None with ETag None if there is none of this name."""
        found = self._rows.find(name)
        return Versioned(None, None) if found is None else Versioned(found.value, found.etag)

    async def replace(self, key: NamedKey, etag: str | None) -> str:
        """Store a key. Raises: ETagConflict if it changed since it was read."""
        return self._rows.replace(key.name, key, etag)

    async def list_keys(self, after: str = "") -> AsyncIterator[NamedKey]:
        """Iterate over the keys after a name, sorted by name."""
        for name, key in self._rows.items():
            if name > after:
                yield key

    async def delete_all(self, tenant: TenantId, limit: int = ALL_ROWS) -> int:
        """Take the tenant out of up to `limit` keys, and return their number; fewer than `limit` are all of them."""
        named = [pair for pair in self._rows.items() if tenant in (pair[1].tenants or ())][:limit]
        for name, key in named:
            left = tuple(other for other in key.tenants or () if other != tenant)
            self._rows.put(name, msgspec.structs.replace(key, tenants=left))
        return len(named)
