"""A tenant's connection: the provider that reads its directory, and the provider's settings and secrets."""

from collections.abc import Mapping
from datetime import datetime
from typing import ClassVar

import msgspec

from shared.domain.ids import MAIN, ConnectionId, ObjectId, TenantId


class ConnectionForm(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """Base class of the form in which an admin connects a directory. Every provider has its own form."""

    #: Name of the provider.
    provider: ClassVar[str]


class ProviderSettings(msgspec.Struct, frozen=True, kw_only=True):
    """How a provider reads one directory, without secrets."""

    provider: str
    #: Version of the document's schema.
    version: int
    #: JSON that only the provider decodes.
    document: str
    #: Hash of the directory and the application that reads it. A change makes running work obsolete.
    fingerprint: str


class SecretReference(msgspec.Struct, frozen=True, kw_only=True):
    """Version of the Key Vault entry that contains all secrets of a connection by name."""

    name: str
    version: str


class Connection(msgspec.Struct, frozen=True, kw_only=True):
    """A stored connection.

    Its secrets were entered for exactly these settings. Changing the settings requires entering the secrets again, so
    that they cannot be redirected to another host.
    """

    id: ConnectionId = MAIN
    settings: ProviderSettings
    #: None for a provider that needs no secret.
    secrets: SecretReference | None
    connected_at: datetime
    secret_expires_on: datetime | None = None

    def has_expired(self, now: datetime) -> bool:
        """Return whether the known expiry date of the secret or certificate has passed."""
        return self.secret_expires_on is not None and self.secret_expires_on <= now

    @property
    def provider(self) -> str:
        """Name of the provider."""
        return self.settings.provider

    @property
    def fingerprint(self) -> str:
        """Hash of the directory and the application that reads it."""
        return self.settings.fingerprint

    def same_credentials(self, other: "Connection") -> bool:
        """Return whether another connection has the same settings and the same version of the secrets."""
        return (self.settings, self.secrets) == (other.settings, other.secrets)


class SsoApplication(msgspec.Struct, frozen=True, kw_only=True):
    """The application with which people of the tenant sign in."""

    client_id: ObjectId
    object_id: ObjectId | None = None


def entry_name(tenant: TenantId, unique: str) -> str:
    """Return the name of a new entry in Key Vault, which allows letters, digits and `-`.

    `unique` is a random part of fixed length, so that two tenants never have the same name. A name is used once.
    """
    return f"connection-{tenant}-{unique}"


def first_entry_name(tenant: TenantId) -> str:
    """Return the name under which earlier versions of the app stored every secret of a tenant."""
    return f"tenant-{tenant}"


def encode_secrets(secrets: Mapping[str, str]) -> str:
    """Return the text that Key Vault keeps for named secrets."""
    return msgspec.json.encode(dict(secrets)).decode()


def decode_secrets(text: str) -> dict[str, str]:
    """Return the named secrets in an entry of Key Vault."""
    return msgspec.json.decode(text, type=dict[str, str])
