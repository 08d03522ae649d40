"""A request that may be sent again: what its `Idempotency-Key` stands for."""

from datetime import datetime, timedelta
from hashlib import sha256
from typing import Final

import msgspec

from shared.domain.ids import RunId

#: How long a key is remembered.
KEPT_FOR: Final = timedelta(hours=24)
#: After this nothing that used a key is still at work: host.json ends a function after ten minutes.
LEFT_AFTER: Final = timedelta(minutes=15)
MAX_KEY: Final = 200


class Repeatable(msgspec.Struct, frozen=True, kw_only=True):
    """A request with a key: who sends it, to do what, and a hash of what it asks for."""

    caller: str
    operation: str
    key: str
    digest: str

    @classmethod
    def of(cls, caller: str, operation: str, key: str, *asked: bytes) -> "Repeatable":
        """Return the request; two of them ask for the same if `asked` is the same, part by part."""
        hashes = "".join(sha256(each).hexdigest() for each in asked)
        return cls(caller=caller, operation=operation, key=key, digest=sha256(hashes.encode()).hexdigest())

    @property
    def name(self) -> str:
        """What it is remembered by within its tenant: nobody meets the keys of another caller or operation."""
        return sha256(f"{self.caller}\n{self.operation}\n{self.key}".encode()).hexdigest()


class Use(msgspec.Struct, frozen=True, kw_only=True):
    """What a key was used for: the run that it made or makes, and the answer once there is one."""

    digest: str
    run: RunId
    at: datetime
    answer: bytes | None = None

    def expired(self, now: datetime) -> bool:
        """Tell whether the key may be used anew."""
        return now - self.at >= KEPT_FOR

    def left(self, now: datetime) -> bool:
        """Tell whether whoever used the key has died over it."""
        return self.answer is None and now - self.at >= LEFT_AFTER
