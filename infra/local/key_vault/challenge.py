"""Who may call: a token for this vault, and how a client learns which one that is."""

import jwt

from infra.local.key_vault import errors


def resource_of(authority: str) -> str:
    """The resource of the vault at `authority` (host and port).

    The client insists that the vault's authority ends in a dot and the resource's, as in `name.vault.azure.net`; so the
    vault at 127.0.0.1:23443 belongs to the resource https://0.0.1:23443, and the client needs no exception.
    Source: https://devblogs.microsoft.com/azure-sdk/guidance-for-applications-using-the-key-vault-libraries/
    """
    return "https://" + authority.partition(".")[2]


def challenge(login_url: str, resource: str) -> str:
    """The `WWW-Authenticate` header of a refusal."""
    return f'Bearer authorization="{login_url}", resource="{resource}"'


def check_token(authorization: str, resource: str) -> None:
    """The request carries a JWT for `resource` that has not expired. Its signature is not looked at.

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
