"""Named keys in memory."""

from collections.abc import AsyncIterator

import msgspec

from shared.domain.access.named_keys import NamedKey
from shared.domain.ids import KeyName, TenantId
from shared.domain.versioned import Versioned
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

    async def list_keys(self) -> AsyncIterator[NamedKey]:
        """Iterate over all keys, sorted by name."""
        for pair in self._rows.items():
            yield pair[1]

    async def delete_all(self, tenant: TenantId) -> None:
        """Take the tenant out of all keys."""
        for name, key in self._rows.items():
            if key.tenants is not None and tenant in key.tenants:
                left = tuple(other for other in key.tenants if other != tenant)
                self._rows.put(name, msgspec.structs.replace(key, tenants=left))
