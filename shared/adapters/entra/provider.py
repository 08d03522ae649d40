"""Microsoft Entra ID as a provider of directories."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from shared.adapters.entra.sessions import EntraSessions
from shared.adapters.entra.validation import EntraContext, EntraValidation
from shared.domain.connections.connection import Connection, ConnectionForm
from shared.domain.connections.entra.connection_settings import SECRET, settings_of
from shared.domain.connections.entra.credential_form import PROVIDER, CredentialForm
from shared.domain.connections.entra.credentials import CredentialKind
from shared.domain.connections.entra.error_codes import explain
from shared.domain.connections.entra.guid import guid
from shared.domain.connections.validation_report import Validation
from shared.domain.directory import Capability
from shared.domain.ids import ObjectId
from shared.domain.problem import Explanation
from shared.ports.directory import Directory, ValidationScope


class EntraProvider:
    """`DirectoryProvider` over sessions with Microsoft Graph."""

    name = PROVIDER
    form: type[ConnectionForm] = CredentialForm
    capabilities = frozenset(Capability)

    def __init__(self, context: EntraContext) -> None:
        self.context = context

    @property
    def sessions(self) -> EntraSessions:
        """The sessions through which directories are opened."""
        return self.context.sessions

    async def validate(self, form: ConnectionForm, scope: ValidationScope) -> Validation:
        """Validate a form. Return the report and, if the credentials were tried, what to store.

        Raises RateLimited above the limits of the scope.
        """
        return await EntraValidation(self.context, _own(form).cleaned(), scope).run()

    def object_id(self, text: str) -> ObjectId:
        """Return an entered GUID in lower case. Raises Rejected if the text is not a GUID."""
        return guid(text)

    def stored_form(self, connection: Connection, secrets: Mapping[str, str], *, sso_users: bool) -> CredentialForm:
        """Return the form with which a stored connection is validated again."""
        settings, secret = settings_of(connection), secrets.get(SECRET, "")
        return CredentialForm(
            tenant_id=settings.azure_tenant_id,
            client_id=settings.client_id,
            object_id=settings.object_id,
            client_secret=secret if settings.kind is CredentialKind.SECRET else "",
            client_certificate=secret if settings.kind is CredentialKind.CERTIFICATE else "",
            federated=settings.kind is CredentialKind.FEDERATED,
            cloud=settings.cloud,
            login_endpoint=settings.endpoints.login,
            graph_endpoint=settings.endpoints.graph,
            secret_expires_on=connection.secret_expires_on,
            sso_users=sso_users,
        )

    @asynccontextmanager
    async def open(self, connection: Connection, secrets: Mapping[str, str]) -> AsyncIterator[Directory]:
        """Open the directory of a connection for as long as the context lasts. No request is sent."""
        credentials = settings_of(connection).credentials(secrets.get(SECRET, ""))
        async with self.sessions.open(credentials) as session:
            yield session

    def explain(self, code: str) -> Explanation:
        """Return what an error code of the login service or of Graph means."""
        return explain(code)

    async def close(self) -> None:
        """Close all connections."""
        await self.sessions.close()


def _own(form: ConnectionForm) -> CredentialForm:
    if not isinstance(form, CredentialForm):
        raise TypeError(f"{type(form).__name__} is not a form of this provider")
    return form
