"""The providers of directories by name, and what their errors mean."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from shared.domain.connections.connection import Connection
from shared.domain.connections.connection_health import Reason
from shared.domain.problem import ErrorCategory, Explanation
from shared.errors import LoginRefused, Misconfigured, SyncError
from shared.ports.directory import DirectoryProvider

#: Errors that no provider knows, because they are raised before one is asked.
_OWN: Final = {
    "secret_not_found": Explanation(
        title="The credentials do not work",
        detail="The stored secret no longer exists.",
        fix="Enter the credentials again.",
        category=ErrorCategory.CREDENTIALS,
    )
}


@dataclass(frozen=True, slots=True)
class Providers:
    """Finds the provider of a connection."""

    by_name: Mapping[str, DirectoryProvider]

    def get(self, name: str) -> DirectoryProvider:
        """Return a provider. Raises Misconfigured if this deployment does not have it."""
        try:
            return self.by_name[name]
        except KeyError as error:
            raise Misconfigured(f"This deployment has no directory provider {name!r}.") from error

    def category(self, connection: Connection, code: str) -> ErrorCategory:
        """Return what kind of error a code stands for."""
        return self._explain(connection, code).category

    def reason(self, connection: Connection, error: SyncError) -> Reason:
        """Return why a connection does not work, for its health."""
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
