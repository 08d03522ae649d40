"""What a fresh token says about whom it was issued for, compared with what an admin has entered."""

import msgspec

from shared.domain.connections.entra.credential_form import CredentialForm
from shared.domain.connections.validation_report import Check


def identity_checks(
    form: CredentialForm, *, azure_tenant_id: str, client_id: str, object_id: str, registration: str | None = None
) -> list[Check]:
    """Return the checks of the token's `tid`, `appid` and `oid`; a wrong entry is answered with the right one.

    `registration` is the app registration's own object id, where it could be read.

    Source: https://learn.microsoft.com/entra/identity-platform/access-token-claims-reference
    """
    return [
        _tenant(form, azure_tenant_id),
        _application(form, client_id),
        _object(form, object_id, registration),
    ]


def _tenant(form: CredentialForm, found: str) -> Check:
    if found.lower() == form.tenant_id:
        return Check.passed("token_tenant", "The token is for the right tenant")
    detail = f"The login service answered for tenant {found}."
    fix = "Enter that tenant id if it is yours; else check the endpoints."
    return Check.failed("token_tenant", "The token is for another tenant", detail, fix)


def _application(form: CredentialForm, found: str) -> Check:
    if found.lower() == form.client_id:
        return Check.passed("token_application", "The token is for the right application")
    detail = f"The login service answered for application {found}."
    fix = "Enter that application (client) id if it is yours; else check the endpoints."
    return Check.failed("token_application", "The token is for another application", detail, fix)


def _object(form: CredentialForm, found: str, registration: str | None) -> Check:
    if found.lower() == form.object_id:
        return Check.passed("object_id", "The object id is the enterprise application's")
    entered = "What was entered is not the enterprise application's object id; perhaps it is the app registration's."
    if registration is not None and registration.lower() == form.object_id:
        entered = "What was entered is the app registration's object id."
    detail = f"{entered} The enterprise application's is {found}."
    return Check.failed("object_id", "The object id is another one", detail, f"Enter {found}.", {"objectId": found})


def mixed_up(form: CredentialForm, order: dict[str, str]) -> Check:
    """Return the failed check for ids that work in another order than the one in which they were entered."""
    names = {"tenantId": "tenant id", "clientId": "application (client) id", "objectId": "object id"}
    entered = {"tenantId": form.tenant_id, "clientId": form.client_id, "objectId": form.object_id}
    moved = [name for field, name in names.items() if order[field] != entered[field]]
    said = " and ".join((", ".join(moved[:-1]), moved[-1]))
    return Check.failed(
        "swapped",
        "Ids stand in each other's place",
        f"The {said} are mixed up: the login service knows them in another order.",
        "Swap them; the right order is in `suggestion`.",
        order,
    )


class TokenReport(msgspec.Struct, frozen=True, kw_only=True):
    """What a fresh token says about the application: ids, and the granted application permissions."""

    azure_tenant_id: str
    client_id: str
    object_id: str
    roles: frozenset[str]
