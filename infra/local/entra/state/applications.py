"""Applications, their credentials, and their service principals."""

from dataclasses import dataclass, field
from datetime import UTC, datetime

from cryptography import x509

#: supported application permissions of Microsoft Graph: name -> id of the app role
#: Source: https://learn.microsoft.com/graph/permissions-reference
GRAPH_ROLES = {
    "Application.Read.All": "9a5d68dd-52b0-4cc2-bd40-abcf44ac3a30",
    "AuditLog.Read.All": "b0afded3-3588-46d8-8b3d-9842eff778da",
    "Directory.Read.All": "7ab1d382-f21e-4acd-a863-ba3e13f7da61",
    "Directory.ReadWrite.All": "19dbc75e-c2e2-444c-a770-ec69d8559fc7",
    "Group.Read.All": "5b567255-7703-4780-807c-7be8301ae99b",
    "Group.ReadWrite.All": "62a82d76-70ea-41e2-9197-370581804d09",
    "GroupMember.Read.All": "98830695-27a2-44f7-8c18-0c3ebc9698f6",
    "Mail.Read": "810c84a8-4a9e-49e6-bf7d-12d183f40d01",
    "Member.Read.Hidden": "658aa5d8-239f-45c4-aa12-864f4fc7e490",
    "Organization.Read.All": "498476ce-e0fe-48b0-b801-37ba7e2685c6",
    "User.Read.All": "df021288-bdef-4463-88db-98f22de89214",
    "User.ReadBasic.All": "97235f07-e226-4f63-ace3-39588e11d3a1",
    "User.ReadWrite.All": "741f803b-c850-494e-b5df-cde7c675a1ca",
}

GRAPH_APPLICATION_ID = "00000003-0000-0000-c000-000000000000"

#: permissions that the sample applications request
REQUESTED_ROLES = ("GroupMember.Read.All", "Group.Read.All", "User.Read.All")


#: End of a secret that never expires.
NEVER = datetime.max.replace(tzinfo=UTC)


@dataclass(slots=True, kw_only=True)
class Secret:
    """A client secret. The portal shows `key_id` next to it, which people paste by mistake."""

    key_id: str
    text: str
    display_name: str
    starts: datetime
    ends: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class FederatedCredential:
    """A federated issuer whose tokens are accepted instead of a secret."""

    issuer: str
    subject: str
    audience: str = "api://AzureADTokenExchange"


@dataclass(frozen=True, slots=True, kw_only=True)
class Assignment:
    """One user or group assigned to an enterprise application."""

    id: str
    principal_id: str
    principal_type: str  #: User or Group
    app_role_id: str = "00000000-0000-0000-0000-000000000000"


@dataclass(slots=True, kw_only=True)
class ServicePrincipal:
    """The enterprise application: the representation of an application in a tenant."""

    object_id: str
    enabled: bool = True
    roles: set[str] = field(default_factory=set)  #: granted application permissions of Microsoft Graph
    assigned: list[Assignment] = field(default_factory=list)


@dataclass(slots=True, kw_only=True)
class Application:
    """An app registration."""

    application_id: str
    object_id: str
    display_name: str
    home: str  #: id of the tenant in which it is registered
    multi_tenant: bool = False  #: whether other tenants can consent to it
    requested_roles: set[str] = field(default_factory=lambda: set(REQUESTED_ROLES))
    secrets: list[Secret] = field(default_factory=list)
    certificates: list[x509.Certificate] = field(default_factory=list)
    federated: list[FederatedCredential] = field(default_factory=list)
    service_principal: ServicePrincipal | None = None  #: None: the tenant has not given consent
