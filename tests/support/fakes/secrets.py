"""Key Vault in memory."""

from shared.errors import NotFound, Transient


class FakeSecretStore:
    """`SecretStore` in a dict. As in Key Vault, the name of a deleted secret cannot be used again."""

    def __init__(self) -> None:
        self._secrets: dict[str, dict[str, str]] = {}
        self._disabled: set[tuple[str, str]] = set()
        self._deleted: set[str] = set()
        self._count = 0

    async def put(self, name: str, value: str) -> str:
        """Store a new version of a secret and return the version. Raises: Transient for the name of a deleted one."""
        if name in self._deleted:
            raise Transient(f"The secret {name} was deleted, so its name cannot be used again.", code="key_vault")
        self._count += 1
        version = f"{self._count:032x}"
        self._secrets.setdefault(name, {})[version] = value
        return version

    async def get(self, name: str, version: str) -> str:
        """Return a secret. Raises: NotFound if it was deleted or disabled."""
        if version not in self._secrets.get(name, {}) or (name, version) in self._disabled:
            raise NotFound(f"The secret {name} is not in the vault.", code="secret_not_found")
        return self._secrets[name][version]

    async def disable(self, name: str) -> None:
        """Disable all versions of a secret, if it exists."""
        self._disabled |= {(name, version) for version in self._secrets.get(name, {})}

    async def delete(self, name: str) -> None:
        """Delete a secret with all versions, if it exists."""
        if self._secrets.pop(name, None) is not None:
            self._deleted.add(name)

    def names(self) -> list[str]:
        """Return the names of the secrets that are not deleted, sorted."""
        return sorted(self._secrets)
