"""Open directories of Entra ID, with what only validating a connection needs of them."""

from contextlib import AbstractAsyncContextManager
from typing import Protocol

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
