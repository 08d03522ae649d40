"""Sign-in: authenticates a person by a bearer token of the login service, or by the headers of Easy Auth."""

import asyncio
from base64 import b64decode
from collections.abc import Mapping
from contextlib import suppress
from math import inf
from time import monotonic
from typing import Any, Final, NamedTuple

import aiohttp
import msgspec

from shared.adapters.network.bounded_response import BoundedResponse
from shared.adapters.network.tls import tls_context
from shared.domain.access.callers import Person
from shared.domain.connections.entra.guid import guid
from shared.errors import Rejected, Transient, Unauthenticated
from shared.settings import SignInSettings

#: Time for which signing keys are cached, in seconds.
#: Source: https://learn.microsoft.com/entra/identity-platform/signing-key-rollover
_KEYS_S: Final = 86_400.0
#: Time for which older keys are still used while newer ones cannot be loaded, in seconds.
_STALE_S: Final = 86_400.0
#: Minimum interval between two loads of the keys because of an unknown key id, in seconds.
_AGAIN_S: Final = 300.0
#: Minimum interval between two attempts to replace older keys, in seconds.
_RETRY_S: Final = 60.0
#: Types of tokens in their header. Source: https://www.rfc-editor.org/rfc/rfc9068#section-4
_TYPES: Final = frozenset({"jwt", "at+jwt", "application/at+jwt"})
#: Timeout for loading the signing keys, in seconds.
_TIMEOUT_S: Final = 10.0
#: Tolerated clock difference, in seconds.
_LEEWAY_S: Final = 60
_PRINCIPAL: Final = "x-ms-client-principal"
#: Easy Auth's names of the claims `tid`, `oid` and `roles`.
#: Source: https://learn.microsoft.com/azure/app-service/configure-authentication-user-identities
_TENANT: Final = frozenset({"tid", "http://schemas.microsoft.com/identity/claims/tenantid"})
_OBJECT: Final = frozenset({"oid", "http://schemas.microsoft.com/identity/claims/objectidentifier"})
_ROLES: Final = frozenset({"roles", "http://schemas.microsoft.com/ws/2008/06/identity/claims/role"})
_SUBJECT: Final = frozenset({"sub", "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/nameidentifier"})
#: Value of the claim `idtyp` in tokens of applications.
_APP: Final = "app"


class _KeyDocument(msgspec.Struct):
    keys: list[dict[str, Any]]


class _Claim(msgspec.Struct):
    typ: str
    val: str


class _SigningKey(NamedTuple):
    """A key of the login service; `key` is PyJWT's."""

    key: Any
    #: The issuer that the key's entry names, which may contain `{tenantid}`; None if it names none.
    issuer: str | None


class _Principal(msgspec.Struct):
    auth_typ: str
    claims: list[_Claim]


class EntraSignIn:
    """`SignIn` with Microsoft Entra ID. Tokens are verified locally by their signature and claims."""

    def __init__(self, settings: SignInSettings | None) -> None:
        self._settings = settings
        self._keys: dict[str, _SigningKey] = {}
        self._fetched_s: float | None = None
        self._tried_s = 0.0
        #: Whether the last attempt to load the keys has not succeeded, or not yet.
        self._is_down = False
        self._loading: asyncio.Task[None] | None = None

    async def person(self, headers: Mapping[str, str]) -> Person:
        """Return the signed-in person.

        Raises:
            Unauthenticated: if the request has no valid sign-in.
            Transient: if the signing keys cannot be loaded.

        """
        if self._settings is None:
            raise Unauthenticated("Sign-in is not set up.", code="sign_in_off")
        if self._settings.easy_auth and _PRINCIPAL in headers:
            return _of_easy_auth(headers[_PRINCIPAL], self._settings.audience)
        scheme, _, token = headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise Unauthenticated("You are not signed in.", code="not_signed_in")
        return await self._of_token(token.strip(), self._settings)

    async def _of_token(self, token: str, settings: SignInSettings) -> Person:
        import jwt  # noqa: PLC0415 - needed only if people sign in

        try:
            header = jwt.get_unverified_header(token)
            if str(header.get("typ", "")).lower() not in _TYPES:
                raise _refused()
            key = await self._key(str(header.get("kid", "")), settings)
            claims = jwt.decode(
                token,
                key.key,
                algorithms=["RS256"],
                audience=[settings.audience, f"api://{settings.audience}"],
                leeway=_LEEWAY_S,
                options={"require": ["exp", "nbf", "iss", "aud", "tid", "oid"]},
            )
            tenant = guid(str(claims["tid"]))
            person = guid(str(claims["oid"]))
        except (jwt.PyJWTError, Rejected, ValueError, RecursionError) as error:
            raise _refused() from error
        if not _is_delegated(claims):
            raise Unauthenticated("This token is of an application. Sign in as a person.", code="not_signed_in")
        # Tokens of version 1.0 name the application in `appid`.
        if settings.clients and claims.get("azp", claims.get("appid")) not in settings.clients:
            raise _refused()
        if claims["iss"] not in _issuers(tenant, settings.login, key.issuer):
            raise _refused()
        roles = claims.get("roles")
        return Person(
            azure_tenant_id=tenant,
            object_id=person,
            roles=frozenset(map(str, roles)) if isinstance(roles, list) else frozenset(),
        )

    async def _key(self, kid: str, settings: SignInSettings) -> _SigningKey:
        """Return a signing key. A caller with a known key never waits because of another caller's unknown one.

        Raises:
            Unauthenticated: if the login service does not have the key.
            Transient: if the keys cannot be loaded, and the known ones are missing it or are too old.

        """
        age_s = monotonic() - self._fetched_s if self._fetched_s is not None else inf
        is_known, since_s = kid in self._keys, monotonic() - self._tried_s
        if age_s > _KEYS_S + _STALE_S:
            await self._load(settings)
        elif since_s > (_RETRY_S if age_s > _KEYS_S or self._is_down else _AGAIN_S) and (
            age_s > _KEYS_S or not is_known
        ):
            with suppress(Transient):
                await self._load(settings)
        if kid in self._keys:
            return self._keys[kid]
        raise _unloaded("no answer") if self._is_down else _refused()

    async def _load(self, settings: SignInSettings) -> None:
        """Load the keys, once for all callers that wait for them. Raises Transient if they cannot be loaded."""
        if self._loading is None or self._loading.done():
            self._loading = asyncio.create_task(self._reload(settings))
        await asyncio.shield(self._loading)

    async def _reload(self, settings: SignInSettings) -> None:
        self._tried_s, self._is_down = monotonic(), True
        self._keys = await _fetch(f"{settings.login}/common/discovery/v2.0/keys")
        self._fetched_s, self._is_down = monotonic(), False


