"""One customer's client of Microsoft Graph: the SDK's adapter, with what it lacks put around it.

No redirects, no proxies from the environment, requests counted, short waits only; longer ones belong to the queue.
"""

import asyncio
import ssl
from typing import Any, Final

import httpx
from azure.core.credentials_async import AsyncTokenCredential
from azure.core.pipeline.transport import AioHttpTransport
from azure.identity.aio import ClientSecretCredential
from kiota_abstractions.api_client_builder import register_default_deserializer
from kiota_abstractions.headers_collection import HeadersCollection
from kiota_abstractions.method import Method
from kiota_abstractions.request_information import RequestInformation
from kiota_authentication_azure.azure_identity_authentication_provider import AzureIdentityAuthenticationProvider
from kiota_http.middleware import RetryHandler
from kiota_http.middleware.options import RetryHandlerOption
from kiota_serialization_json.json_parse_node_factory import JsonParseNodeFactory
from msgraph.graph_request_adapter import GraphRequestAdapter
from msgraph_core import GraphClientFactory

from shared.adapters.graph.errors import ERROR_MAP, translated
from shared.domain.connection import Credentials
from shared.telemetry import count_graph_request

#: Longest wait that is slept through, in seconds; a longer one is the queue's.
_MAX_WAIT_S: Final = 10.0
_RETRIES: Final = 2
_TIMEOUT_S: Final = 60.0
#: Share of its limits at which a tenant's client slows down, and for how long, in seconds.
#: Source: https://learn.microsoft.com/graph/throttling-limits (x-ms-throttle-limit-percentage)
_SLOW_FROM: Final = 0.8
_SLOW_S: Final = 1.0

register_default_deserializer(JsonParseNodeFactory)  # without it the adapter cannot read Graph's error codes


class _Transport(httpx.AsyncHTTPTransport):
    """Counts every request, those of the retry handler included."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        count_graph_request()
        return await super().handle_async_request(request)


class _ShortRetries(RetryHandler):
    """The SDK's retries, but only where the wait is short."""

    def get_delay_time(self, *args: Any, **words: Any) -> float:  # noqa: ANN401 - the SDK's signature
        delay_s = float(super().get_delay_time(*args, **words))
        return delay_s if delay_s <= _MAX_WAIT_S else float(RetryHandlerOption.MAX_DELAY)


class RenewableCredential(AsyncTokenCredential):
    """The customer's credential, whose cached token can be thrown away to see what was granted meanwhile."""

    def __init__(self, credentials: Credentials) -> None:
        self._credentials = credentials
        self._inner = self._build()

    def _build(self) -> ClientSecretCredential:
        return ClientSecretCredential(
            tenant_id=self._credentials.azure_tenant_id,
            client_id=self._credentials.client_id,
            client_secret=self._credentials.client_secret,
            authority=self._credentials.endpoints.login,
            disable_instance_discovery=True,
            transport=AioHttpTransport(use_env_settings=False),
        )

    async def renew(self) -> None:
        """Forget the cached token."""
        await self._inner.close()
        self._inner = self._build()

    async def get_token(self, *scopes: str, **words: Any) -> Any:  # noqa: ANN401 - the SDK's token
        """Return a token, from the cache while it is good."""
        return await self._inner.get_token(*scopes, **words)

    async def close(self) -> None:
        """Close the connections."""
        await self._inner.close()

    async def __aexit__(self, *_: object) -> None:
        await self.close()


class GraphClient:
    """Sends requests with one customer's credentials and returns answers as bytes."""

    def __init__(self, credentials: Credentials) -> None:
        self.graph = credentials.endpoints.graph
        self.scope = f"{self.graph}/.default"
        self.credential = RenewableCredential(credentials)
        host = httpx.URL(self.graph).host
        provider = AzureIdentityAuthenticationProvider(self.credential, scopes=[self.scope], allowed_hosts=[host])
        self._transport = _Transport(verify=ssl.create_default_context(), http2=False)
        self._http = GraphClientFactory.create_with_custom_middleware(
            middleware=[_ShortRetries(RetryHandlerOption(delay=0.5, max_retries=_RETRIES))],
            client=httpx.AsyncClient(
                transport=self._transport,
                timeout=_TIMEOUT_S,
                trust_env=False,
                follow_redirects=False,
                event_hooks={"response": [_slow_down]},
            ),
        )
        self._adapter = GraphRequestAdapter(provider, self._http)

    async def get(self, url: str, *, eventual: bool = False) -> bytes | None:
        """Return the body of a GET; `eventual` allows an advanced query. Raises: the tree of `shared.errors`."""
        request = _request(Method.GET, url)
        if eventual:
            request.headers.add("ConsistencyLevel", "eventual")
        return await self._send(request)

    async def post(self, url: str, body: bytes) -> bytes | None:
        """Return the body of the answer to a POST of JSON."""
        request = _request(Method.POST, url)
        request.set_stream_content(body, "application/json")
        return await self._send(request)

    async def _send(self, request: RequestInformation) -> bytes | None:
        with translated():
            answer: bytes | None = await self._adapter.send_primitive_async(request, "bytes", ERROR_MAP)
        return answer

    async def close(self) -> None:
        """Close the connections; the SDK's wrapper of the transport would leave them open."""
        await self._http.aclose()
        await self._transport.aclose()
        await self.credential.close()


def _request(method: Method, url: str) -> RequestInformation:
    request = RequestInformation()
    request.http_method = method
    request.url = url
    request.headers = HeadersCollection()
    request.headers.add("Accept", "application/json")
    request.headers.add("x-ms-throttle-priority", "low")
    return request


async def _slow_down(response: httpx.Response) -> None:
    try:
        used = float(response.headers.get("x-ms-throttle-limit-percentage", 0))
    except ValueError:
        return
    if used >= _SLOW_FROM:
        await asyncio.sleep(_SLOW_S)
