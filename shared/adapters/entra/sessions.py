"""Protocols that the provider uses: sessions with Entra ID, and the reader of certificates."""

from contextlib import AbstractAsyncContextManager
from typing import Protocol

from shared.domain.connections.entra.certificate import Certificate
from shared.domain.connections.entra.credential_expiry import Registration
from shared.domain.connections.entra.credentials import Credentials
from shared.domain.connections.entra.token_identity import TokenReport
from shared.ports.directory import Directory


class EntraSession(Directory, Protocol):
    """An open directory that also shows its token and app registration."""

    async def token(self) -> TokenReport:
        """Return the claims of a fresh, uncached token. Raises LoginRefused with the AADSTS number as code."""

    async def registration(self, client_id: str) -> Registration | None:
        """Return the app registration of an application; None if it is registered in another tenant."""


class EntraSessions(Protocol):
    """Opens directories by their credentials."""

    def open(self, credentials: Credentials) -> AbstractAsyncContextManager[EntraSession]:
        """Open a session for the lifetime of the context. Opening sends no request."""

    async def close(self) -> None:
        """Close all connections."""


class CertificateReader(Protocol):
    """Decrypts certificates that people paste or upload."""

    async def read(self, text: str, password: str) -> Certificate:
        """Return the certificate from PEM, or from PFX in base64.

        Raises Rejected with the code `certificate_unreadable`, `certificate_password`, `certificate_without_key` or
        `certificate_weak`.
        """
