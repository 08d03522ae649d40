"""Applications, service principals, their roles and assignments, and the organization."""

from collections.abc import Callable
from datetime import datetime

from infra.local.entra.graph.call import Call
from infra.local.entra.graph.paging import start_of, take_page
from infra.local.entra.http.answers import Answer, json_answer, not_found
from infra.local.entra.odata.entity_types import (
    APPLICATION,
    ASSIGNMENT,
    ORGANIZATION,
    SERVICE_PRINCIPAL,
    EntityType,
)
from infra.local.entra.state.applications import (
    GRAPH_APPLICATION_ID,
    GRAPH_ROLES,
    NEVER,
    Application,
    Assignment,
    ServicePrincipal,
)

_GRAPH_NAME = "Microsoft Graph"
_CREATED = "2024-01-15T08:00:00Z"
_ASSIGNED = "2024-01-15T08:00:00.1234567Z"
#: End of credentials that never expire: later than many programs can represent.
_LATEST = "9999-12-31T23:59:59.9999999Z"
_SETS = {
    "application": "applications",
    "servicePrincipal": "servicePrincipals",
    "appRoleAssignment": "appRoleAssignments",
    "organization": "organization",
}


def list_service_principals(call: Call) -> Answer:
    """Return enterprise applications. The usual query is `$filter=appId eq '...'`."""
    applications = call.directory.applications
    principals = [_principal_json(call, application, application.service_principal) for application in applications]
    existing = (principal for principal in principals if principal)
    return _filtered(call, SERVICE_PRINCIPAL, [*existing, _graph_json(call)])


def get_service_principal(call: Call) -> Answer:
    """Return one enterprise application, by object id or `(appId='...')`."""
    key = call.places.get("app") or call.places["principal"]
    if key.lower() in {GRAPH_APPLICATION_ID, call.directory.graph_principal_id}:
        return _one(call, SERVICE_PRINCIPAL, _graph_json(call))
    application, principal = _found(call)
    return _one(call, SERVICE_PRINCIPAL, _principal_json(call, application, principal) or {})


def list_assigned_to(call: Call) -> Answer:
    """Return the users and groups assigned to an enterprise application."""
    application, principal = _found(call)
    items = [_assignment_json(call, application, principal, one) for one in principal.assigned]
    return _filtered(call, ASSIGNMENT, [item for item in items if item])


def list_roles(call: Call) -> Answer:
    """Return the application permissions granted to an enterprise application."""
    application, principal = _found(call)
    items: list[dict[str, object]] = [
        {
            "id": f"{principal.object_id[:8]}-{GRAPH_ROLES[role]}",
            "deletedDateTime": None,
            "appRoleId": GRAPH_ROLES[role],
            "createdDateTime": _ASSIGNED,
            "principalDisplayName": application.display_name,
            "principalId": principal.object_id,
            "principalType": "ServicePrincipal",
            "resourceDisplayName": _GRAPH_NAME,
            "resourceId": call.directory.graph_principal_id,
        }
        for role in sorted(principal.roles)
    ]
    return _filtered(call, ASSIGNMENT, items)


def list_applications(call: Call) -> Answer:
    """Return app registrations. The usual query is `$filter=appId eq '...'`."""
    return _filtered(call, APPLICATION, [_application_json(one) for one in call.directory.applications])


def get_application(call: Call) -> Answer:
    """Return one app registration, by object id or `(appId='...')`.

    It contains the expiry dates of its secrets, never their values.
    """
    key = (call.places.get("app") or call.places["application"]).lower()
    for application in call.directory.applications:
        if key == (application.application_id if "app" in call.places else application.object_id):
            return _one(call, APPLICATION, _application_json(application))
    raise not_found(key)


def list_organization(call: Call) -> Answer:
    """Return the tenant as a list of one."""
    return _filtered(call, ORGANIZATION, [_organization_json(call)])


def get_organization(call: Call) -> Answer:
    """Return the tenant by its id."""
    key = call.places["organization"]
    if key.lower() != call.directory.tenant_id:
        raise not_found(key)
    return _one(call, ORGANIZATION, _organization_json(call))


def _organization_json(call: Call) -> dict[str, object]:
    directory = call.directory
    domain = {"name": directory.domain, "isDefault": True, "isInitial": True, "type": "Managed"}
    return {
        "id": directory.tenant_id,
        "displayName": directory.display_name,
        "tenantType": "AAD",
        "countryLetterCode": "NO",
        "createdDateTime": _CREATED,
        "verifiedDomains": [domain],
    }


