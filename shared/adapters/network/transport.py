"""HTTP transports of the Azure SDKs, with the machine's authorities and without proxies. Storage requests are counted.

Proxies of the environment are never used, because they would see the destinations of tokens and secrets.
"""

from typing import Any, Final

import aiohttp
from aiohttp.abc import AbstractResolver
from azure.core.exceptions import HttpResponseError
from azure.core.pipeline.transport import AioHttpTransport

from shared.adapters.network.tls import tls_context
from shared.telemetry import count_storage_request

#: Timeout for opening a connection, in seconds.
_CONNECT_S: Final = 10
#: Timeout between two reads of a response, in seconds. The services time out after 30 s; the SDK's default of 300 s
#: would outlast a job.
_READ_S: Final = 40


class DirectTransport(AioHttpTransport):  # type: ignore[misc] # the SDK loads it lazily, untyped
    """The SDK's transport with the `tls_context` at the time of opening."""

    def __init__(self, *, resolver: AbstractResolver | None = None, **options: Any) -> None:  # noqa: ANN401 - the SDK's
        # with settings from the environment, aiohttp looks for a .netrc and a proxy in a thread before every request
        super().__init__(use_env_settings=False, **options)
        self._resolver = resolver
        self.session: aiohttp.ClientSession | None

    async def open(self) -> None:
        """Open the connections like the SDK, but with `tls_context` and without settings from the environment."""
        if self.session is None and not self._has_been_opened:
            self.session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(ssl=tls_context(), resolver=self._resolver),
                trust_env=False,
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
            )
        await super().open()


class CountingTransport(DirectTransport):
    """Counts all requests, including retries, for the job that sends them."""

    def __init__(self) -> None:
        super().__init__(connection_timeout=_CONNECT_S, read_timeout=_READ_S)

    async def send(self, request: Any, **config: Any) -> Any:  # noqa: ANN401 - the SDK's
        """Count and send a request."""
        count_storage_request()
        return await super().send(request, **config)


def managed_identity(client_id: str | None) -> Any:  # noqa: ANN401 - the SDK's credential, imported only where needed
    """Return the credential of the app's managed identity. Without a client id, this is the system-assigned one."""
    from azure.identity.aio import ManagedIdentityCredential  # noqa: PLC0415 - takes 0.3 s and is not needed locally

    return ManagedIdentityCredential(client_id=client_id)


def retry_after_s(error: HttpResponseError) -> float | None:
    """Return the wait that the service asked for, in seconds; None if it asked for none, or not in seconds."""
    response: Any = error.response  # one of several types, some without headers
    try:
        return float(response.headers["Retry-After"])
    except (AttributeError, KeyError, ValueError):
        return None
