"""Client assertions: a JWT signed with a registered certificate, or issued by a registered federated issuer."""

from collections.abc import Collection
from datetime import UTC, datetime

import jwt
import msgspec
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa

from infra.local.entra.login.aadsts import Refused
from infra.local.entra.state.applications import Application

_SKEW_S = 300.0


class _Claims(msgspec.Struct, frozen=True, kw_only=True):
    iss: str = ""
    sub: str = ""
    aud: str = ""
    nbf: float = 0.0
    exp: float = 0.0


def check_assertion(
    assertion: str, application: Application, *, audiences: Collection[str], login: str, now_s: float
) -> None:
    """Check that the assertion proves the identity of the application.

    Raises:
        Refused: 700024 outside its validity, 700027 unknown certificate, 70021 or 700213 unknown federation, 700236 a
            managed identity of another tenant than the application's.
    """
    try:
        claims = msgspec.convert(jwt.decode(assertion, options={"verify_signature": False}), _Claims)
    except (jwt.InvalidTokenError, msgspec.ValidationError) as error:
        raise Refused(700027, client=application.application_id, detail="unreadable") from error
    if not claims.nbf - _SKEW_S <= now_s <= claims.exp + _SKEW_S:
        raise Refused(700024, detail=_times(claims, now_s))
    if claims.iss.lower() == application.application_id:
        _check_certificate(assertion, application, claims, audiences)
    else:
        _check_federation(application, claims, login)


def _check_certificate(assertion: str, application: Application, claims: _Claims, audiences: Collection[str]) -> None:
    for certificate in application.certificates:
        key = certificate.public_key()
        if claims.aud in audiences and isinstance(key, rsa.RSAPublicKey) and _is_signed(assertion, key):
            return
    thumbprint = ", ".join(_thumbprint(one) for one in application.certificates) or "none is registered"
    raise Refused(700027, client=application.application_id, detail=thumbprint)


def _is_signed(assertion: str, key: rsa.RSAPublicKey) -> bool:
    options: jwt.types.Options = {"verify_aud": False, "verify_exp": False, "verify_nbf": False, "verify_iat": False}
    try:
        jwt.decode(assertion, key, algorithms=["RS256", "PS256"], options=options)
    except jwt.InvalidTokenError:
        return False
    return True


def _check_federation(application: Application, claims: _Claims, login: str) -> None:
    """Check issuer, subject, audience and tenant. The signature is not verified: others' keys are on the internet.

    An application accepts tokens of Entra itself only from managed identities of the tenant it is registered in.
    Source: https://learn.microsoft.com/entra/workload-id/workload-identity-federation-config-app-trust-managed-identity
    """
    issued = [one for one in application.federated if one.issuer == claims.iss]
    if not issued:
        detail = f"Issuer: '{claims.iss}'. Assertion Subject: '{claims.sub}'. Assertion Audience: '{claims.aud}'"
        raise Refused(70021, detail=detail)
    if not any(one.subject == claims.sub and one.audience == claims.aud for one in issued):
        raise Refused(700213, detail=claims.sub)
    if claims.iss.startswith(f"{login}/") and claims.iss != f"{login}/{application.home}/v2.0":
        raise Refused(700236, detail=claims.iss)


def _times(claims: _Claims, now_s: float) -> str:
    now, begin, end = (datetime.fromtimestamp(at, tz=UTC).isoformat() for at in (now_s, claims.nbf, claims.exp))
    return f"Current time: {now}, assertion valid from {begin}, expiry time of assertion {end}."


def _thumbprint(certificate: x509.Certificate) -> str:
    return certificate.fingerprint(hashes.SHA1()).hex().upper()  # noqa: S303 - an identifier, not a protection
