"""How Entra ID is reached and signed in to: clouds with their hosts, kinds of proof, and complete credentials."""

from enum import StrEnum

import msgspec


class Cloud(StrEnum):
    """Microsoft's clouds, by the name an admin picks."""

    GLOBAL = "global"
    USGOV = "usgov"
    USGOV_DOD = "usgov-dod"
    CHINA = "china"


class Endpoints(msgspec.Struct, frozen=True, kw_only=True):
    """A login host and the Graph host that accepts its tokens, as `https://host[:port]` without a final slash."""

    login: str
    graph: str


#: Source: https://learn.microsoft.com/graph/deployments
CLOUD_ENDPOINTS: dict[Cloud, Endpoints] = {
    Cloud.GLOBAL: Endpoints(login="https://login.microsoftonline.com", graph="https://graph.microsoft.com"),
    Cloud.USGOV: Endpoints(login="https://login.microsoftonline.us", graph="https://graph.microsoft.us"),
    Cloud.USGOV_DOD: Endpoints(login="https://login.microsoftonline.us", graph="https://dod-graph.microsoft.us"),
    Cloud.CHINA: Endpoints(login="https://login.chinacloudapi.cn", graph="https://microsoftgraph.chinacloudapi.cn"),
}


class ClientSecret(msgspec.Struct, frozen=True, kw_only=True):
    """A secret that the login service shares with the application."""

    value: str

    def __repr__(self) -> str:
        return "ClientSecret(value=…)"


class ClientCertificate(msgspec.Struct, frozen=True, kw_only=True):
    """A certificate with its private key, unencrypted: PEM, or PFX in base64."""

    value: str

    def __repr__(self) -> str:
        return "ClientCertificate(value=…)"


class FederatedIdentity(msgspec.Struct, frozen=True, kw_only=True):
    """The app's own managed identity, which the application trusts; there is nothing to keep secret."""


#: What proves to the login service that we are the application.
Proof = ClientSecret | ClientCertificate | FederatedIdentity


class CredentialKind(StrEnum):
    """The kinds of proof, as they are stored and shown."""

    SECRET = "secret"  # noqa: S105 - no password
    CERTIFICATE = "certificate"
    FEDERATED = "federated"

    def proof(self, stored: str) -> Proof:
        """Return the proof that Key Vault's text makes; a federated identity needs none."""
        match self:
            case CredentialKind.SECRET:
                return ClientSecret(value=stored)
            case CredentialKind.CERTIFICATE:
                return ClientCertificate(value=stored)
            case CredentialKind.FEDERATED:
                return FederatedIdentity()


class Credentials(msgspec.Struct, frozen=True, kw_only=True):
    """Everything needed to read one directory, the secret included; never stored, logged or put on a queue."""

    azure_tenant_id: str
    client_id: str
    proof: Proof
    endpoints: Endpoints
