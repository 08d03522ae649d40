"""A decrypted client certificate."""

from datetime import datetime

import msgspec


class Certificate(msgspec.Struct, frozen=True, kw_only=True):
    """A decrypted certificate: unencrypted PEM with its private key, and the expiry date."""

    pem: str
    ends: datetime

    def __repr__(self) -> str:
        return f"Certificate(pem=…, ends={self.ends!r})"
