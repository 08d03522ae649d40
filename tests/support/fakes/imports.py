"""Large imports in memory."""

from collections.abc import AsyncIterator, Mapping

from shared.domain.ids import LocationId, TenantId
from shared.domain.imports.import_record import Import, ImportMark, ImportRef
from shared.domain.versioned import Versioned
from shared.errors import NotFound
from shared.ports.tenant_data import ALL_ROWS, Allowed
from tests.support.fakes.rows import Rows


class FakeImportStore:
    """`ImportStore` in dicts."""

    def __init__(self) -> None:
        self._imports: Rows[ImportRef, Import] = Rows()
        self._parts: dict[tuple[ImportRef, int], bytes] = {}

    async def insert(self, new: Import) -> None:
        """Store a new import. Raises: ETagConflict if there is one of its id."""
        self._imports.replace(new.ref, new, None)

    async def get(self, ref: ImportRef) -> Versioned[Import]:
        """Return an import. Raises: NotFound."""
        found = self._imports.find(ref)
        if found is None:
            raise NotFound(f"Location {ref.location!r} has no import {ref.id!r}.", code="import_not_found")
        return found

    async def replace(self, changed: Import, etag: str | None) -> str:
        """Replace an import and return its new ETag. Raises: ETagConflict if it has changed or is gone."""
        return self._imports.replace(changed.ref, changed, etag)

    async def list_imports(
        self, tenant: TenantId | None = None, location: LocationId | None = None
    ) -> AsyncIterator[ImportMark]:
        """Iterate over the imports of a tenant, or of one of its locations, or of all tenants."""
        for ref, import_ in list(self._imports.items()):
            if tenant in (None, ref.tenant) and location in (None, ref.location):
                yield ImportMark(
                    ref=ref,
                    state=import_.state,
                    at=import_.at,
                    mode=import_.mode,
                    run=import_.run,
                    number=import_.number,
                )

    async def put_part(self, ref: ImportRef, number: int, content: bytes) -> None:
        """Store a part of the file, in the place of the one of this number."""
        self._parts[ref, number] = content

    async def list_part_sizes(self, ref: ImportRef) -> Mapping[int, int]:
        """Return the size of each stored part in bytes, by its number."""
        return {number: len(part) for (owner, number), part in self._parts.items() if owner == ref}

    async def get_part(self, ref: ImportRef, number: int) -> bytes:
        """Return a part. Raises: NotFound."""
        if (ref, number) not in self._parts:
            raise NotFound("there is no such row", code="not_found")
        return self._parts[ref, number]

    async def delete_parts(self, ref: ImportRef) -> None:
        """Delete all parts of the file."""
        self._parts = {key: part for key, part in self._parts.items() if key[0] != ref}

    async def delete(self, ref: ImportRef) -> None:
        """Delete an import with all parts of its file."""
        await self.delete_parts(ref)
        self._imports.delete(ref)

    async def delete_location(
        self, tenant: TenantId, location: LocationId, limit: int = ALL_ROWS, allowed: Allowed | None = None
    ) -> int:
        """Delete rows of the location. Nothing unless it is `allowed`."""
        if allowed is not None and not await allowed():
            return 0
        refs = {*self._imports.keys(), *(key[0] for key in self._parts)}
        own = sorted(ref for ref in refs if ref[:2] == (tenant, location))[:limit]
        for ref in own:
            await self.delete(ref)
        return len(own)

    async def delete_all(self, tenant: TenantId, limit: int = ALL_ROWS) -> int:
        """Delete rows of the tenant. As `TenantData.delete_all`."""
        refs = {*self._imports.keys(), *(key[0] for key in self._parts)}
        own = sorted(ref for ref in refs if ref.tenant == tenant)[:limit]
        for ref in own:
            await self.delete(ref)
        return len(own)
