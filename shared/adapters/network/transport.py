"""HTTP transports of the Azure SDKs, with the machine's authorities and without proxies. Storage requests are counted.

Proxies of the environment are never used, because they would see the destinations of tokens and secrets.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http import HTTPStatus
from typing import Any, ClassVar, Final, Self
from urllib.parse import urlsplit

import aiohttp
from aiohttp.abc import AbstractResolver
from azure.core.exceptions import AzureError, ClientAuthenticationError, HttpResponseError
from azure.core.pipeline.transport import AioHttpTransport

from shared.adapters.network.tls import tls_context
from shared.errors import Misconfigured, Transient
from shared.telemetry import count_storage_request, service_call
from shared.telemetry.metrics import STORAGE_REQUESTS

#: Statuses with which storage throttles.
#: Source: https://learn.microsoft.com/rest/api/storageservices/common-rest-api-error-codes (ServerBusy)
_BUSY: Final = frozenset({HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE})
#: Timeout for opening a connection, in seconds.
_CONNECT_S: Final = 10
#: Timeout between two reads of a response, in seconds. The services time out after 30 s; the SDK's default of 300 s
#: would outlast a job.
_READ_S: Final = 40


class DirectTransport(AioHttpTransport):  # type: ignore[misc] # the SDK loads it lazily, untyped
    """The SDK's transport with the `tls_context` at the time of opening."""

    #: Options of the session that say how it reads answers: the SDK inflates them.
    _reading: ClassVar[Mapping[str, Any]] = {"auto_decompress": False}

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
                **self._reading,
            )
        await super().open()


class CountingTransport(DirectTransport):
    """Counts all requests, including retries, for the job that sends them. Each is a span of its trace.

    `service` is `table` or `queue`.
    """

    def __init__(self, service: str) -> None:
        super().__init__(connection_timeout=_CONNECT_S, read_timeout=_READ_S)
        self._service = service

    async def send(self, request: Any, **config: Any) -> Any:  # noqa: ANN401 - the SDK's
        """Count and send a request."""
        count_storage_request()
        name = f"{request.method} {self._service} {_target(request.url)}"
        with service_call(name, STORAGE_REQUESTS, service=self._service) as call:
            response = await super().send(request, **config)
            call.answered(response.status_code, is_throttled=response.status_code in _BUSY)
            return response


def _target(url: str) -> str:
    """Return the name of the table or queue in the URL of a request: the rest contains keys of rows."""
    path = urlsplit(url).path.partition("(")[0].partition("/messages")[0]
    return path.rpartition("/")[2]


class AppIdentity:
    """The app's managed identity. A refusal of its endpoint is not taken for one of the service that needs the token.

    Its methods raise Misconfigured if the endpoint refuses, and Transient if it fails or does not answer.
    """

    def __init__(self, credential: Any) -> None:  # noqa: ANN401 - the SDK's
        self._credential = credential

    async def get_token(self, *scopes: str, **options: Any) -> Any:  # noqa: ANN401 - the SDK's
        """Return a token."""
        with _identity_errors():
            return await self._credential.get_token(*scopes, **options)

    async def get_token_info(self, *scopes: str, **options: Any) -> Any:  # noqa: ANN401 - the SDK's
        """Return a token with the time at which it should be renewed."""
        with _identity_errors():
            return await self._credential.get_token_info(*scopes, **options)

    async def close(self) -> None:
        """Close the connections."""
        await self._credential.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()


@contextmanager
def _identity_errors() -> Iterator[None]:
    try:
        yield
    except (ClientAuthenticationError, HttpResponseError) as error:
        status = error.status_code
        refused = status is not None and status < HTTPStatus.INTERNAL_SERVER_ERROR
        if refused and status not in {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS}:
            raise Misconfigured(
                f"The identity endpoint refuses the app ({status}): assign its managed identity, and set "
                "AzureWebJobsStorage__clientId to the client ID of that identity.",
                code="identity",
            ) from error
        raise Transient("The app's managed identity gave no token; try again.", code="identity") from error
    except AzureError as error:
        raise Transient("The identity endpoint could not be reached; try again.", code="identity") from error


def managed_identity(client_id: str | None) -> AppIdentity:
    """Return the credential of the app's managed identity. Without a client id, this is the system-assigned one."""
    from azure.identity.aio import ManagedIdentityCredential  # noqa: PLC0415 - takes 0.3 s and is not needed locally

    return AppIdentity(ManagedIdentityCredential(client_id=client_id))


def retry_after_s(error: HttpResponseError) -> float | None:
    """Return the wait that the service asked for, in seconds; None if it asked for none, or not in seconds."""
    response: Any = error.response  # one of several types, some without headers
    try:
        return float(response.headers["Retry-After"])
    except (AttributeError, KeyError, ValueError):
        return None
