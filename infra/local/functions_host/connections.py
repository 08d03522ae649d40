"""Storage accounts by the connection names of bindings.

A connection `NAME` is the connection string in the setting `NAME` (or `AzureWebJobsNAME`). An identity-based
connection has the settings `NAME__queueServiceUri`, `NAME__credential=managedidentity` and optionally `NAME__clientId`.

Source: https://learn.microsoft.com/azure/azure-functions/functions-reference#common-properties-for-identity-based-connections
"""

import random
from collections.abc import Mapping
from typing import Any, Final

from azure.core.credentials_async import AsyncTokenCredential
from azure.storage.blob.aio import BlobServiceClient, ExponentialRetry
from azure.storage.queue.aio import QueueServiceClient

from infra.local.functions_host.errors import Misconfigured

#: number of tries of a request, and the wait before the second one, in seconds; it doubles for each further try
_TRIES: Final = 6
_FIRST_WAIT_S: Final = 0.8
#: seconds without an answer after which a try is given up
_ANSWER_S: Final = 100

#: connection of the account with the blobs of the host
HOST_STORAGE = "AzureWebJobsStorage"

# Source: https://learn.microsoft.com/azure/storage/common/storage-configure-connection-string, "well-known account"
_DEVELOPMENT_STORAGE = (
    "DefaultEndpointsProtocol=http;AccountName=devstoreaccount1;"
    "AccountKey=Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==;"
    "BlobEndpoint=http://127.0.0.1:10000/devstoreaccount1;QueueEndpoint=http://127.0.0.1:10001/devstoreaccount1;"
)


class StorageRetries(ExponentialRetry):
    """The retries of the host's storage client: six tries within 20 to 30 s, as `waits` is 1.

    Source: DelayStrategy of Azure.Core: each wait is within a fifth of `0.8 x 2^n` s.
    """

    def __init__(self, waits: float) -> None:
        retries = _TRIES - 1
        super().__init__(retry_total=retries, retry_connect=retries, retry_read=retries, retry_status=retries)
        self._first_s = waits * _FIRST_WAIT_S

    def get_backoff_time(self, settings: dict[str, Any]) -> float:
        """Return the seconds to wait; `count` in `settings` is 1 before the second try."""
        spread = random.uniform(0.8, 1.2)  # noqa: S311 (spreads load, protects nothing)
        return float(spread * self._first_s * 2.0 ** (settings["count"] - 1))


class Connections:
    """Clients, one per connection and service, created at first use. `close` closes them all.

    `waits` is a factor for the waits between the tries of a request.
    """

    def __init__(self, environ: Mapping[str, str], waits: float = 1.0) -> None:
        self._environ = environ
        self._waits = waits
        self._queues: dict[str, QueueServiceClient] = {}
        self._blobs: BlobServiceClient | None = None
        self._credentials: dict[str, AsyncTokenCredential] = {}

    def queues(self, connection: str) -> QueueServiceClient:
        """Return the queue client of a connection.

        Raises:
            Misconfigured: The settings do not name an account.
        """
        client = self._queues.get(connection)
        if client is None:
            text = self._connection_string(connection)
            if text is not None:
                client = QueueServiceClient.from_connection_string(text, **self._options())
            else:
                uri, credential = self._service_uri(connection, "queue"), self._credential(connection)
                client = QueueServiceClient(uri, credential, **self._options())
            self._queues[connection] = client
        return client

    def host_blobs(self) -> BlobServiceClient:
        """Return the blob client of `AzureWebJobsStorage`.

        Raises:
            Misconfigured: The settings do not name an account.
        """
        if self._blobs is None:
            text = self._connection_string(HOST_STORAGE)
            if text is not None:
                self._blobs = BlobServiceClient.from_connection_string(text, **self._options())
            else:
                uri, credential = self._service_uri(HOST_STORAGE, "blob"), self._credential(HOST_STORAGE)
                self._blobs = BlobServiceClient(uri, credential, **self._options())
        return self._blobs

    async def close(self) -> None:
        """Close the connections of every client."""
        for client in self._queues.values():
            await client.close()
        if self._blobs is not None:
            await self._blobs.close()
        for credential in self._credentials.values():
            await credential.close()

    def _options(self) -> dict[str, Any]:
        return {"retry_policy": StorageRetries(self._waits), "read_timeout": _ANSWER_S}

    def _connection_string(self, connection: str) -> str | None:
        text = self._environ.get(connection) or self._environ.get(f"AzureWebJobs{connection}")
        if text and text.strip().rstrip(";").lower() == "usedevelopmentstorage=true":
            return _DEVELOPMENT_STORAGE
        return text or None

    def _service_uri(self, connection: str, service: str) -> str:
        uri = self._environ.get(f"{connection}__{service}ServiceUri")
        if not uri:
            raise Misconfigured(
                f"connection {connection} has neither a setting {connection} with a connection string nor "
                f"{connection}__{service}ServiceUri; add one to local.settings.json"
            )
        return uri

    def _credential(self, connection: str) -> AsyncTokenCredential:
        kind = self._environ.get(f"{connection}__credential", "")
        if kind.lower() != "managedidentity":
            raise Misconfigured(f"{connection}__credential is {kind!r}; this host supports managedidentity")
        from azure.identity.aio import ManagedIdentityCredential  # noqa: PLC0415 (0.3 s, for identities only)

        if connection not in self._credentials:
            client_id = self._environ.get(f"{connection}__clientId")
            self._credentials[connection] = ManagedIdentityCredential(client_id=client_id)
        return self._credentials[connection]
