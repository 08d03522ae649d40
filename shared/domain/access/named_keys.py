"""Named keys: credentials of programs with a name, scopes, tenants and an end. Only a hash of a key is stored.

A key has 256 random bits. It cannot be found by trying, so one hash without salt is enough.
Source: https://pages.nist.gov/800-63-3/sp800-63b.html#-5122-look-up-secret-verifiers (112 bits or more)
"""

import re
from datetime import datetime, timedelta
from hashlib import sha256
from hmac import compare_digest
from typing import Final

import msgspec

from shared.domain.access.callers import KeyHolder, KeyScope
from shared.domain.ids import KeyName, TenantId, key_name

#: Random bytes of a key.
SECRET_BYTES: Final = 32
#: Beginning of every key, by which programs that search for leaked credentials recognise it.
PREFIX: Final = "rsk_"
#: Longest time until a key expires, in days.
MAX_DAYS: Final = 366
_VALUE: Final = re.compile(rf"{PREFIX}([a-z0-9-]{{1,64}})_([A-Za-z0-9_-]{{43}})")


class NamedKey(msgspec.Struct, frozen=True, kw_only=True):
    """A named key as it is stored. It is kept after its end, so that its name always means the same key."""

    name: KeyName
    #: SHA-256 of the key, hexadecimal.
    digest: str
    scopes: tuple[KeyScope, ...]
    #: The tenants that it opens; None for all, also later ones.
    tenants: tuple[TenantId, ...] | None
    created_at: datetime
    created_by: str
    expires_at: datetime
    revoked_at: datetime | None = None
    revoked_by: str | None = None

    @classmethod
    def new(
        cls,
        value: str,
        scopes: tuple[KeyScope, ...],
        tenants: tuple[TenantId, ...] | None,
        *,
        now: datetime,
        days: int,
        by: str,
    ) -> "NamedKey":
        """Create the key with this value, which expires in some days."""
        return cls(
            name=name_in(value),
            digest=_digest(value),
            scopes=tuple(sorted(set(scopes))),
            tenants=None if tenants is None else tuple(sorted(set(tenants))),
            created_at=now,
            created_by=by,
            expires_at=now + timedelta(days=days),
        )

    def opens(self, value: str, now: datetime) -> bool:
        """Return whether this is the key with that value, and neither expired nor revoked. Takes constant time."""
        return compare_digest(self.digest, _digest(value)) and self.revoked_at is None and now < self.expires_at

    @property
    def holder(self) -> KeyHolder:
        """The caller who has the key."""
        tenants = None if self.tenants is None else frozenset(self.tenants)
        return KeyHolder(name=self.name, scopes=frozenset(self.scopes), tenants=tenants)


def value_of(name: KeyName, secret: str) -> str:
    """Return the text of a key: `rsk_<name>_<secret>`, with a secret of `SECRET_BYTES` in URL-safe base64."""
    return f"{PREFIX}{name}_{secret}"


def name_in(value: str) -> KeyName:
    """Return the name in the text of a key. Raises Rejected if the text does not have the form of one."""
    match = _VALUE.fullmatch(value)
    return key_name(match[1] if match else "")


def _digest(value: str) -> str:
    return sha256(value.encode()).hexdigest()
