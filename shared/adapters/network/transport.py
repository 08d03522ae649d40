"""How requests of the Azure SDKs travel: verified, past every proxy; those to Azure Storage counted besides.

Proxies of the environment are never used: they would see where tokens and secrets go.
"""

from typing import Any, Final

import aiohttp
from aiohttp.abc import AbstractResolver
from azure.core.exceptions import HttpResponseError
from azure.core.pipeline.transport import AioHttpTransport

from shared.adapters.network.tls import tls_context
from shared.telemetry import count_storage_request

#: Seconds until a connection must stand, and of silence within an answer. The services give up after 30 s themselves;
#: the SDK's default of 300 s would outlast a job.
_CONNECT_S: Final = 10
_READ_S: Final = 40


class DirectTransport(AioHttpTransport):  # type: ignore[misc] # the SDK loads it lazily, untyped
    """The SDK's own transport, which believes whom `tls_context` does when it opens."""

    def __init__(self, *, resolver: AbstractResolver | None = None, **words: Any) -> None:  # noqa: ANN401 - the SDK's
        # with settings from the environment, aiohttp looks for a .netrc and a proxy in a thread, before every request
        super().__init__(use_env_settings=False, **words)
        self._resolver = resolver
        self.session: aiohttp.ClientSession | None

    async def open(self) -> None:
        """Open the connections as the SDK would, but with these authorities."""
        if self.session is None and not self._has_been_opened:
            self.session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(ssl=tls_context(), resolver=self._resolver),
                trust_env=False,
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
            )
        await super().open()


class CountingTransport(DirectTransport):
    """Counts every request for the job that sends it, retries included."""

    def __init__(self) -> None:
        super().__init__(connection_timeout=_CONNECT_S, read_timeout=_READ_S)

    async def send(self, request: Any, **config: Any) -> Any:  # noqa: ANN401 - the SDK's
        """Count, then send."""
        count_storage_request()
        return await super().send(request, **config)


def managed_identity(client_id: str | None) -> Any:  # noqa: ANN401 - the SDK's credential, imported only where needed
    """Return the credential of the app's managed identity; of the system-assigned one without a client id."""
    from azure.identity.aio import ManagedIdentityCredential  # noqa: PLC0415 - 0.3 s, and not needed locally

    return ManagedIdentityCredential(client_id=client_id)


def retry_after_s(error: HttpResponseError) -> float | None:
    """Return how long the service asked to wait, in seconds; None if it did not say, or not in seconds."""
    response: Any = error.response  # of one of several types, some without headers
    try:
        return float(response.headers["Retry-After"])
    except (AttributeError, KeyError, ValueError):
        return None
