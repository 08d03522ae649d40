"""Idempotent requests, and the record of what an `Idempotency-Key` was used for."""

from datetime import datetime, timedelta
from hashlib import sha256
from typing import Final

import msgspec

from shared.domain.ids import RunId

#: Time for which a key is remembered.
KEPT_FOR: Final = timedelta(hours=24)
#: Age at which a record without an answer counts as abandoned: host.json ends a function after ten minutes.
ABANDONED_AFTER: Final = timedelta(minutes=15)
#: Maximum length of a key, in characters.
MAX_KEY: Final = 200


class IdempotentRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A request with a key: its caller, its operation, and a hash of its parameters."""

    caller: str
    operation: str
    key: str
    digest: str

    @classmethod
    def of(cls, caller: str, operation: str, key: str, *parameters: bytes) -> "IdempotentRequest":
        """Create the request. Two requests with a key are equal if all their parameters are equal, in order."""
        hashes = "".join(sha256(parameter).hexdigest() for parameter in parameters)
        return cls(caller=caller, operation=operation, key=key, digest=sha256(hashes.encode()).hexdigest())

    @property
    def name(self) -> str:
        """The row key within the tenant. Keys of different callers or operations never collide."""
        return sha256(f"{self.caller}\n{self.operation}\n{self.key}".encode()).hexdigest()


class IdempotencyRecord(msgspec.Struct, frozen=True, kw_only=True):
    """What a key was first used for: the run, and the answer once there is one."""

    digest: str
    run: RunId
    at: datetime
    answer: bytes | None = None

    def is_expired(self, now: datetime) -> bool:
        """Whether the key may be reused."""
        return now - self.at >= KEPT_FOR

    def is_abandoned(self, now: datetime) -> bool:
        """Whether the worker that used the key must have crashed."""
        return self.answer is None and now - self.at >= ABANDONED_AFTER
