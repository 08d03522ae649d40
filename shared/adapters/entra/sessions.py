"""What the provider needs from outside: sessions with Entra ID, and a reader of certificates."""

from contextlib import AbstractAsyncContextManager
from typing import Protocol

from shared.domain.connections.entra.certificate import Certificate
from shared.domain.connections.entra.credential_expiry import Registration
from shared.domain.connections.entra.credentials import Credentials
from shared.domain.connections.entra.token_identity import TokenReport
from shared.ports.directory import Directory


class EntraSession(Directory, Protocol):
    """A directory that is open, and shows its token and app registration."""

    async def token(self) -> TokenReport:
        """Return what a fresh, uncached token says. Raises LoginRefused with the AADSTS number as code."""

    async def registration(self, client_id: str) -> Registration | None:
        """Return the app registration of an application, None if it is registered in another tenant."""


class EntraSessions(Protocol):
    """Opens directories by their credentials."""

    def open(self, credentials: Credentials) -> AbstractAsyncContextManager[EntraSession]:
        """Return a session that lives as long as the context. Opening sends no request."""

    async def close(self) -> None:
        """Close all connections."""


class CertificateReader(Protocol):
    """Opens certificates that people paste or upload."""

    async def read(self, text: str, password: str) -> Certificate:
        """Return the certificate in PEM or in a PFX in base64.

        Raises: Rejected with code `certificate_unreadable`, `certificate_password` or `certificate_without_key`.
        """
