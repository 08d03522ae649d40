"""Credentials for Entra ID: clouds with their endpoints, kinds of proof, and complete credentials."""

from enum import StrEnum

import msgspec


class Cloud(StrEnum):
    """The Microsoft clouds that an admin can choose."""

    GLOBAL = "global"
    USGOV = "usgov"
    USGOV_DOD = "usgov-dod"
    CHINA = "china"


class Endpoints(msgspec.Struct, frozen=True, kw_only=True):
    """A login host and the Graph host that accepts its tokens, as `https://host[:port]` without a final slash."""

    login: str
    graph: str


#: Endpoints of the Microsoft clouds.
#: Source: https://learn.microsoft.com/graph/deployments
CLOUD_ENDPOINTS: dict[Cloud, Endpoints] = {
    Cloud.GLOBAL: Endpoints(login="https://login.microsoftonline.com", graph="https://graph.microsoft.com"),
    Cloud.USGOV: Endpoints(login="https://login.microsoftonline.us", graph="https://graph.microsoft.us"),
    Cloud.USGOV_DOD: Endpoints(login="https://login.microsoftonline.us", graph="https://dod-graph.microsoft.us"),
    Cloud.CHINA: Endpoints(login="https://login.chinacloudapi.cn", graph="https://microsoftgraph.chinacloudapi.cn"),
}


class ClientSecret(msgspec.Struct, frozen=True, kw_only=True):
    """A client secret, shared by the application and the login service."""

    value: str

    def __repr__(self) -> str:
        return "ClientSecret(value=…)"


class ClientCertificate(msgspec.Struct, frozen=True, kw_only=True):
    """A certificate with its private key, unencrypted: PEM, or PFX in base64."""

    value: str

    def __repr__(self) -> str:
        return "ClientCertificate(value=…)"


class FederatedIdentity(msgspec.Struct, frozen=True, kw_only=True):
    """The app's own managed identity, which the application trusts. It needs no secret."""


#: Authenticates this app to the login service as the application.
Proof = ClientSecret | ClientCertificate | FederatedIdentity


class CredentialKind(StrEnum):
    """The kinds of proof, as stored and shown."""

    SECRET = "secret"  # noqa: S105 - not a password
    CERTIFICATE = "certificate"
    FEDERATED = "federated"

    def proof(self, stored: str) -> Proof:
        """Create the proof from the text stored in Key Vault. A federated identity ignores the text."""
        match self:
            case CredentialKind.SECRET:
                return ClientSecret(value=stored)
            case CredentialKind.CERTIFICATE:
                return ClientCertificate(value=stored)
            case CredentialKind.FEDERATED:
                return FederatedIdentity()


class Credentials(msgspec.Struct, frozen=True, kw_only=True):
    """Everything needed to read one directory, including the secret. Never stored, logged or put on a queue."""

    azure_tenant_id: str
    client_id: str
    proof: Proof
    endpoints: Endpoints
