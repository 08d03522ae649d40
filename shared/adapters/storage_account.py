"""Lazily created SDK client of one service of the storage account, and its tables or queues, created at first use."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Generic, TypeVar

from shared.adapters.network.transport import CountingTransport, managed_identity
from shared.errors import Misconfigured

R = TypeVar("R")


class StorageService(Generic[R]):
    """Opens the Table or Queue service by a connection string, or at a URL with the app's managed identity.

    Args:
        connection_string: connection string of the account; None to use the managed identity.
        url: URL of the service, used with the managed identity.
        identity: client id of the managed identity; None for the system-assigned one.
        service: `table` or `queue`, for telemetry.
        client_class: imports and returns the SDK's client class.
        options: retry settings of that class.
        create: creates a table or queue unless it exists, and returns its client.

    """

    def __init__(
        self,
        *,
        connection_string: str | None,
        url: str | None,
        identity: str | None,
        service: str,
        client_class: Callable[[], Any],
        options: Mapping[str, Any],
        create: Callable[[Any, str], Awaitable[R]],
    ) -> None:
        self._connection_string = connection_string
        self._url = url
        self._client_id = identity
        self._service = service
        self._client_class = client_class
        self._options = options
        self._create = create
        self._identity: Any = None
        self._client: Any = None
        self._ready: dict[str, asyncio.Task[R]] = {}

    def open(self) -> Any:  # noqa: ANN401 - the SDK's client
        """Return the SDK's client without sending a request. Raises Misconfigured if the account is not configured."""
        if self._client is None:
            options = {"transport": CountingTransport(self._service), **self._options}
            if self._connection_string is not None:
                self._client = self._client_class().from_connection_string(self._connection_string, **options)
            elif self._url is not None:
                self._identity = managed_identity(self._client_id)
                self._client = self._client_class()(self._url, credential=self._identity, **options)
            else:
                raise Misconfigured("AzureWebJobsStorage is missing: set the storage account.", code="settings")
        return self._client

    async def ready(self, name: str) -> R:
        """Return the client of a table or queue, created if necessary. A failure is retried at the next call."""
        task = self._ready.get(name)
        if task is None or (task.done() and (task.cancelled() or task.exception() is not None)):
            task = self._ready[name] = asyncio.ensure_future(self._create(self.open(), name))
        return await asyncio.shield(task)

    async def close(self) -> None:
        """Close all connections. The next use opens new ones."""
        for opened in (self._client, self._identity):
            if opened is not None:
                await opened.close()
        self._client = self._identity = None
        self._ready.clear()
