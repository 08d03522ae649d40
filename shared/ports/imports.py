"""Large imports and their files."""

from collections.abc import AsyncIterator, Mapping
from typing import Protocol

from shared.domain.ids import LocationId, TenantId
from shared.domain.imports.large_import import Import, ImportMark, ImportRef
from shared.domain.versioned import Versioned


class ImportStore(Protocol):
    """Large imports, and the parts of their files."""

    async def insert(self, new: Import) -> None:
        """Store a new import. Raises: Conflict if there is one of its id."""

    async def get(self, ref: ImportRef) -> Versioned[Import]:
        """Return an import. Raises: NotFound."""

    async def swap(self, changed: Import, etag: str | None) -> str:
        """Replace an import and return its new ETag. Raises: Conflict if it changed, or vanished, since it was read."""

    def marks(self, tenant: TenantId | None = None) -> AsyncIterator[ImportMark]:
        """Iterate over the imports of a tenant, or of all."""

    async def put_part(self, ref: ImportRef, number: int, content: bytes) -> None:
        """Store a part of the file, in the place of the one of this number; a reader sees the old or the new one."""

    async def sizes(self, ref: ImportRef) -> Mapping[int, int]:
        """Return the bytes of each part that is there, by its number."""

    async def part(self, ref: ImportRef, number: int) -> bytes:
        """Return a part. Raises: NotFound; Conflict while it is being replaced."""

    async def erase_parts(self, ref: ImportRef) -> None:
        """Delete all parts of the file."""

    async def delete(self, ref: ImportRef) -> None:
        """Delete an import with all parts of its file."""

    async def erase_location(self, tenant: TenantId, location: LocationId) -> None:
        """Delete every row of the location."""

    async def erase(self, tenant: TenantId) -> None:
        """Delete every row of the tenant."""
