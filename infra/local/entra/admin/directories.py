"""Admin API: whole directories, and the secrets, roles and consent of their applications."""

from datetime import timedelta
from http import HTTPStatus

import msgspec
from aiohttp import web
from cryptography import x509

from infra.local.entra.admin.bodies import STATE, body_of, directory_of, reply
from infra.local.entra.state.applications import GRAPH_ROLES, NEVER, Application, FederatedCredential, Secret
from infra.local.entra.state.directory import Directory, DirectoryPlan
from infra.local.entra.state.generate import stable_uuid
from infra.local.entra.state.samples import assign


class _Roles(msgspec.Struct, forbid_unknown_fields=True):
    grant: list[str] = []
    revoke: list[str] = []


class _ApplicationChange(msgspec.Struct, forbid_unknown_fields=True):
    enabled: bool | None = None  #: "Enabled for users to sign-in"
    consented: bool | None = None  #: false: the service principal does not exist
    multi_tenant: bool | None = None  #: true: other tenants can consent to it, on its consent page
    requested_roles: list[str] | None = None
    assign_users: list[str] = []  #: to the SSO application
    assign_groups: list[str] = []


class _NewSecret(msgspec.Struct, forbid_unknown_fields=True):
    display_name: str = "added"
    valid_days: float | None = 180.0  #: null: it never expires


class _NewCredential(msgspec.Struct, forbid_unknown_fields=True):
    certificate_pem: str | None = None
    issuer: str | None = None
    subject: str = ""
    audience: str = "api://AzureADTokenExchange"


def describe(directory: Directory) -> dict[str, object]:
    """Return the ids and credentials of a directory that a test needs."""
    application, sso = directory.application, directory.sso
    principal, sso_principal = application.service_principal, sso.service_principal
    secret = application.secrets[-1] if application.secrets else None
    return {
        "azure_tenant_id": directory.tenant_id,
        "domain": directory.domain,
        "application_id": application.application_id,
        "application_object_id": application.object_id,
        "object_id": principal.object_id if principal else None,
        "client_secret": secret.text if secret else None,
        "client_secret_id": secret.key_id if secret else None,
        "roles": sorted(principal.roles) if principal else [],
        "sso": {
            "application_id": sso.application_id,
            "object_id": sso_principal.object_id if sso_principal else None,
        },
        "groups": [{"id": group.id, "displayName": group.display_name} for group in directory.groups],
        "users": len(directory.users),
    }


async def list_directories(request: web.Request) -> web.Response:
    """Return all directories by name."""
    return reply({name: describe(one) for name, one in request.app[STATE].directories.items()})


async def get_directory(request: web.Request) -> web.Response:
    """Return one directory."""
    return reply(describe(directory_of(request)))


async def create_directory(request: web.Request) -> web.Response:
    """Create a generated directory. It replaces a directory of the same name."""
    plan = await body_of(request, DirectoryPlan)
    return reply(describe(request.app[STATE].add(plan)), HTTPStatus.CREATED)


async def delete_directory(request: web.Request) -> web.Response:
    """Delete the tenant."""
    request.app[STATE].drop(directory_of(request).name)
    return reply({})


async def change_roles(request: web.Request) -> web.Response:
    """Grant or revoke application permissions. Tokens issued before keep theirs."""
    change = await body_of(request, _Roles)
    unknown = {*change.grant, *change.revoke} - GRAPH_ROLES.keys()
    if unknown:
        raise ValueError(f"Unknown roles: {', '.join(sorted(unknown))}.")
    directory = directory_of(request)
    principal = directory.application.service_principal
    if principal is None:
        raise ValueError("The service principal does not exist: consent first, then grant roles.")
    principal.roles = (principal.roles | set(change.grant)) - set(change.revoke)
    return reply({"roles": sorted(principal.roles)})


async def change_application(request: web.Request) -> web.Response:
    """Change the enterprise application, or assign users and groups to the SSO application.

    The enterprise application is disabled, enabled, created by consent, or removed.
    """
    change = await body_of(request, _ApplicationChange)
    directory = directory_of(request)
    application = directory.application
    if change.requested_roles is not None:
        application.requested_roles = set(change.requested_roles)
    if change.multi_tenant is not None:
        application.multi_tenant = change.multi_tenant
    if change.consented is True:
        directory.consent(application)
    elif change.consented is False:
        application.service_principal = None
    if change.enabled is not None and application.service_principal is not None:
        application.service_principal.enabled = change.enabled
    for user_id in change.assign_users:
        assign(directory, user_id, "User")
    for group_id in change.assign_groups:
        assign(directory, group_id, "Group")
    return reply(describe(directory))


async def add_secret(request: web.Request) -> web.Response:
    """Create another client secret."""
    wish = await body_of(request, _NewSecret)
    directory = directory_of(request)
    application, now = directory.application, request.app[STATE].clock.now()
    key_id = stable_uuid("added secret", directory.seed, str(len(application.secrets)))
    text = f"n8Q~{stable_uuid('text', key_id).replace('-', '')}"
    secret = Secret(
        key_id=key_id,
        text=text,
        display_name=wish.display_name,
        starts=now,
        ends=NEVER if wish.valid_days is None else now + timedelta(days=wish.valid_days),
    )
    application.secrets.append(secret)
    return reply({"key_id": key_id, "client_secret": text, "ends": secret.ends.isoformat()}, HTTPStatus.CREATED)


async def expire_secret(request: web.Request) -> web.Response:
    """Expire one secret, or all of them for `all`, a moment ago."""
    for secret in _secrets(directory_of(request).application, request.match_info["secret"]):
        secret.ends = request.app[STATE].clock.now() - timedelta(seconds=1)
    return reply({})


async def delete_secret(request: web.Request) -> web.Response:
    """Delete one secret, or all of them for `all`."""
    application = directory_of(request).application
    for secret in _secrets(application, request.match_info["secret"]):
        application.secrets.remove(secret)
    return reply({})


async def add_credential(request: web.Request) -> web.Response:
    """Register a certificate or a federated issuer, whose assertions are then accepted."""
    wish = await body_of(request, _NewCredential)
    application = directory_of(request).application
    if wish.certificate_pem is not None:
        application.certificates.append(x509.load_pem_x509_certificate(wish.certificate_pem.encode()))
    if wish.issuer is not None:
        application.federated.append(
            FederatedCredential(issuer=wish.issuer, subject=wish.subject, audience=wish.audience)
        )
    return reply({}, HTTPStatus.CREATED)


def _secrets(application: Application, key: str) -> list[Secret]:
    secrets = [secret for secret in application.secrets if key in {"all", secret.key_id}]
    if not secrets:
        raise LookupError(f"Secret {key} does not exist.")
    return secrets
