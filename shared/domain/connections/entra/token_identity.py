"""Token identity: compares the ids in a new access token with the ids that an admin has entered."""

import msgspec

from shared.domain.connections.entra.credential_form import CredentialForm
from shared.domain.connections.validation_report import Check, CheckStatus


def identity_checks(
    form: CredentialForm, *, azure_tenant_id: str, client_id: str, object_id: str, registration: str | None = None
) -> list[Check]:
    """Return the checks of the token's `tid`, `appid` and `oid`. A failed check suggests the right value.

    `registration` is the object id of the app registration, if it could be read.

    Source: https://learn.microsoft.com/entra/identity-platform/access-token-claims-reference
    """
    return [
        _tenant(form, azure_tenant_id),
        _application(form, client_id),
        _object(form, object_id, registration),
    ]


def _tenant(form: CredentialForm, actual: str) -> Check:
    if actual.lower() == form.tenant_id:
        return Check.passed("token_tenant", "The token is for the right tenant")
    detail = f"The login service issued a token for the tenant ID {actual}."
    fix = "Enter this tenant ID if it is yours; otherwise check the endpoints."
    if not actual:
        return _unnamed("token_tenant", "tenant")
    return Check.failed("token_tenant", "The token is for another tenant", detail, fix)


def _application(form: CredentialForm, actual: str) -> Check:
    if actual.lower() == form.client_id:
        return Check.passed("token_application", "The token is for the right application")
    detail = f"The login service issued a token for the application (client) ID {actual}."
    fix = "Enter this application (client) ID if it is yours; otherwise check the endpoints."
    if not actual:
        return _unnamed("token_application", "application")
    return Check.failed("token_application", "The token is for another application", detail, fix)


def _object(form: CredentialForm, actual: str, registration: str | None) -> Check:
    if actual.lower() == form.object_id:
        return Check.passed("object_id", "The object ID is that of the enterprise application")
    if not actual:
        return Check(
            id="object_id",
            status=CheckStatus.WARN,
            title="The object ID could not be verified",
            detail="The token of the login service does not contain the object ID of the enterprise application.",
            fix="Compare the object ID with the one on the overview page of the enterprise application.",
        )
    entered = "The entered object ID is not that of the enterprise application. It may be that of the app registration."
    if registration is not None and registration.lower() == form.object_id:
        entered = "The entered object ID is that of the app registration."
    detail = f"{entered} The right object ID is {actual}."
    return Check.failed("object_id", "Wrong object ID", detail, f"Enter the object ID {actual}.", {"objectId": actual})


def _unnamed(id_: str, what: str) -> Check:
    detail = f"The login service issued a token that does not say for which {what} it is."
    return Check.failed(id_, f"The token does not name the {what}", detail, "Check the endpoints.")


def mixed_up(form: CredentialForm, order: dict[str, str]) -> Check:
    """Return the failed check for ids that work in another order."""
    names = {"tenantId": "tenant ID", "clientId": "application (client) ID", "objectId": "object ID"}
    entered = {"tenantId": form.tenant_id, "clientId": form.client_id, "objectId": form.object_id}
    moved = [name for field, name in names.items() if order[field] != entered[field]]
    swapped = " and ".join((", ".join(moved[:-1]), moved[-1]))
    return Check.failed(
        "swapped",
        "IDs are swapped",
        f"The {swapped} are swapped: the sign-in works with the IDs in another order.",
        "Swap them, or use the suggested values.",
        order,
    )


class TokenReport(msgspec.Struct, frozen=True, kw_only=True):
    """The contents of an access token: ids of the application and its granted permissions."""

    azure_tenant_id: str
    client_id: str
    object_id: str
    roles: frozenset[str]
