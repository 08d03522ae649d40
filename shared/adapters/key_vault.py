"""Key Vault: the secrets of the customers' connections, on azure-keyvault-secrets."""

from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from time import monotonic
from typing import Any, Final

from azure.core.exceptions import AzureError, HttpResponseError, ResourceNotFoundError

from shared.adapters.transport import credential
from shared.errors import Misconfigured, NotFound, Transient
from shared.settings import Settings

#: How long a secret is kept in memory, in seconds, and how many of them. A version never changes.
_KEPT_S: Final = 300.0
_KEPT: Final = 256
_CONFLICT: Final = 409


class KeyVaultSecretStore:
    """`SecretStore` on one vault, reached as the app itself."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._vault: Any = None
        self._kept: OrderedDict[tuple[str, str], tuple[float, str]] = OrderedDict()

    def _client(self) -> Any:  # noqa: ANN401 - imported only where it is needed
        if self._vault is None:
            from azure.keyvault.secrets.aio import SecretClient  # noqa: PLC0415

            self._vault = SecretClient(self._settings.key_vault_url, credential(self._settings))
        return self._vault

    async def put(self, name: str, value: str) -> str:
        """Store a new version of a secret and return the version."""
        with _translated():
            try:
                stored = await self._client().set_secret(name, value, content_type="text/plain")
            except HttpResponseError as error:
                if error.status_code != _CONFLICT:
                    raise
                await self._recover(name)  # deleted, and kept by the vault's soft delete
                stored = await self._client().set_secret(name, value, content_type="text/plain")
        return str(stored.properties.version)

    async def get(self, name: str, version: str) -> str:
        """Return a secret. Raises: NotFound if it was erased."""
        kept = self._kept.get((name, version))
        if kept is not None and kept[0] > monotonic():
            return kept[1]
        with _translated():
            value = str((await self._client().get_secret(name, version)).value)
        self._kept[name, version] = (monotonic() + _KEPT_S, value)
        while len(self._kept) > _KEPT:
            self._kept.popitem(last=False)
        return value

    async def erase(self, name: str) -> None:
        """Delete a secret with all versions; one that is not there is no error.

        Where the vault's purge protection forbids more, the vault itself keeps what was deleted until its retention
        ends; the app can no longer read it.
        """
        for key in [key for key in self._kept if key[0] == name]:
            del self._kept[key]
        with _translated():
            with suppress(ResourceNotFoundError):
                await self._client().delete_secret(name)
            try:
                await self._client().purge_deleted_secret(name)
            except ResourceNotFoundError:
                return
            except HttpResponseError as error:
                if error.status_code not in {400, 403, _CONFLICT}:  # purge protection, or no right to purge
                    raise

    async def _recover(self, name: str) -> None:
        await self._client().recover_deleted_secret(name)

    async def close(self) -> None:
        """Close the connections."""
        if self._vault is not None:
            await self._vault.close()
        self._vault = None


@contextmanager
def _translated() -> Iterator[None]:
    """Raise the SDK's errors as the product's; no message of theirs is passed on, since it may quote a request."""
    try:
        yield
    except ResourceNotFoundError as error:
        raise NotFound("The secret is not in Key Vault; enter it again.", code="secret_not_found") from error
    except HttpResponseError as error:
        if error.status_code in {401, 403}:
            raise Misconfigured(
                "Key Vault refuses the app: give its identity the role Key Vault Secrets Officer.",
                code="key_vault_forbidden",
            ) from error
        raise Transient(f"Key Vault answered {error.status_code}; try again.", code="key_vault") from error
    except AzureError as error:
        raise Transient(f"Key Vault could not be reached ({type(error).__name__}).", code="key_vault") from error
