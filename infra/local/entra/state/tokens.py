"""Access tokens: issued by the login service, verified by Graph."""

import base64
import time
import uuid
from collections.abc import Iterable

import jwt
import msgspec
from cryptography.hazmat.primitives.asymmetric import rsa

_ISSUER = "https://sts.windows.net/{}/"
_NOT_BEFORE_S = 300  # Entra backdates its tokens by five minutes
_REMEMBERED = 1_000


class BadToken(Exception):
    """The token is not valid. The message is Graph's."""


class Principal(msgspec.Struct, frozen=True, kw_only=True):
    """The application and tenant that a token represents."""

    tid: str
    oid: str
    appid: str
    roles: frozenset[str] = frozenset()


class _Claims(msgspec.Struct, frozen=True, kw_only=True):
    tid: str
    oid: str
    appid: str
    aud: str
    exp: int
    uti: str
    roles: list[str] = []


class Tokens:
    """Signs tokens with one RSA key that lives as long as the process."""

    def __init__(self) -> None:
        self._key = rsa.generate_private_key(public_exponent=65_537, key_size=2048)
        self._key_id = uuid.uuid4().hex
        self._generation = 0
        self._believed: dict[str, _Claims] = {}

    def revoke_all(self) -> None:
        """Revoke all tokens issued so far: Graph does not accept them any more."""
        self._generation += 1
        self._believed.clear()

    def issue(self, principal: Principal, *, audience: str, lifetime_s: int, issuer: str | None = None) -> str:
        """Return a token for `audience`. It has the claim `roles` only if a role was granted."""
        now_s = int(time.time())
        issuer = issuer or _ISSUER.format(principal.tid)
        claims: dict[str, object] = {
            "aud": audience,
            "iss": issuer,
            "iat": now_s,
            "nbf": now_s - _NOT_BEFORE_S,
            "exp": now_s + lifetime_s,
            "aio": uuid.uuid4().hex,
            "appid": principal.appid,
            "appidacr": "1",
            "idp": issuer,
            "idtyp": "app",
            "oid": principal.oid,
            "sub": principal.oid,
            "tid": principal.tid,
            "uti": f"{self._generation}.{uuid.uuid4().hex}",
            "ver": "1.0",
        }
        if principal.roles:
            claims["roles"] = sorted(principal.roles)
        return jwt.encode(claims, self._key, algorithm="RS256", headers={"kid": self._key_id, "x5t": self._key_id})

    def principal(self, token: str, *, audiences: Iterable[str]) -> Principal:
        """Return the application and tenant that the token represents.

        Raises:
            BadToken: The token is malformed, forged, expired, revoked, or issued for another audience.
        """
        claims = self._believed.get(token) or self._verified(token)
        if claims.exp <= time.time():
            raise BadToken("Lifetime validation failed, the token is expired.")
        if not claims.uti.startswith(f"{self._generation}."):
            raise BadToken("Access token has been revoked.")
        if claims.aud.rstrip("/") not in audiences:
            raise BadToken("Access token validation failure. Invalid audience.")
        return Principal(tid=claims.tid, oid=claims.oid, appid=claims.appid, roles=frozenset(claims.roles))

    def keys(self) -> dict[str, object]:
        """Return the public key as a JSON Web Key Set."""
        numbers = self._key.public_key().public_numbers()
        key = {
            "kty": "RSA",
            "use": "sig",
            "alg": "RS256",
            "kid": self._key_id,
            "n": _base64(numbers.n),
            "e": _base64(numbers.e),
        }
        return {"keys": [key]}

    def _verified(self, token: str) -> _Claims:
        options: jwt.types.Options = {"verify_aud": False, "require": ["exp", "aud", "tid"]}
        try:
            claims = jwt.decode(token, self._key.public_key(), algorithms=["RS256"], options=options)
        except jwt.ExpiredSignatureError as error:
            raise BadToken("Lifetime validation failed, the token is expired.") from error
        except jwt.InvalidSignatureError as error:
            raise BadToken("Access token validation failure. Invalid signature.") from error
        except jwt.InvalidTokenError as error:
            raise BadToken("IDX14100: JWT is not well formed, there are no dots (.).") from error
        if len(self._believed) >= _REMEMBERED:
            self._believed.clear()
        believed = self._believed[token] = msgspec.convert(claims, _Claims)
        return believed


def _base64(number: int) -> str:
    return base64.urlsafe_b64encode(number.to_bytes((number.bit_length() + 7) // 8)).rstrip(b"=").decode()
