"""Snapshots in memory."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence

from shared.domain.ids import SourceId, TenantId
from shared.domain.snapshots.snapshot import SnapshotBody, SnapshotManifest
from shared.ports.tenant_data import ALL_ROWS


class FakeSnapshotStore:
    """`SnapshotStore` in dicts."""

    def __init__(self) -> None:
        self._current: dict[tuple[TenantId, SourceId], tuple[int, SnapshotManifest]] = {}
        self._rows: dict[tuple[TenantId, SourceId, str], bytes] = {}

    @property
    def keys(self) -> list[str]:
        """Return the keys of all rows, of any source."""
        return [key for _, _, key in self._rows]

    def lose(self, tenant: TenantId, source: SourceId, key: str) -> None:
        """Let a row be gone."""
        del self._rows[tenant, source, key]

    async def find_current(self, tenant: TenantId, source: SourceId) -> SnapshotManifest | None:
        """Return the manifest of the last complete read whose changes were applied."""
        found = self._current.get((tenant, source))
        return None if found is None else found[1]

    async def put(self, tenant: TenantId, source: SourceId, rows: Mapping[str, bytes]) -> None:
        """Store rows; the same ones may be stored again."""
        for key, content in rows.items():
            self._rows[tenant, source, key] = content

    async def read(
        self, tenant: TenantId, source: SourceId, keys: Sequence[str], among: int = 1
    ) -> AsyncIterator[tuple[str, bytes]]:
        """Iterate over the rows with these keys that are there."""
        del among
        for key in keys:
            if (tenant, source, key) in self._rows:
                yield key, self._rows[tenant, source, key]

    async def commit(
        self,
        tenant: TenantId,
        manifest: SnapshotManifest,
        fencing_token: int,
        *,
        sweep: bool = True,
        guard: Callable[[], Awaitable[object]] | None = None,
    ) -> None:
        """Make a snapshot current and delete all other rows of its source; nothing if a newer fencing token did so."""
        source = manifest.source
        found = self._current.get((tenant, source))
        if found is not None and found[0] > fencing_token:
            return
        self._current[tenant, source] = (fencing_token, manifest)
        body = self._rows.get((tenant, source, manifest.body_key))
        if body is None or not (sweep or (found is not None and found[1].attempt != manifest.attempt)):
            return
        kept = set(SnapshotBody.verified(manifest, body).keys)
        left = [key for key in self._rows if key[:2] == (tenant, source) and key[2] not in kept]
        if left:
            if guard is not None:
                await guard()
            for key in left:
                self._rows.pop(key, None)

    async def delete_all(self, tenant: TenantId, limit: int = ALL_ROWS) -> int:
        """Delete rows of the tenant. As `TenantData.delete_all`."""
        current = [key for key in self._current if key[0] == tenant][:limit]
        rows = [key for key in self._rows if key[0] == tenant][: limit - len(current)]
        for source in current:
            del self._current[source]
        for row in rows:
            del self._rows[row]
        return len(current) + len(rows)
