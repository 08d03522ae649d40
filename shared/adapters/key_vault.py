"""Key Vault: the secrets of customers' connections, through azure-keyvault-secrets."""

import re
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http import HTTPStatus
from time import monotonic
from typing import Any, Final

from azure.core.exceptions import AzureError, HttpResponseError, ResourceNotFoundError

from shared.adapters.network.transport import DirectTransport, managed_identity
from shared.domain.retry_policy import VAULT_REQUEST
from shared.errors import Misconfigured, NotFound, Rejected, SyncError, Transient
from shared.settings import Settings

#: Time for which a secret is cached in memory, in seconds. A version of a secret never changes.
_KEPT_S: Final = 300.0
#: Maximum number of cached secrets.
_KEPT: Final = 256
#: Timeout for opening a connection, in seconds.
_CONNECT_S: Final = 10.0
#: Timeout between two reads of a response, in seconds.
_READ_S: Final = 30.0
#: Size limit of a secret, in bytes.
#: Source: https://learn.microsoft.com/azure/key-vault/secrets/about-secrets
_MAX_BYTES: Final = 25_000
#: Code of a refusal that is repeated in a message.
_CODE: Final = re.compile(r"[A-Za-z]{1,60}")
#: Statuses of a purge that is not allowed (purge protection, missing permission, deletion still in progress), or not
#: necessary.
_NO_PURGE: Final = frozenset({HTTPStatus.BAD_REQUEST, HTTPStatus.FORBIDDEN, HTTPStatus.CONFLICT, HTTPStatus.NOT_FOUND})


class KeyVaultSecretStore:
    """`SecretStore` on one vault. The app authenticates with its managed identity."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._vault: Any = None
        self._identity: Any = None
        self._kept: OrderedDict[tuple[str, str], tuple[float, str]] = OrderedDict()
        #: Number of deletions and of disabled secrets. A secret that was requested before one is not cached after it.
        self._erasures = 0

    def _client(self) -> Any:  # noqa: ANN401 - imported only where it is needed
        if self._vault is None:
            from azure.keyvault.secrets.aio import SecretClient  # noqa: PLC0415

            self._identity = managed_identity(self._settings.managed_identity_client_id)
            self._vault = SecretClient(
                self._settings.key_vault_url,
                self._identity,
                transport=DirectTransport(connection_timeout=_CONNECT_S, read_timeout=_READ_S),
                retry_total=VAULT_REQUEST.retries,
            )
        return self._vault

    async def put(self, name: str, value: str) -> str:
        """Store a secret under a name that was never used, and return its version.

        The name of a deleted secret is never freed: nothing that was deleted comes back. Raises Rejected if the vault
        does not accept the secret.
        """
        if len(value.encode()) > _MAX_BYTES:
            raise Rejected(f"This secret is longer than {_MAX_BYTES} bytes; it may be another text.", code="secret")
        with _translated():
            stored = await self._client().set_secret(name, value, content_type="text/plain")
        return str(stored.properties.version)

    async def disable(self, name: str) -> None:
        """Disable all versions of a secret, if it exists. Other processes use their caches for up to `_KEPT_S`."""
        self._forget(name)
        with _translated(), suppress(ResourceNotFoundError):
            async for version in self._client().list_properties_of_secret_versions(name):
                if version.enabled is not False:
                    await self._client().update_secret_properties(name, version.version, enabled=False)
        self._forget(name)  # also versions that were read before they were disabled

    async def _purge(self, name: str) -> None:
        """Purge a deleted secret, if the vault allows it."""
        try:
            await self._client().purge_deleted_secret(name)
        except HttpResponseError as error:
            if error.status_code not in _NO_PURGE:
                raise

    async def get(self, name: str, version: str) -> str:
        """Return a secret, for up to `_KEPT_S` from the cache. Raises NotFound if it does not exist or is disabled."""
        kept = self._kept.get((name, version))
        if kept is not None and kept[0] > monotonic():
            return kept[1]
        erasures = self._erasures
        with _translated():
            value = str((await self._client().get_secret(name, version)).value)
        if erasures == self._erasures:
            self._keep(name, version, value)
        return value

    def _keep(self, name: str, version: str, value: str) -> None:
        self._kept[name, version] = (monotonic() + _KEPT_S, value)
        self._kept.move_to_end((name, version))
        while len(self._kept) > _KEPT:
            self._kept.popitem(last=False)

    async def delete(self, name: str) -> None:
        """Delete a secret with all versions, if it exists, and purge it.

        With purge protection, the vault keeps the deleted secret until its retention ends; the app can no longer read
        it. Other processes remove it from their caches within `_KEPT_S`.
        """
        self._forget(name)
        with _translated():
            with suppress(ResourceNotFoundError):
                await self._client().delete_secret(name)
            await self._purge(name)
        self._forget(name)  # also versions that were read during the deletion

    def _forget(self, name: str) -> None:
        self._erasures += 1
        for key in [key for key in self._kept if key[0] == name]:
            del self._kept[key]

    async def close(self) -> None:
        """Close all connections and clear the cache."""
        self._kept.clear()
        if self._vault is not None:
            await self._vault.close()
            await self._identity.close()
        self._vault = self._identity = None


@contextmanager
def _translated() -> Iterator[None]:
    """Raise the product's errors instead of the SDK's. The SDK's messages are dropped, as they may quote a request."""
    try:
        yield
    except HttpResponseError as error:
        raise _of_answer(error) from error
    except AzureError as error:
        raise Transient(f"Key Vault could not be reached ({type(error).__name__}).", code="key_vault") from error


def _reason(error: HttpResponseError) -> str:
    """Return the vault's own code of a refusal, such as `BadParameter`; empty if there is none."""
    told: Any = error.error
    inner = getattr(told, "innererror", None) or {}
    code = str((inner.get("code") if isinstance(inner, dict) else None) or getattr(told, "code", None) or "")
    return code if _CODE.fullmatch(code) else ""


def _of_answer(error: HttpResponseError) -> SyncError:
    match error.status_code:
        case HTTPStatus.NOT_FOUND:
            return NotFound("The secret is not in Key Vault; enter it again.", code="secret_not_found")
        case HTTPStatus.FORBIDDEN if _reason(error) == "SecretDisabled":
            return NotFound("The secret is disabled in Key Vault; enter it again.", code="secret_not_found")
        case HTTPStatus.FORBIDDEN if _reason(error) == "ForbiddenByFirewall":
            return Misconfigured(
                "The firewall of Key Vault refuses the app: allow its outbound addresses.", code="key_vault_forbidden"
            )
        case HTTPStatus.UNAUTHORIZED | HTTPStatus.FORBIDDEN:
            return Misconfigured(
                "Key Vault refuses the app: give its identity the role Key Vault Secrets Officer.",
                code="key_vault_forbidden",
            )
        case HTTPStatus.BAD_REQUEST:
            return Rejected(f"Key Vault does not accept the request ({_reason(error) or 400}).", code="secret")
        case status:
            return Transient(f"Key Vault answered {status}; try again.", code="key_vault")
