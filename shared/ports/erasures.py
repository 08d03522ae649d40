"""Erasures of people: what is requested, and the rows that can name a person."""

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import NamedTuple, Protocol

from shared.domain.erasure.erasure import Erasure, Position
from shared.domain.erasure.person import Person
from shared.domain.ids import LocationId, TenantId
from shared.domain.imports.import_record import ImportRef
from shared.domain.recipient import Recipient
from shared.domain.versioned import Versioned


class Step(NamedTuple):
    """What one step of an erasure did, and where the next one continues; None at the end."""

    after: Position | None
    #: Number of rows that were changed or deleted, by table.
    erased: Mapping[str, int]
    #: Imports whose files name the person.
    files: Sequence[ImportRef] = ()
    #: Number of rows that cannot be read, which were recorded in the operator log and skipped.
    unread: int = 0
    #: Whether the last snapshot was looked at: a run that begins later reads the person in the directory only.
    ends_snapshots: bool = False


class ErasureStore(Protocol):
    """Erasures, and the rows of all tables that can name a person."""

    async def get(self, tenant: TenantId, erasure: str) -> Versioned[Erasure]:
        """Return an erasure. Raises NotFound if it does not exist."""

    async def replace(self, erasure: Erasure, etag: str | None) -> str:
        """Store an erasure and return its new ETag. Raises ETagConflict if it changed since it was read."""

    def list_erasures(self, tenant: TenantId | None = None) -> AsyncIterator[Erasure]:
        """Iterate over the erasures of a tenant, or over those of all tenants that have not ended."""

    def list_recipients(self, tenant: TenantId, location: LocationId) -> AsyncIterator[Recipient]:
        """Iterate over the recipients of a location that can be read."""

    async def find(self, tenant: TenantId, person: Person, after: Position | None) -> tuple[Person, Position | None]:
        """Look at a bounded number of rows, and return the person with what these add, and where to continue."""

    async def erase(self, tenant: TenantId, person: Person, after: Position | None) -> Step:
        """Erase a person from a bounded number of rows, except recipients, whose rows are written under a fence.

        Repeating a step erases nothing twice. Raises ETagConflict if a row changed since it was read.
        """
