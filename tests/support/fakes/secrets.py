"""Key Vault in memory."""

from shared.errors import NotFound


class FakeSecretStore:
    """`SecretStore` in a dict."""

    def __init__(self) -> None:
        self._secrets: dict[str, dict[str, str]] = {}
        self._count = 0

    async def put(self, name: str, value: str) -> str:
        """Store a new version of a secret and return the version."""
        self._count += 1
        version = f"{self._count:032x}"
        self._secrets.setdefault(name, {})[version] = value
        return version

    async def get(self, name: str, version: str) -> str:
        """Return a secret. Raises: NotFound if it was deleted."""
        try:
            return self._secrets[name][version]
        except KeyError as error:
            raise NotFound(f"The secret {name} is not in the vault.", code="secret_not_found") from error

    async def delete(self, name: str) -> None:
        """Delete a secret with all versions, if it exists."""
        self._secrets.pop(name, None)
