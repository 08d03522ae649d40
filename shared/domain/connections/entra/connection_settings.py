"""Entra's part of a stored connection: settings document, secret, and the fields that the API shows."""

from hashlib import sha256
from typing import Final

import msgspec
from msgspec import UNSET, UnsetType

from shared.domain.connections.connection import Connection, ProviderSettings
from shared.domain.connections.entra.credential_form import PROVIDER
from shared.domain.connections.entra.credentials import Cloud, CredentialKind, Credentials, Endpoints
from shared.domain.ids import ObjectId

#: Name of the only secret: a client secret, or a certificate with its private key.
SECRET: Final = "credential"  # noqa: S105 - a name
_VERSION: Final = 1


class EntraSettings(msgspec.Struct, frozen=True, kw_only=True):
    """The settings document of a connection to Entra ID."""

    azure_tenant_id: ObjectId
    client_id: ObjectId
    object_id: ObjectId
    cloud: Cloud
    endpoints: Endpoints
    kind: CredentialKind = CredentialKind.SECRET

    def encoded(self) -> ProviderSettings:
        """Return the settings in their stored form."""
        parts = (self.azure_tenant_id, self.client_id, self.endpoints.login, self.endpoints.graph)
        return ProviderSettings(
            provider=PROVIDER,
            version=_VERSION,
            document=msgspec.json.encode(self).decode(),
            fingerprint=sha256("\n".join(parts).encode()).hexdigest(),
        )

    def credentials(self, secret: str) -> Credentials:
        """Create the credentials from the settings and the secret."""
        return Credentials(
            azure_tenant_id=self.azure_tenant_id,
            client_id=self.client_id,
            proof=self.kind.proof(secret),
            endpoints=self.endpoints,
        )


def settings_of(connection: Connection) -> EntraSettings:
    """Decode the settings document of a connection. So far, version 1 is the only one."""
    return msgspec.json.decode(connection.settings.document, type=EntraSettings)


class EntraDetails(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Entra's own fields of the API's connection; unset while the tenant is disconnected."""

    tenant_id: ObjectId | UnsetType = UNSET
    client_id: ObjectId | UnsetType = UNSET
    object_id: ObjectId | UnsetType = UNSET
    credential: CredentialKind | UnsetType = UNSET
    cloud: Cloud | UnsetType = UNSET
    login_endpoint: str | UnsetType = UNSET
    graph_endpoint: str | UnsetType = UNSET

    @classmethod
    def of(cls, connection: Connection) -> "EntraDetails":
        """Create the details of a connection."""
        settings = settings_of(connection)
        return cls(
            tenant_id=settings.azure_tenant_id,
            client_id=settings.client_id,
            object_id=settings.object_id,
            credential=settings.kind,
            cloud=settings.cloud,
            login_endpoint=settings.endpoints.login,
            graph_endpoint=settings.endpoints.graph,
        )
