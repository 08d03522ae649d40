"""An opened certificate."""

from datetime import datetime

import msgspec


class Certificate(msgspec.Struct, frozen=True, kw_only=True):
    """A certificate that was opened: with its private key as unencrypted PEM, and when it ends."""

    pem: str
    ends: datetime

    def __repr__(self) -> str:
        return f"Certificate(pem=…, ends={self.ends!r})"