def _issuers(tenant: str, login: str, named: str | None) -> frozenset[str]:
    """Return the issuers of tokens of an Azure tenant that a key may sign.

    An entry that names an issuer signs for that one only. The document of keys is that of version 2.0; tokens of
    version 1.0 are signed with the same keys, and have the issuer of version 1.0 of the same Azure tenant.
    Source: AadTokenValidationParametersExtension in Microsoft.IdentityModel.Validators
    """
    first, second = f"https://sts.windows.net/{tenant}/", f"{login}/{tenant}/v2.0"
    if named is None:
        return frozenset({first, second})
    filled = named.replace("{tenantid}", tenant)
    return frozenset({first, second}) if filled == second else frozenset({filled}) & {first}


async def _fetch(url: str) -> dict[str, _SigningKey]:
    """Return the login service's signing keys by key id. Raises Transient if they cannot be loaded."""
    import jwt  # noqa: PLC0415 - as above

    try:
        async with (
            aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(ssl=tls_context()),
                timeout=aiohttp.ClientTimeout(total=_TIMEOUT_S),
                trust_env=False,
                response_class=BoundedResponse,
            ) as session,
            session.get(url, allow_redirects=False) as response,
        ):
            response.raise_for_status()
            content = await response.read()
        document = msgspec.json.decode(content, type=_KeyDocument)
        keys = jwt.PyJWKSet.from_dict({"keys": document.keys})
    except (aiohttp.ClientError, TimeoutError, RecursionError, ValueError, jwt.PyJWTError) as error:
        raise _unloaded(type(error).__name__) from error
    issuers = {str(entry.get("kid")): entry.get("issuer") for entry in document.keys}
    return {
        str(key.key_id): _SigningKey(key, None if (issuer := issuers.get(str(key.key_id))) is None else str(issuer))
        for key in keys.keys
    }


def _is_delegated(claims: Mapping[str, Any]) -> bool:
    """Return whether an access token acts for a person: only then it has scopes. App roles alone prove no person.

    Source: https://learn.microsoft.com/entra/identity-platform/access-token-claims-reference (scp, idtyp)
    """
    scopes = claims.get("scp")
    return isinstance(scopes, str) and bool(scopes.strip()) and claims.get("idtyp") != _APP


def _of_easy_auth(header: str, audience: str) -> Person:
    try:
        principal = msgspec.json.decode(b64decode(header, validate=True), type=_Principal)
    except (ValueError, msgspec.MsgspecError, RecursionError) as error:
        raise _refused() from error
    claims: dict[str, list[str]] = {}
    for claim in principal.claims:
        claims.setdefault(claim.typ, []).append(claim.val)
    tenants, people = _values(claims, _TENANT), _values(claims, _OBJECT)
    is_for_this_api = audience in {value.removeprefix("api://") for value in claims.get("aud", [])}
    if principal.auth_typ != "aad" or not is_for_this_api or len(tenants) != 1 or len(people) != 1:
        raise _refused()
    if _APP in claims.get("idtyp", ()) or people & _values(claims, _SUBJECT):
        raise _refused()  # an application: its subject is its object id, a person's differs from theirs
    return Person(
        azure_tenant_id=tenants.pop().lower(), object_id=people.pop().lower(), roles=frozenset(_values(claims, _ROLES))
    )


def _values(claims: Mapping[str, list[str]], names: frozenset[str]) -> set[str]:
    return {value for name in names for value in claims.get(name, ())}


def _unloaded(reason: str) -> Transient:
    return Transient(f"The keys of the login service cannot be loaded ({reason}). Try again.", code="sign_in_keys")


def _refused() -> Unauthenticated:
    return Unauthenticated("Your sign-in is not valid or has expired.", code="not_signed_in")
