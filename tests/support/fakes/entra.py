"""The Entra provider on directories in memory, and connections that it can open."""

from datetime import UTC, datetime
from typing import Final

from shared.adapters.entra import EntraContext, EntraProvider
from shared.adapters.entra.sessions import CertificateReader, EntraSessions
from shared.bootstrap import Ports
from shared.domain.connections.connection import Connection, SecretReference, encode_secrets
from shared.domain.connections.entra.connection_settings import SECRET, EntraSettings
from shared.domain.connections.entra.credentials import Cloud, CredentialKind, Endpoints
from shared.domain.ids import ObjectId
from shared.ports.directory import DirectoryProvider
from shared.ports.platform import Clock
from tests.support.fakes.certificates import FakeCertificateReader
from tests.support.fakes.clock import FakeClock
from tests.support.fakes.directory import FakeDirectories

ENDPOINTS: Final = Endpoints(login="https://login.example", graph="https://graph.example")
CONNECTED_AT: Final = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)


def entra_providers(
    sessions: EntraSessions | None = None,
    *,
    certificates: CertificateReader | None = None,
    clock: Clock | None = None,
    endpoints: Endpoints = ENDPOINTS,
) -> dict[str, DirectoryProvider]:
    """Return the Entra provider by its name, over directories in memory unless others are given."""
    provider = EntraProvider(
        EntraContext(
            sessions=sessions or FakeDirectories(),
            certificates=certificates or FakeCertificateReader(),
            clock=clock or FakeClock(),
            default_endpoints=endpoints,
            allowed_endpoints=(),
        )
    )
    return {provider.name: provider}


def entra_of(ports: Ports) -> EntraProvider:
    """Return the Entra provider of a deployment."""
    provider = ports.providers["entra"]
    assert isinstance(provider, EntraProvider)
    return provider


def directories_of(ports: Ports) -> FakeDirectories:
    """Return the directories in memory that a deployment reads."""
    sessions = entra_of(ports).sessions
    assert isinstance(sessions, FakeDirectories)
    return sessions


def entra_connection(  # noqa: PLR0913 - a row of the store has as many fields
    azure_tenant_id: str,
    client_id: str,
    object_id: str = "",
    *,
    endpoints: Endpoints = ENDPOINTS,
    cloud: Cloud = Cloud.GLOBAL,
    kind: CredentialKind = CredentialKind.SECRET,
    secrets: SecretReference | None = None,
    connected_at: datetime = CONNECTED_AT,
    secret_expires_on: datetime | None = None,
) -> Connection:
    """Return a stored connection of the Entra provider."""
    settings = EntraSettings(
        azure_tenant_id=ObjectId(azure_tenant_id),
        client_id=ObjectId(client_id),
        object_id=ObjectId(object_id),
        cloud=cloud,
        endpoints=endpoints,
        kind=kind,
    )
    return Connection(
        settings=settings.encoded(), secrets=secrets, connected_at=connected_at, secret_expires_on=secret_expires_on
    )


async def stored_secret(ports: Ports, name: str, secret: str) -> SecretReference:
    """Store the secret of a connection in the vault, under a name of its own for each second, and return where."""
    name = f"{name}-{ports.clock.now().timestamp():.0f}"
    return SecretReference(name=name, version=await ports.secrets.put(name, encode_secrets({SECRET: secret})))
