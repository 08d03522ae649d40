"""Authentication: the challenge that names the required token, and the verification of a token."""

import jwt

from infra.local.key_vault import errors


def resource_of(authority: str) -> str:
    """Return the resource of the vault at `authority` (host and port).

    The client requires that the authority of the vault ends in a dot and the resource, as in `name.vault.azure.net`. So
    the vault at 127.0.0.1:23443 belongs to the resource https://0.0.1:23443, and the client needs no special setting.

    Source: https://devblogs.microsoft.com/azure-sdk/guidance-for-applications-using-the-key-vault-libraries/
    """
    return "https://" + authority.partition(".")[2]


def challenge(login_url: str, resource: str) -> str:
    """Return the `WWW-Authenticate` header of an error response."""
    return f'Bearer authorization="{login_url}", resource="{resource}"'


def check_token(authorization: str, resource: str) -> None:
    """Check that the request has an unexpired JWT for `resource`. The signature is not verified.

    Raises:
        VaultError: 401 otherwise.
    """
    scheme, _, token = authorization.partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise errors.unauthorized("AKV10000: Request is missing a Bearer or PoP token.")
    try:
        claims = jwt.decode(token, options={"verify_signature": False, "verify_exp": True, "verify_aud": False})
    except jwt.ExpiredSignatureError:
        raise errors.unauthorized("Error validating token: the token has expired.") from None
    except jwt.InvalidTokenError as error:
        raise errors.unauthorized(f"Error validating token: {error}.") from None
    audience = str(claims.get("aud", ""))
    if audience.rstrip("/") != resource:
        raise errors.unauthorized(f"AKV10022: Invalid audience. Expected {resource}, found: {audience}.")
