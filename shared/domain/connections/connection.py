"""A tenant's connection: with which credentials, and through which pair of hosts, its directory is read."""

from datetime import datetime
from enum import StrEnum
from hashlib import sha256

import msgspec

from shared.domain.ids import ObjectId, TenantId


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


class Connection(msgspec.Struct, frozen=True, kw_only=True):
    """A stored connection. What proves it lies in Key Vault under `secret_name` and `secret_version`.

    The secret was entered for exactly this (tenant, client, login host, Graph host); changing one of them means
    entering it again, so that an endpoint cannot be edited to receive it.
    """

    azure_tenant_id: ObjectId
    client_id: ObjectId
    object_id: ObjectId
    cloud: Cloud
    endpoints: Endpoints
    #: Empty for a federated identity, which has no secret.
    secret_name: str
    secret_version: str
    connected_at: datetime
    kind: CredentialKind = CredentialKind.SECRET
    secret_expires_on: datetime | None = None

    def credentials(self, stored: str) -> Credentials:
        """Return the credentials that this connection and Key Vault's text make."""
        return Credentials(
            azure_tenant_id=self.azure_tenant_id,
            client_id=self.client_id,
            proof=self.kind.proof(stored),
            endpoints=self.endpoints,
        )

    def same_credentials(self, other: "Connection") -> bool:
        """Tell whether another connection reads the same directory, as the same application, by the same secret."""
        return (self.fingerprint(), self.kind, self.secret_version) == (
            other.fingerprint(),
            other.kind,
            other.secret_version,
        )

    def fingerprint(self) -> str:
        """Return the hash of whom it reads, and as whom: tenant, client and endpoints, without the secret."""
        parts = (self.azure_tenant_id, self.client_id, self.endpoints.login, self.endpoints.graph)
        return sha256("\n".join(parts).encode()).hexdigest()


class SsoApplication(msgspec.Struct, frozen=True, kw_only=True):
    """The enterprise application that people of the tenant sign in with."""

    client_id: ObjectId
    object_id: ObjectId | None = None


def secret_name(tenant: TenantId) -> str:
    """Return the name of a tenant's secret in Key Vault, which allows letters, digits and `-`."""
    return f"tenant-{tenant}"
