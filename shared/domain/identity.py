"""What a fresh token says about whom it was issued for, compared with what an admin has entered."""

from shared.domain.entries import Entries
from shared.domain.report import Check


def identity_checks(entries: Entries, *, azure_tenant_id: str, client_id: str, object_id: str) -> list[Check]:
    """Return the checks of the token's `tid`, `appid` and `oid`; a wrong entry is answered with the right one.

    Source: https://learn.microsoft.com/entra/identity-platform/access-token-claims-reference
    """
    return [_tenant(entries, azure_tenant_id), _application(entries, client_id), _object(entries, object_id)]


def _tenant(entries: Entries, found: str) -> Check:
    if found.lower() == entries.tenant_id:
        return Check.passed("token_tenant", "The token is for the right tenant")
    detail = f"The login service answered for tenant {found}."
    fix = "Enter that tenant id if it is yours; else check the endpoints."
    return Check.failed("token_tenant", "The token is for another tenant", detail, fix)


def _application(entries: Entries, found: str) -> Check:
    if found.lower() == entries.client_id:
        return Check.passed("token_application", "The token is for the right application")
    detail = f"The login service answered for application {found}."
    fix = "Enter that application (client) id if it is yours; else check the endpoints."
    return Check.failed("token_application", "The token is for another application", detail, fix)


def _object(entries: Entries, found: str) -> Check:
    if found.lower() == entries.object_id:
        return Check.passed("object_id", "The object id is the enterprise application's")
    detail = (
        "What was entered is not the enterprise application's object id; perhaps it is the app registration's. "
        f"The enterprise application's is {found}."
    )
    return Check.failed("object_id", "The object id is another one", detail, f"Enter {found}.")
