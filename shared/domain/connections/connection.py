"""A tenant's connection: the provider that reads its directory, with the provider's settings and secrets."""

from collections.abc import Mapping
from datetime import datetime
from hashlib import sha256
from typing import ClassVar

import msgspec

from shared.domain.ids import MAIN, ConnectionId, ObjectId, TenantId


class ConnectionForm(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """Base of what an admin enters to connect a directory; each provider has a form of its own."""

    #: Name of the provider.
    provider: ClassVar[str]


class ProviderSettings(msgspec.Struct, frozen=True, kw_only=True):
    """How a provider reads one directory, without secrets."""

    provider: str
    #: Version of the document's schema.
    version: int
    #: JSON that only the provider decodes.
    document: str
    #: Hash of which directory is read, and as which application. A change makes running work obsolete.
    fingerprint: str


class SecretReference(msgspec.Struct, frozen=True, kw_only=True):
    """Entry in Key Vault with all secrets of a connection, by their names, as one version."""

    name: str
    version: str


class Connection(msgspec.Struct, frozen=True, kw_only=True):
    """A stored connection.

    Its secrets were entered for exactly these settings. Changing the settings means entering the secrets again, so that
    a host cannot be edited to receive them.
    """

    id: ConnectionId = MAIN
    settings: ProviderSettings
    #: None for a provider that needs no secret.
    secrets: SecretReference | None
    connected_at: datetime
    secret_expires_on: datetime | None = None

    @property
    def provider(self) -> str:
        """Name of the provider."""
        return self.settings.provider

    @property
    def fingerprint(self) -> str:
        """Hash of which directory is read, and as which application."""
        return self.settings.fingerprint

    def same_credentials(self, other: "Connection") -> bool:
        """Return whether another connection reads the same directory in the same way, by the same secrets."""
        return (self.settings, self.secrets) == (other.settings, other.secrets)


class SsoApplication(msgspec.Struct, frozen=True, kw_only=True):
    """The application that people of the tenant sign in with."""

    client_id: ObjectId
    object_id: ObjectId | None = None


def secret_name(tenant: TenantId, connection: ConnectionId = MAIN) -> str:
    """Return the name of a connection's entry in Key Vault, which allows letters, digits and `-`.

    `tenant-<tenant>` for the main connection. The others have a digest, because `-` does not separate two slugs.
    """
    if connection == MAIN:
        return f"tenant-{tenant}"
    return f"connection-{sha256(f'{tenant}:{connection}'.encode()).hexdigest()[:32]}"


def encode_secrets(secrets: Mapping[str, str]) -> str:
    """Return the text that Key Vault keeps for named secrets."""
    return msgspec.json.encode(dict(secrets)).decode()


def decode_secrets(text: str) -> dict[str, str]:
    """Return the named secrets in an entry of Key Vault."""
    return msgspec.json.decode(text, type=dict[str, str])
