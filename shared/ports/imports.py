"""Uploaded imports and their files."""

from collections.abc import AsyncIterator, Mapping
from typing import Protocol

from shared.domain.ids import LocationId, TenantId
from shared.domain.imports.import_record import Import, ImportMark, ImportRef
from shared.domain.versioned import Versioned
from shared.ports.tenant_data import ALL_ROWS, Allowed


class ImportStore(Protocol):
    """Uploaded imports and the parts of their files."""

    async def insert(self, new: Import) -> None:
        """Insert an import. Raises ETagConflict if one with its id exists."""

    async def get(self, ref: ImportRef) -> Versioned[Import]:
        """Return an import. Raises NotFound if it does not exist."""

    async def replace(self, changed: Import, etag: str | None) -> str:
        """Replace an import and return its new ETag. Raises ETagConflict if it changed since it was read."""

    def list_imports(
        self, tenant: TenantId | None = None, location: LocationId | None = None
    ) -> AsyncIterator[ImportMark]:
        """Iterate over the imports of a tenant, or of one of its locations, or of all tenants."""

    async def put_part(self, ref: ImportRef, number: int, content: bytes) -> None:
        """Store a part of the file, replacing an earlier one with this number. Readers get the old or the new part."""

    async def list_part_sizes(self, ref: ImportRef) -> Mapping[int, int]:
        """Return the sizes of the stored parts, in bytes, by number."""

    async def get_part(self, ref: ImportRef, number: int) -> bytes:
        """Return a part of the file.

        Raises:
            NotFound: if it does not exist.
            Conflict: while it is being replaced.

        """

    async def delete_parts(self, ref: ImportRef) -> None:
        """Delete all parts of the file."""

    async def delete(self, ref: ImportRef) -> None:
        """Delete an import with all parts of its file."""

    async def delete_location(
        self, tenant: TenantId, location: LocationId, limit: int = ALL_ROWS, allowed: Allowed | None = None
    ) -> int:
        """Delete up to `limit` rows of the location, and return their number; fewer than `limit` are all of them.

        Nothing is deleted unless it is still `allowed` after the rows were listed.
        """

    async def delete_all(self, tenant: TenantId, limit: int = ALL_ROWS) -> int:
        """Delete rows of the tenant. As `TenantData.delete_all`."""
