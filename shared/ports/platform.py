"""Clocks, secrets, sign-in, rate limits and idempotency keys."""

from collections.abc import AsyncIterator, Mapping
from datetime import datetime
from typing import Protocol

from shared.domain.access.callers import Person
from shared.domain.access.idempotency import IdempotencyRecord
from shared.domain.access.named_keys import NamedKey
from shared.domain.ids import KeyName, RunId, TenantId
from shared.domain.versioned import Versioned
from shared.ports.tenant_data import ALL_ROWS


class Clock(Protocol):
    """The clock; tests replace it."""

    def now(self) -> datetime:
        """Return the current time as an aware datetime in UTC."""

    def monotonic_s(self) -> float:
        """Return a monotonic time in seconds, since an arbitrary moment."""


class StorageClock(Protocol):
    """The clock of storage. All workers share it, so that theirs cannot shorten a wait that another one began."""

    async def now(self) -> datetime:
        """Return the current time as an aware datetime in UTC."""


class IdSource(Protocol):
    """Source of new ids; tests replace it to predict them."""

    def new_run_id(self) -> RunId:
        """Create the id of a run that is requested now. Later ids sort before earlier ones."""

    def new_attempt_id(self) -> str:
        """Create the id of an attempt at a job."""


class SecretStore(Protocol):
    """Versioned secrets, stored in Key Vault."""

    async def put(self, name: str, value: str) -> str:
        """Store a secret under a name that was never used, and return its version."""

    async def get(self, name: str, version: str) -> str:
        """Return a secret. Raises NotFound if it does not exist or is disabled."""

    async def disable(self, name: str) -> None:
        """Disable all versions of a secret, if it exists. They can be enabled again in the vault only."""

    async def delete(self, name: str) -> None:
        """Delete a secret with all versions, if it exists."""


class IdempotencyStore(Protocol):
    """Idempotency records by `IdempotentRequest.name`, a hash that includes the key."""

    async def find(self, tenant: TenantId, name: str) -> Versioned[IdempotencyRecord | None]:
        """Return the record of a key; None with ETag None if the key is unused."""

    async def replace(self, tenant: TenantId, name: str, record: IdempotencyRecord, etag: str | None) -> str:
        """Store the record of a key and return its new ETag. Raises ETagConflict if it changed since it was read."""

    async def delete(self, tenant: TenantId, name: str, etag: str) -> None:
        """Delete a record unless it changed since it was read."""

    async def purge(self, before: datetime) -> None:
        """Delete the records of all keys first used before this time."""

    async def delete_all(self, tenant: TenantId, limit: int = ALL_ROWS) -> int:
        """Delete rows of the tenant. As `TenantData.delete_all`."""


class LimitStore(Protocol):
    """State of the rate limits by key. Keys are stored only as hashes, because they contain ids of callers."""

    async def find(self, key: str) -> Versioned[datetime | None]:
        """Return the GCRA state of a key; None with ETag None if the key was never used."""

    async def replace(self, key: str, used_until: datetime, etag: str | None) -> None:
        """Store the GCRA state of a key. Raises ETagConflict if it changed since it was read."""

    async def purge(self, before: datetime) -> None:
        """Delete the rows whose state is before this time, which no longer limit anything."""


class KeyStore(Protocol):
    """Named keys by name. They are never deleted, so that no name is used twice."""

    async def find(self, name: KeyName) -> Versioned[NamedKey | None]:
        """Return a key; None with ETag None if none has this name."""

    async def replace(self, key: NamedKey, etag: str | None) -> str:
        """Store a key and return its new ETag. Raises ETagConflict if it changed since it was read."""

    def list_keys(self, after: str = "") -> AsyncIterator[NamedKey]:
        """Iterate over the keys after a name, sorted by name. Keys are read as they are used."""

    async def delete_all(self, tenant: TenantId, limit: int = ALL_ROWS) -> int:
        """Take the tenant out of up to `limit` keys, and return their number; fewer than `limit` are all of them."""


class SignIn(Protocol):
    """Authenticates the sender of a request."""

    async def person(self, headers: Mapping[str, str]) -> Person:
        """Return the signed-in person.

        Raises:
            Unauthenticated: if the request has no valid sign-in.
            Transient: if the signing keys cannot be loaded.

        """
