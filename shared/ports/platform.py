"""Clock, secrets, sign-in, rate limits and idempotency keys."""

from collections.abc import Mapping
from datetime import datetime
from typing import Protocol

from shared.domain.access.callers import Person
from shared.domain.access.idempotency import IdempotencyRecord
from shared.domain.ids import RunId, TenantId
from shared.domain.versioned import Versioned


class Clock(Protocol):
    """Time, so that tests can turn it."""

    def now(self) -> datetime:
        """Return the time, aware, in UTC."""

    def monotonic_s(self) -> float:
        """Return seconds since some fixed moment, never going backwards."""


class IdSource(Protocol):
    """New ids, so that tests can predict them."""

    def new_run_id(self) -> RunId:
        """Return the id of a run that is requested now. Later ids sort before earlier ones."""

    def new_attempt_id(self) -> str:
        """Return the id of an attempt to do a job."""


class SecretStore(Protocol):
    """Key Vault."""

    async def put(self, name: str, value: str) -> str:
        """Store a new version of a secret and return the version."""

    async def get(self, name: str, version: str) -> str:
        """Return a secret. Raises: NotFound if it was deleted."""

    async def delete(self, name: str) -> None:
        """Delete a secret with all versions, if it exists."""


class IdempotencyStore(Protocol):
    """What idempotency keys were used for, by names that are hashes of them."""

    async def find(self, tenant: TenantId, name: str) -> Versioned[IdempotencyRecord | None]:
        """Return what a key was used for, None with ETag None if it was not used."""

    async def replace(self, tenant: TenantId, name: str, record: IdempotencyRecord, etag: str | None) -> str:
        """Store what a key is used for, and return the ETag. Raises: ETagConflict if it changed since it was read."""

    async def delete(self, tenant: TenantId, name: str, etag: str) -> None:
        """Delete a record unless it changed since it was read."""

    async def purge(self, before: datetime) -> None:
        """Delete the records of keys that were used before this time."""

    async def delete_all(self, tenant: TenantId) -> None:
        """Delete every row of the tenant."""


class LimitStore(Protocol):
    """How much of each rate limit is used, by hashed keys."""

    async def find(self, key: str) -> Versioned[datetime | None]:
        """Return until when a key's allowance is used; None with ETag None if it never was."""

    async def replace(self, key: str, used_until: datetime, etag: str | None) -> None:
        """Store until when it is used. Raises: ETagConflict if it changed since it was read."""

    async def purge(self, before: datetime) -> None:
        """Delete the rows whose allowance was used until before this time."""


class SignIn(Protocol):
    """Finds out who sends a request."""

    async def person(self, headers: Mapping[str, str]) -> Person:
        """Return the signed-in person. Raises: Unauthenticated, Transient while the keys cannot be read."""
