"""Registry of directory providers, and explanations of their error codes."""

from collections.abc import Mapping
from typing import Final

import msgspec

from shared.domain.connections.connection import Connection
from shared.domain.connections.connection_health import Reason
from shared.domain.problem import ErrorCategory, Explanation
from shared.errors import LoginRefused, Misconfigured, SyncError
from shared.ports.directory import DirectoryProvider

#: Explanations of errors that are raised before a provider is involved.
_OWN: Final = {
    "secret_not_found": Explanation(
        title="The credentials do not work",
        detail="The stored secret no longer exists.",
        fix="Enter the credentials again.",
        category=ErrorCategory.CREDENTIALS,
    )
}


class Providers(msgspec.Struct, frozen=True):
    """Directory providers of this deployment by name."""

    by_name: Mapping[str, DirectoryProvider]

    def get(self, name: str) -> DirectoryProvider:
        """Return a provider. Raises Misconfigured if this deployment does not have it."""
        try:
            return self.by_name[name]
        except KeyError as error:
            raise Misconfigured(f"This deployment does not have a directory provider {name!r}.") from error

    def category(self, connection: Connection, code: str) -> ErrorCategory:
        """Return the category of an error code of the connection's provider."""
        return self._explain(connection, code).category

    def reason(self, connection: Connection, error: SyncError) -> Reason:
        """Return the explanation of an error, as it is stored in the connection's health."""
        meaning = self._explain(connection, error.code)
        ids = error.support_ids if isinstance(error, LoginRefused) else ""
        return Reason(
            code=error.code,
            category=meaning.category,
            title=meaning.title,
            detail=f"{meaning.detail}{ids}",
            fix=meaning.fix,
        )

    def _explain(self, connection: Connection, code: str) -> Explanation:
        return _OWN.get(code) or self.get(connection.provider).explain(code)