def _found(call: Call) -> tuple[Application, ServicePrincipal]:
    key = (call.places.get("app") or call.places["principal"]).lower()
    for application in call.directory.applications:
        principal = application.service_principal
        if principal and key == (application.application_id if "app" in call.places else principal.object_id):
            return application, principal
    raise not_found(key)


def _principal_json(
    call: Call, application: Application, principal: ServicePrincipal | None
) -> dict[str, object] | None:
    if principal is None:
        return None
    return {
        "id": principal.object_id,
        "accountEnabled": principal.enabled,
        "appId": application.application_id,
        "appDisplayName": application.display_name,
        "displayName": application.display_name,
        "appOwnerOrganizationId": call.directory.tenant_id,
        "appRoleAssignmentRequired": application is call.directory.sso,
        "servicePrincipalType": "Application",
        "appRoles": [],
    }


def _graph_json(call: Call) -> dict[str, object]:
    roles = [
        {"id": key, "value": name, "displayName": name, "isEnabled": True, "allowedMemberTypes": ["Application"]}
        for name, key in GRAPH_ROLES.items()
    ]
    return {
        "id": call.directory.graph_principal_id,
        "accountEnabled": True,
        "appId": GRAPH_APPLICATION_ID,
        "appDisplayName": _GRAPH_NAME,
        "displayName": _GRAPH_NAME,
        "servicePrincipalType": "Application",
        "appRoles": roles,
    }


def _application_json(application: Application) -> dict[str, object]:
    secrets = [
        {
            "customKeyIdentifier": None,
            "displayName": secret.display_name,
            "endDateTime": _utc(secret.ends) if secret.ends != NEVER else _LATEST,
            "hint": secret.text[:3],
            "keyId": secret.key_id,
            "secretText": None,
            "startDateTime": _utc(secret.starts),
        }
        for secret in application.secrets
    ]
    access = [{"id": GRAPH_ROLES[role], "type": "Role"} for role in sorted(application.requested_roles)]
    return {
        "id": application.object_id,
        "appId": application.application_id,
        "displayName": application.display_name,
        "signInAudience": "AzureADMultipleOrgs" if application.multi_tenant else "AzureADMyOrg",
        "passwordCredentials": secrets,
        "keyCredentials": [],
        "requiredResourceAccess": [{"resourceAppId": GRAPH_APPLICATION_ID, "resourceAccess": access}],
    }


def _assignment_json(
    call: Call, application: Application, principal: ServicePrincipal, one: Assignment
) -> dict[str, object] | None:
    user = call.directory.users.find(one.principal_id)
    group = call.directory.groups.find(one.principal_id)
    if user is None and group is None:
        return None
    return {
        "id": one.id,
        "deletedDateTime": None,
        "appRoleId": one.app_role_id,
        "createdDateTime": _ASSIGNED,
        "principalDisplayName": user.display_name if user else group and group.display_name,
        "principalId": one.principal_id,
        "principalType": one.principal_type,
        "resourceDisplayName": application.display_name,
        "resourceId": principal.object_id,
    }


def _one(call: Call, kind: EntityType, item: dict[str, object]) -> Answer:
    select = call.query(kind, listing=False).select
    return json_answer({"@odata.context": call.context(_SETS[kind.name], select) + "/$entity", **_chosen(item, select)})


def _filtered(call: Call, kind: EntityType, items: list[dict[str, object]]) -> Answer:
    query = call.query(kind)
    kept = [item for item in items if query.condition is None or query.condition.holds(item.get)]
    if query.order:
        kept.sort(key=lambda item: str(item.get(query.order or "")).casefold())
    numbered = list(enumerate(kept, start=1))[int(start_of(call) or 0) :]
    key: Callable[[tuple[int, dict[str, object]]], str] = lambda pair: str(pair[0])  # noqa: E731 - its type is the point
    page = take_page(call, numbered, query.top, key)
    value = [_chosen(item, query.select) for _, item in page.items]
    context = call.context(_SETS[kind.name], query.select)
    return json_answer({"@odata.context": context, **page.annotations, "value": value})


def _chosen(item: dict[str, object], select: tuple[str, ...] | None) -> dict[str, object]:
    return item if select is None else {name: item.get(name) for name in select}


def _utc(moment: datetime) -> str:
    """Return the time with seven decimals, as Graph shows the times of credentials."""
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond:06d}7Z"
