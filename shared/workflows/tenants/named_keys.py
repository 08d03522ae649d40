"""Named keys: created, listed and revoked by operators, and accepted in place of a person's sign-in."""

import secrets
from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Final

import msgspec

from shared.domain.access.callers import KeyHolder, KeyScope, Person
from shared.domain.access.named_keys import MAX_DAYS, PREFIX, SECRET_BYTES, NamedKey, name_in, value_of
from shared.domain.ids import TenantId, key_name
from shared.errors import Conflict, ETagConflict, NotFound, Rejected, Unauthenticated
from shared.ports.platform import Clock, KeyStore, SignIn
from shared.ports.tenants import TenantStore
from shared.runtime.optimistic_update import optimistic_update
from shared.workflows.pagination import page
from shared.workflows.request_limits import RefusalLimit

#: Header with a named key. Other products in front of the app, such as Easy Auth, read `Authorization` themselves.
KEY_HEADER: Final = "x-api-key"
_BEARER: Final = "bearer "
#: Default number of keys of a page.
MAX_LISTED: Final = 100
#: Headers of other credentials, which are not accepted together with a key.
_OTHERS: Final = ("cookie", "authorization", "x-ms-client-principal")


class NewKey(msgspec.Struct, frozen=True, kw_only=True):
    """A key that was created now. Its value is nowhere else."""

    key: NamedKey
    value: str


class NamedKeys(msgspec.Struct, frozen=True, kw_only=True):
    """Creates, lists, revokes and recognises named keys."""

    keys: KeyStore
    tenants: TenantStore
    refusals: RefusalLimit
    clock: Clock

    async def create(
        self, name: str, scopes: Sequence[KeyScope], tenants: Sequence[TenantId] | None, days: int, by: str
    ) -> NewKey:
        """Create a key for the tenants, or for all of them (None).

        Raises:
            Rejected: The name is malformed, scopes or tenants are missing, or the end is too far away.
            NotFound: A tenant does not exist.
            Conflict: There is or was a key of this name (`key_exists`).

        """
        if not scopes or (tenants is not None and not tenants):
            raise Rejected("A key needs a scope and a tenant: name at least one of each.", code="invalid_body")
        if not 1 <= days <= MAX_DAYS:
            raise Rejected(f"Invalid number of days until a key expires: use 1 to {MAX_DAYS}.", code="invalid_body")
        for tenant in tenants or ():
            await self.tenants.get(tenant)
        value = value_of(key_name(name), secrets.token_urlsafe(SECRET_BYTES))
        named = None if tenants is None else tuple(tenants)
        key = NamedKey.new(value, tuple(scopes), named, now=self.clock.now(), days=days, by=by)
        try:
            await self.keys.replace(key, None)
        except ETagConflict as error:
            raise Conflict(
                f"The name {name!r} is or was that of another key: choose one that was never used.",
                code="key_exists",
            ) from error
        return NewKey(key=key, value=value)

    async def list_all(self, after: str = "", limit: int = MAX_LISTED) -> tuple[list[NamedKey], str | None]:
        """Return a page of the keys after a name, also those that ended, and the last name; None at the end."""
        return await page(self.keys.list_keys(after), limit, lambda key: key.name)

    @optimistic_update
    async def revoke(self, name: str, by: str) -> None:
        """Revoke a key: the next request with it is refused. A revoked key stays as it is. Raises NotFound."""
        key, etag = await self.keys.find(key_name(name))
        if key is None:
            raise NotFound(f"Key {name!r} does not exist.", code="key_not_found")
        if key.revoked_at is None:
            revoked = msgspec.structs.replace(key, revoked_at=self.clock.now(), revoked_by=by)
            await self.keys.replace(revoked, etag)

    async def holder(self, value: str) -> KeyHolder:
        """Return the caller with this key.

        Raises:
            Unauthenticated: The key is unknown, expired or revoked.
            RateLimited: A program repeats such a key. Wrong keys that are all different are looked up one by one: a
                limit of all of them would keep the owners of good keys out.

        """
        try:
            name = name_in(value)
        except Rejected as error:
            raise _refused() from error
        async with self.refusals.checked(f"key:{sha256(value.encode('utf-8', 'surrogatepass')).hexdigest()}"):
            key, _ = await self.keys.find(name)
            if key is None or not key.opens(value, self.clock.now()):
                raise _refused()
        return key.holder


class Identify(msgspec.Struct, frozen=True, kw_only=True):
    """Finds out who sends a request to the user API: a signed-in person, or a program with a named key."""

    sign_in: SignIn
    keys: NamedKeys

    async def __call__(self, headers: Mapping[str, str]) -> Person | KeyHolder:
        """Return the sender of a request with these headers; their names are in lower case.

        Raises:
            Unauthenticated: The request has neither a valid sign-in nor a valid key.
            Rejected: It has a key and another credential, so that it is not clear who acts.
            Transient: The signing keys of the login service cannot be loaded.

        """
        value, header = headers.get(KEY_HEADER, ""), KEY_HEADER
        if not value:
            value, header = _bearer(headers), "authorization"
            if not value.startswith(PREFIX):
                return await self.sign_in.person(headers)
        if any(headers.get(other) for other in _OTHERS if other != header):
            raise Rejected(
                "A key cannot be combined with a cookie, token or sign-in: send the key alone.",
                code="mixed_credentials",
            )
        return await self.keys.holder(value.strip())


def _bearer(headers: Mapping[str, str]) -> str:
    text = headers.get("authorization", "")
    return text[len(_BEARER) :].strip() if text.lower().startswith(_BEARER) else ""


def _refused() -> Unauthenticated:
    return Unauthenticated("This key is not valid: it is unknown, expired or revoked.", code="key_refused")
